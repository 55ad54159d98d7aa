//! `skykey revoke --project`: what a site can do when session tokens must end before their time.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use skykey_broker::{Database, Leases, MAX_TOKEN_LIFETIME, ProjectLeases, RGW_REMEMBERS};
use skykey_database::SqliteDatabase;
use skykey_echo::user_policy::{self, UserPolicy};
use skykey_types::{Clock, ProjectName, Survey, SystemClock, Timestamp};
use skykey_upstream::UpstreamMetrics;

use super::{RealSite, project_id};
use crate::systems::SiteClients;

/// What the command line said.
#[derive(Debug, Clone)]
pub struct RevokeOptions {
    /// The state directory, whose database knows who still has live credentials.
    pub state: PathBuf,
    /// Which project is suspended.
    pub project: ProjectName,
    /// End the suspension instead.
    pub lift: bool,
    /// Do it; otherwise it is only said what it would cost.
    pub yes: bool,
}

/// Suspends a project at Echo, or ends that and puts its policies back.
pub async fn revoke(site: RealSite, options: RevokeOptions) -> anyhow::Result<()> {
    let admin = site.echo.admin.clone().context(
        "suspending needs the keys of a gateway user with the capability users=*; write them under [echo.admin]",
    )?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let clients = SiteClients::new(
        &site.keystone,
        &site.echo,
        &clock,
        &UpstreamMetrics::default(),
    )?;
    let survey = site
        .surveys
        .iter()
        .find(|survey| survey.access_of_project(options.project.as_str()).is_some())
        .with_context(|| {
            format!(
                "no survey of the configuration has the project {}",
                options.project
            )
        })?;
    let project = project_id(&clients, &options.project).await?;
    let kept = Kept::of(&options);
    if options.lift {
        clients.echo.enable(&admin, &project).await?;
        // Suspending and enabling both make the gateway forget them.
        user_policy::put_back(&clients.echo, &admin, &project, &kept.read()?).await?;
        kept.forget()?;
        writeln!(
            io::stdout().lock(),
            "{} is no longer suspended, and its policies are back. Session tokens that had not expired work again.",
            options.project
        )?;
        return Ok(());
    }
    let cost = cost(&options, survey, &*clock).await?;
    write!(io::stdout().lock(), "{cost}")?;
    if !options.yes {
        bail!("nothing was done; add --yes to do it");
    }
    let policies = user_policy::remember(&clients.echo, &admin, &project).await?;
    if !policies.is_empty() {
        kept.write(&policies)?;
    }
    clients.echo.suspend(&admin, &project).await?;
    writeln!(
        io::stdout().lock(),
        "{} is suspended: Echo refuses everybody in it from now on. 'skykey revoke --project {} --lift' ends that.",
        options.project,
        options.project
    )?;
    Ok(())
}

/// Who loses what, and until when it must stay so to be of use.
async fn cost(
    options: &RevokeOptions,
    survey: &Survey,
    clock: &dyn Clock,
) -> anyhow::Result<String> {
    let path = options.state.join("broker.db");
    if !path.exists() {
        bail!(
            "{} does not exist; name the state directory of the running skykey with --state",
            path.display()
        );
    }
    let database = SqliteDatabase::open(&path)
        .await
        .with_context(|| format!("cannot open {}", path.display()))?;
    let now = clock.now();
    let leases = database
        .project_leases(survey, &options.project, now)
        .await?;
    database.close().await;
    Ok(format!(
        "Suspending {} refuses everybody who reads or writes {} through it: {} with {} live leases. It does not stop the keys of roles (assume-role).\n{}",
        options.project,
        survey.name,
        people(leases.people),
        leases.live,
        until(&leases, leases.own_tokens_until(now), &options.project),
    ))
}

