//! `skykey exec`: a command with an endpoint that gives it credentials as long as it runs.

mod endpoint;
mod environment;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::Wanted;
use endpoint::Endpoint;

#[derive(Args)]
pub(crate) struct Exec {
    #[command(flatten)]
    wanted: Wanted,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Exec {
    /// The command's exit code; 128 and the signal if one ended it, as shells say it.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let client = Arc::new(self.wanted.at.client()?);
        let wish = self.wanted.wish();
        // A refusal is better heard now than by a tool in the middle of its work.
        let first = client.credentials(&wish).await?;
        let endpoint = Endpoint::start(client, wish).await?;
        let mut signals = signals()?;
        let (program, arguments) = self
            .command
            .split_first()
            .context("there is no command after --")?;
        let mut command = Command::new(program);
        command.args(arguments);
        environment::prepare(&mut command, &endpoint, &first.place);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start '{}'", program.to_string_lossy()))?;
        let status = wait(child, &mut signals).await?;
        Ok(exit_code(status))
    }
}

/// Waits for the child and passes on what comes in.
async fn wait(
    mut child: Child,
    signals: &mut mpsc::Receiver<Signal>,
) -> anyhow::Result<ExitStatus> {
    let pid = Pid::from_child(&child);
    let mut ended = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            status = &mut ended => return Ok(status??),
            Some(signal) = signals.recv() => {
                // One that has just ended needs no signal.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

/// What is sent to us and meant for the command. A terminal sends Ctrl-C to both, so then it is not
/// passed on; we wait for what the command makes of it.
fn signals() -> anyhow::Result<mpsc::Receiver<Signal>> {
    let (sender, receiver) = mpsc::channel(16);
    let from_the_terminal = io::stdin().is_terminal();
    for (kind, number, by_terminal) in [
        (SignalKind::terminate(), Signal::TERM, false),
        (SignalKind::user_defined1(), Signal::USR1, false),
        (SignalKind::user_defined2(), Signal::USR2, false),
        (SignalKind::hangup(), Signal::HUP, false),
        (SignalKind::interrupt(), Signal::INT, true),
        (SignalKind::quit(), Signal::QUIT, true),
    ] {
        let mut stream = signal(kind).context("cannot listen for signals")?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let both_have_it = by_terminal && from_the_terminal;
                if !both_have_it && sender.send(number).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
