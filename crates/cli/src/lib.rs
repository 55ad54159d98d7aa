//! The commands of a person: everything that asks a portal in their name. Each is one file, with its
//! arguments and their help; the work is `skykey-client`'s.

mod agent;
mod command;
mod complaint;
mod config_file;
mod credentials;
mod doctor;
mod endpoint;
mod environment;
mod exec;
pub mod exit;
mod formats;
mod identity;
mod leases;
mod login;
mod logout;
mod objects;
mod request;
mod revoke;
mod setup;
mod surveys;
pub mod variables;
mod whoami;

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use skykey_client::{Client, CredentialsRequest, Identity, Places, Portal};
use skykey_types::{SignedDuration, SurveyName, SystemClock, Timestamp};

pub use agent::{Agent, AgentExit, AgentOptions, OnRefused, ParseOnRefusedError};
pub use command::Command;
pub use complaint::complain;
pub use doctor::run as run_doctor;
pub use identity::Asker;
pub use objects::Interrupted;
pub use revoke::give_back;

/// Where `skykey up` is, unless told otherwise.
const HERE: &str = "http://127.0.0.1:8080/";

/// Which portal.
#[derive(Args, Debug, Clone)]
pub struct At {
    /// The portal; by default the one you are logged in at, else the one on this machine
    #[arg(long, value_name = "URL", env = variables::PORTAL)]
    portal: Option<Portal>,
}

/// Which credentials.
#[derive(Args, Debug, Clone)]
pub(crate) struct CredentialsArgs {
    /// The survey; `skykey surveys` lists them
    #[arg(long, value_name = "NAME")]
    survey: SurveyName,
    /// The lifetime: 6h, 90m, or seconds; by default the survey's shortest
    #[arg(long, value_name = "TIME", value_parser = lifetime, allow_hyphen_values = true)]
    lifetime: Option<u32>,
    #[command(flatten)]
    asker: Asker,
    #[command(flatten)]
    at: At,
}

impl At {
    /// At that portal, if none is named.
    fn or(mut self, portal: Option<Portal>) -> Self {
        self.portal = self.portal.or(portal);
        self
    }

    /// At the portal that is named, or logged in at, else at the one on this machine.
    fn client(&self) -> anyhow::Result<Client> {
        match self.known()? {
            Some(portal) => client_at(portal),
            None => client_at(HERE.parse()?),
        }
    }

    /// The same, for a token that is not a login's: it is never sent to a portal that nobody named, since
    /// anybody may listen on this machine.
    fn client_for_token(&self) -> anyhow::Result<Client> {
        match self.known()? {
            Some(portal) => client_at(portal),
            None => bail!(
                "a token is sent only to a portal that is named; say which with --portal or SKYKEY_PORTAL"
            ),
        }
    }

    fn known(&self) -> anyhow::Result<Option<Portal>> {
        if let Some(portal) = &self.portal {
            return Ok(Some(portal.clone()));
        }
        match places()?.portals()?.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            several => bail!(
                "you are logged in at several portals ({}); choose one with --portal or SKYKEY_PORTAL",
                listed(several)
            ),
        }
    }
}

fn client_at(portal: Portal) -> anyhow::Result<Client> {
    Ok(Client::new(&places()?, portal, Arc::new(SystemClock))?)
}

impl CredentialsArgs {
    fn client(&self) -> anyhow::Result<Client> {
        let client = self.asker.client(&self.at, |name| std::env::var_os(name))?;
        no_choice_of_lifetime(&client, self.lifetime)?;
        Ok(client)
    }

    fn wish(&self) -> CredentialsRequest {
        CredentialsRequest {
            survey: self.survey.clone(),
            lifetime: self.lifetime,
        }
    }
}

/// For a notebook server the portal decides.
fn no_choice_of_lifetime(client: &Client, lifetime: Option<u32>) -> anyhow::Result<()> {
    if matches!(client.identity(), Identity::Hub(_)) && lifetime.is_some() {
        bail!(
            "how long a notebook server's credentials last is the portal's choice; leave --lifetime out"
        );
    }
    Ok(())
}

fn places() -> anyhow::Result<Places> {
    Ok(Places::of_environment(|name| std::env::var_os(name))?)
}

/// Seconds, from digits or from a duration such as `6h`. The range is the portal's to judge.
fn lifetime(text: &str) -> Result<u32, String> {
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => Some(seconds),
        Err(_) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|duration| u32::try_from(duration.as_secs()).ok()),
    };
    seconds
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| "write for example 6h, 90m or 3600".to_owned())
}

fn listed<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// A time for people.
fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Writes to standard output. That nobody reads on (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_seconds_or_a_duration() {
        for (text, seconds) in [
            ("3600", 3600),
            ("6h", 21_600),
            ("90m", 5400),
            ("1h 30m", 5400),
        ] {
            assert_eq!(lifetime(text), Ok(seconds));
        }
        for text in ["", "0", "-1", "-1h", "soon", "1e9", "99999999999"] {
            assert!(lifetime(text).unwrap_err().contains("6h"), "{text}");
        }
    }
}