/// Until when a suspension must stay to be of use.
fn until(leases: &ProjectLeases, own_tokens: Option<Timestamp>, project: &ProjectName) -> String {
    let mut told = String::new();
    if leases.pending_deletions > 0 {
        let _ = writeln!(
            told,
            "EC2 credentials for {project} of {} who left are not deleted at Keystone yet. See to it first: what follows is counted from now.",
            people(leases.pending_deletions)
        );
    }
    let Some(end) = leases.revoked_until.max(own_tokens) else {
        told.push_str(
            "Nobody who was removed has credentials that still work, so nothing is gained by it.\n",
        );
        return told;
    };
    let _ = writeln!(
        told,
        "The last credentials of somebody who was removed expire at {}. Lifted earlier, they work again.",
        end.strftime("%H:%M:%S UTC on %-d %B %Y")
    );
    if own_tokens == Some(end) {
        let _ = writeln!(
            told,
            "Those are session tokens that somebody may have made at Echo's own STS from an EC2 credential of their own: up to {} s after it was deleted, or given back, Echo still made them, of up to {} s, or what rgw_sts_max_session_duration is there.",
            RGW_REMEMBERS.as_secs(),
            MAX_TOKEN_LIFETIME.as_secs()
        );
    }
    told
}

fn people(count: i64) -> String {
    match count {
        1 => "1 person".to_owned(),
        count => format!("{count} people"),
    }
}

/// The project's user policies while it is suspended, in a file of the state directory.
struct Kept(PathBuf);

impl Kept {
    fn of(options: &RevokeOptions) -> Self {
        let name = format!("suspended-{}.json", options.project);
        Self(options.state.join(name))
    }

    fn write(&self, policies: &[UserPolicy]) -> anyhow::Result<()> {
        let pairs: Vec<(&str, &str)> = policies
            .iter()
            .map(|policy| (policy.name.as_str(), policy.document.as_str()))
            .collect();
        skykey_seal::write_private(&self.0, &serde_json::to_vec_pretty(&pairs)?)
            .with_context(|| format!("cannot write {}", self.0.display()))
    }

    /// What was kept; without a file the policy that `skykey survey apply` puts.
    fn read(&self) -> anyhow::Result<Vec<UserPolicy>> {
        let shown = self.0.display();
        let bytes =
            skykey_seal::read_private(&self.0).with_context(|| format!("cannot read {shown}"))?;
        let pairs: Vec<(String, String)> = match bytes {
            Some(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{shown} is damaged"))?
            }
            None => vec![(user_policy::NAME.to_owned(), user_policy::document())],
        };
        Ok(pairs
            .into_iter()
            .map(|(name, document)| UserPolicy { name, document })
            .collect())
    }

    fn forget(&self) -> anyhow::Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it is told what may not be there")]
    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    fn told(revoked: Option<Timestamp>, own: Option<Timestamp>, left_over: i64) -> String {
        let leases = ProjectLeases {
            people: 1,
            live: 2,
            revoked_until: revoked,
            ec2_ended: None,
            pending_deletions: left_over,
        };
        until(&leases, own, &"m13-ro".parse().unwrap())
    }

    #[test]
    fn session_tokens_that_people_made_at_echo_themselves_are_counted_when_it_is_said_until_when_a_project_is_suspended()
     {
        let (early, late) = (at("2027-01-01T01:00:00Z"), at("2027-01-01T12:05:00Z"));
        assert!(told(None, None, 0).starts_with("Nobody who was removed"));
        let leased = told(late, early, 0);
        assert!(leased.contains("expire at 12:05:00 UTC on 1 January 2027"));
        assert!(!leased.contains("own STS"), "{leased}");
        let own = told(early, late, 0);
        assert!(own.contains("expire at 12:05:00 UTC on 1 January 2027"));
        assert!(
            own.contains("up to 300 s") && own.contains("up to 43200 s"),
            "{own}"
        );
        let left = told(None, late, 1);
        assert!(
            left.starts_with("EC2 credentials for m13-ro of 1 person who left are not deleted"),
            "{left}"
        );
    }
}
