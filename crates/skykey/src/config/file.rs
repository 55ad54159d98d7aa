//! The file as it is written, and the settings that it gives.

use std::path::Path;

use serde::Deserialize;
use skykey_broker::{BackendSettings, HandOutSettings};
use skykey_types::SignedDuration;

use super::jupyterhub::HubEntry;
use super::site::{EchoEntry, IamEntry, KeystoneEntry, PortalEntry};
use super::survey::Entry;
use super::words::Duration;
use super::{Config, Rounds};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    watch: Watch,
    #[serde(default)]
    ec2: Ec2,
    #[serde(default)]
    proof: ProofEntry,
    #[serde(default)]
    backend: BackendEntry,
    #[serde(default)]
    portal: PortalEntry,
    iam: Option<IamEntry>,
    keystone: Option<KeystoneEntry>,
    echo: Option<EchoEntry>,
    jupyterhub: Option<HubEntry>,
    #[serde(default)]
    survey: Vec<Entry>,
}

impl File {
    pub(super) fn into_config(self, beside: &Path) -> Result<Config, String> {
        let BackendEntry {
            rotate_after,
            unused_after,
        } = self.backend;
        for (what, time, least) in [
            (
                "watch.every",
                self.watch.every,
                SignedDuration::from_secs(1),
            ),
            (
                "proof.every",
                self.proof.every,
                SignedDuration::from_mins(1),
            ),
            (
                "backend.rotate_after",
                rotate_after,
                SignedDuration::from_hours(1),
            ),
            (
                "backend.unused_after",
                unused_after,
                SignedDuration::from_hours(1),
            ),
        ] {
            if time.0 < least {
                return Err(format!("{what} must be at least {}s", least.as_secs()));
            }
        }
        let at_echo = self.echo.is_some();
        let (jupyterhub, hand_out) = match self.jupyterhub {
            Some(entry) => {
                let (site, hand_out) = entry.into_site(beside)?;
                (Some(site), hand_out)
            }
            None => (None, HandOutSettings::default()),
        };
        let config = Config {
            watch_every: self.watch.every.0,
            iam_grace: self.watch.iam_grace.0,
            ec2_kept: self.ec2.kept.0,
            prove_every: self.proof.every.0,
            backend: BackendSettings {
                rotate_after: rotate_after.0,
                unused_after: unused_after.0,
                ..BackendSettings::default()
            },
            portal: self.portal.into_site(beside)?,
            iam: self.iam.map(|entry| entry.into_site(beside)).transpose()?,
            keystone: self
                .keystone
                .map(|entry| entry.into_settings(beside))
                .transpose()?,
            echo: self.echo.map(|entry| entry.into_site(beside)).transpose()?,
            jupyterhub,
            hand_out,
            surveys: self
                .survey
                .into_iter()
                .map(|entry| entry.into_survey(beside, at_echo))
                .collect::<Result<_, _>>()?,
            rounds: Rounds::InTheBackground,
        };
        config.fits_together()?;
        Ok(config)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Watch {
    every: Duration,
    iam_grace: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            every: Duration(SignedDuration::from_secs(30)),
            iam_grace: Duration(SignedDuration::from_mins(5)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ec2 {
    kept: Duration,
}

impl Default for Ec2 {
    fn default() -> Self {
        Self {
            kept: Duration(SignedDuration::from_secs(10)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ProofEntry {
    every: Duration,
}

impl Default for ProofEntry {
    fn default() -> Self {
        Self {
            every: Duration(SignedDuration::from_hours(1)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BackendEntry {
    rotate_after: Duration,
    unused_after: Duration,
}

impl Default for BackendEntry {
    fn default() -> Self {
        let settings = BackendSettings::default();
        Self {
            rotate_after: Duration(settings.rotate_after),
            unused_after: Duration(settings.unused_after),
        }
    }
}
