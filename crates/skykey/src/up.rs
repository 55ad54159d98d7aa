//! `skykey up`: the whole sky on one machine, in one process.

mod announce;
mod doors;
mod images;
mod people;
mod ports;
mod readiness;
mod stand_ins;
mod state_dir;
mod time;
mod world;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use skykey_types::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::SurveySource;

pub use announce::{UpFile, UpPerson, UpSurvey};
pub(crate) use stand_ins::peek;
pub use world::World;

/// What the command line said.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept.
    pub state: PathBuf,
    /// The portal's port; the IAM, Keystone and S3 use the next three. In tests 0: any four.
    pub base_port: u16,
    /// The address to listen on.
    pub listen: IpAddr,
    /// Surveys to add.
    pub surveys: Vec<SurveySource>,
    /// The configuration file.
    pub config: Option<PathBuf>,
}

/// Starts everything, says so, and serves until SIGINT or SIGTERM.
pub async fn run(options: Options, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    // Asked for first, so that a signal during the start is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let state = options.state.clone();
    let world = tokio::select! {
        world = World::start(options, clock) => world?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    announce::print(world.up_file(), &state)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    world.stop().await;
    Ok(())
}
