//! skykey's own time: the machine's, but that it never goes back, not even over a restart.

use std::time::Duration;

use skykey_broker::{Database, DatabaseError};
use skykey_types::{Clock, SignedDuration, SteadyClock, Timestamp};
use tokio::sync::watch;

const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Less is a correction, and nobody's trouble.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(2);
/// A database that is further ahead was written by a clock that was wrong: longer than this no lease
/// lasts, and who waited for the machine to catch up would wait too long.
const BELIEVED: SignedDuration = SignedDuration::from_hours(12);

/// Does not go back behind the database's newest entry.
pub(super) async fn go_on_from(
    clock: &SteadyClock,
    database: &dyn Database,
) -> Result<(), DatabaseError> {
    let now = clock.now();
    let Some(last) = database.last_written().await?.filter(|last| *last > now) else {
        return Ok(());
    };
    let ahead = last.duration_since(now);
    if ahead > BELIEVED {
        tracing::error!(%now, %last, "the database was written at a time that is yet to come: the machine's clock \
            is wrong, or was; going by it as it is");
        return Ok(());
    }
    tracing::warn!(%now, %last, "the machine's clock was set back; going on from the database's newest entry");
    clock.not_before(last);
    Ok(())
}

/// Says in the log when the machine's clock is set back, until `stop` turns true.
pub(super) async fn tell(clock: SteadyClock, mut stop: watch::Receiver<bool>) {
    let mut told = SignedDuration::ZERO;
    loop {
        let lead = clock.lead();
        if (lead - told).abs() >= WORTH_TELLING {
            told = lead;
            say(clock.now(), lead);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            changed = stop.wait_for(|stop| *stop) => {
                let _ = changed; // the sender is gone: stop, too
                return;
            }
        }
    }
}

fn say(now: Timestamp, lead: SignedDuration) {
    if lead < WORTH_TELLING {
        tracing::info!(%now, "the machine's clock has caught up");
    } else {
        tracing::warn!(%now, seconds = lead.as_secs(), "the machine's clock was set back by so much; time goes on here \
            from where it was, until a restart");
    }
}
