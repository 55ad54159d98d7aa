//! `skykey doctor`: looks at every system around skykey, says of each what is well and what is not, and
//! walks the ways that people go. A finding that is not well names its cause and what to do; what depends
//! on it is not tried, so that the first cause stands out.
//!
//! It changes nothing and leaves nothing behind: the EC2 credentials of the backend user that it makes are
//! deleted at the end, also when it is interrupted. Beside a running skykey it does no harm, nor does that
//! harm it: the running one deletes credentials of the backend user that it does not know once an hour,
//! and these live for seconds. Whom that meets sees a check fail that passes the next time.

mod echo;
mod hub;
mod iam;
mod keys;
mod keystone;
mod sessions;
mod survey;
mod target;
mod ways;

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::bail;
use skykey_types::{Clock, SystemClock};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

pub use skykey_checks::report::{Check, Report};
pub use target::Examination;

use keys::Keys;
use skykey_checks::report::Table;
use skykey_checks::section::{Section, SharedResult};
use target::Target;

/// What the examinations share.
struct At {
    target: Target,
    clock: Arc<dyn Clock>,
    keys: Keys,
    /// The ids of the projects in which the backend user is a member.
    places: SharedResult<keystone::ProjectIds>,
    /// Whether Echo believes the backend user's EC2 credentials.
    ec2: SharedResult<()>,
    /// Whether session tokens can be had and work.
    sessions: SharedResult<()>,
    /// Whether the keys of the gateway's own user may look at projects.
    admin: SharedResult<()>,
    /// The surveys whose readers read and cannot write.
    sound: SharedResult<survey::Sound>,
}

/// Examines, and prints what is found. It ends well only if all is well.
pub async fn run(examination: Examination, json: bool) -> anyhow::Result<()> {
    // Asked for first, so that a signal at the beginning is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let target = Target::of(examination)?;
    let mut table = (!json).then(|| Table::new(target.survey_names()));
    let report = examine_until(target, stop, |check| {
        if let Some(table) = &mut table {
            // Nobody reading any more must not keep us from deleting what was made.
            let _ = table.line(check);
        }
    })
    .await;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    }
    out.flush()?;
    if report.interrupted {
        bail!("interrupted; what was made until then is deleted, or named above");
    }
    if let Some(verdict) = report.complaint() {
        bail!(verdict);
    }
    if !json {
        writeln!(out, "\nEvery check passed.")?;
    }
    Ok(())
}

/// Examines, silently. An error says that there is nothing to examine: what is found to be wrong is in
/// the report.
pub async fn examine(examination: Examination) -> anyhow::Result<Report> {
    let target = Target::of(examination)?;
    Ok(examine_until(target, std::future::pending(), |_| ()).await)
}

/// Examines until all is done or `stop` is, tells `seen` of each check in the fixed order as soon as it can
/// be told, and deletes what was made.
async fn examine_until(
    target: Target,
    stop: impl Future<Output = ()>,
    mut seen: impl FnMut(&Check),
) -> Report {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let at = At {
        keys: Keys::new(target.clients.site.clone()),
        clock,
        places: SharedResult::default(),
        ec2: SharedResult::default(),
        sessions: SharedResult::default(),
        admin: SharedResult::default(),
        sound: SharedResult::default(),
        target,
    };
    let (sections, receivers): (Vec<_>, Vec<_>) = (0..8).map(|_| Section::new()).unzip();
    let mut checks = Vec::new();
    let interrupted = {
        let examining = all(&at, sections, receivers, |check| {
            seen(&check);
            checks.push(check);
        });
        tokio::select! {
            () = examining => false,
            () = stop => true,
        }
    };
    if interrupted {
        let _ = writeln!(
            io::stderr(),
            "\nending the running checks, and deleting what they created …"
        );
    }
    let last = at.keys.give_all_back().await;
    seen(&last);
    checks.push(last);
    Report {
        checks,
        interrupted,
    }
}

/// Side by side, each waiting for what it needs of another; told one after the other.
async fn all(
    at: &At,
    sections: Vec<Section>,
    receivers: Vec<mpsc::UnboundedReceiver<Check>>,
    mut tell: impl FnMut(Check),
) {
    let Ok([iam, keystone, echo, hub, sessions, surveys, ways, deletion]) =
        <[Section; 8]>::try_from(sections)
    else {
        unreachable!("there are eight sections, see above");
    };
    let telling = async {
        for mut receiver in receivers {
            while let Some(check) = receiver.recv().await {
                tell(check);
            }
        }
    };
    tokio::join!(
        Box::pin(iam::examine(at, iam)),
        Box::pin(keystone::examine(at, keystone)),
        Box::pin(echo::examine(at, echo)),
        Box::pin(hub::examine(at, hub)),
        Box::pin(sessions::examine(at, sessions)),
        Box::pin(survey::examine(at, surveys)),
        Box::pin(ways::examine(at, ways)),
        Box::pin(echo::deletion(at, deletion)),
        telling,
    );
}
