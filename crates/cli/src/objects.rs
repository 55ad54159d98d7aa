//! `skykey ls`, `cat` and `cp`: small conveniences over the same lease that other tools get. The
//! requests to the object store are in `skykey-transfer`; this module chooses the lease and prints.

pub(crate) mod cat;
pub(crate) mod cp;
mod keys;
pub(crate) mod ls;
mod place;
mod progress;
mod sizes;

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use skykey_client::{Client, Identity};
use skykey_transfer::{ObjectAddress, Objects, ObjectsSettings};
use skykey_types::SurveyName;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::At;
use super::identity::Asker;
use keys::Lease;

/// Whose lease.
#[derive(Args, Debug, Clone)]
pub(crate) struct Using {
    /// The survey whose lease to use; by default the one of the address
    #[arg(long, value_name = "NAME")]
    survey: Option<SurveyName>,
    #[command(flatten)]
    asker: Asker,
    #[command(flatten)]
    at: At,
}

impl Using {
    fn client(&self) -> anyhow::Result<Arc<Client>> {
        let client = self.asker.client(&self.at, |name| std::env::var_os(name))?;
        Ok(Arc::new(client))
    }

    /// The survey that was named, or the one at that address.
    async fn survey(&self, client: &Client, at: &ObjectAddress) -> anyhow::Result<SurveyName> {
        match (&self.survey, client.identity()) {
            (Some(survey), _) => Ok(survey.clone()),
            // A hub's token sees no survey but its own.
            (None, Identity::Hub(_)) => Ok(client.usual_survey().await?),
            (None, _) => place::survey_at(&client.surveys().await?, at),
        }
    }
}

/// The object store with a lease that reads the survey.
async fn store(client: &Arc<Client>, survey: SurveyName) -> anyhow::Result<Objects> {
    let lease = Arc::new(Lease::reading(client.clone(), survey));
    store_with(client, &lease).await
}

async fn store_with(client: &Arc<Client>, lease: &Arc<Lease>) -> anyhow::Result<Objects> {
    let place = lease.place().await?;
    let endpoint: Url = place
        .endpoint
        .parse()
        .context("the portal names no address for its object store")?;
    let settings = ObjectsSettings {
        endpoint,
        region: place.region,
    };
    Ok(Objects::new(
        settings,
        lease.clone(),
        client.clock().clone(),
    )?)
}

/// Standard output, until nobody reads on (`| head`), which is no error.
struct Output(io::StdoutLock<'static>);

impl Output {
    fn new() -> Self {
        Self(io::stdout().lock())
    }

    /// Whether somebody still reads.
    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<bool> {
        match self.0.write_all(bytes).and_then(|()| self.0.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).context("cannot write to standard output"),
        }
    }
}

/// The person stopped it; what was done until then. The exit code is 130, as shells have it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; {0}")]
pub struct Interrupted(String);

/// Ends when the person says so: Ctrl-C, or SIGTERM.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
