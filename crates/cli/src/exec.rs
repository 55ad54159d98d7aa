//! `skykey exec`: a command with an endpoint that gives it credentials as long as it runs.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use axum::Router;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use skykey_client::{Client, CredentialsRequest, GrantedLease};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::CredentialsArgs;
use super::endpoint::{Endpoint, Refusal, Source, new_bearer};
use super::environment::Variables;
use super::exit::{NOT_EXECUTABLE, NOT_FOUND};

#[derive(Args)]
pub struct Exec {
    #[command(flatten)]
    wanted: CredentialsArgs,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// A source that asks the client at each request. The client keeps valid credentials on the disk.
struct ClientSource {
    client: Arc<Client>,
    wish: CredentialsRequest,
}

#[async_trait]
impl Source for ClientSource {
    async fn credentials(&self) -> Result<Arc<GrantedLease>, Refusal> {
        let (client, wish) = (Arc::clone(&self.client), self.wish.clone());
        let asked = tokio::spawn(async move { client.credentials(&wish).await });
        match asked.await {
            Ok(Ok(granted)) => Ok(Arc::new(granted)),
            Ok(Err(error)) => Err(Refusal::from(&error)),
            Err(_) => Err(Refusal {
                is_final: false,
                code: "internal".to_owned(),
                message: "skykey exec failed".to_owned(),
            }),
        }
    }

    fn whose(&self) -> &'static str {
        "this endpoint is for the command that skykey exec runs"
    }
}

impl Exec {
    /// The command's exit code; 128 and the signal if one ended it, 127 if there is no such command and 126
    /// if it cannot be run, as shells say it.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let client = Arc::new(self.wanted.client()?);
        let wish = self.wanted.wish();
        // A refusal is better heard now than by a tool in the middle of its work.
        let first = client.credentials(&wish).await?;
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen on 127.0.0.1")?;
        let source = Arc::new(ClientSource { client, wish });
        let endpoint = Endpoint::serve(listener, new_bearer(), source, Router::new(), ())?;
        let mut signals = signals()?;
        let (program, arguments) = self
            .command
            .split_first()
            .context("there is no command after --")?;
        let mut command = Command::new(program);
        command.args(arguments);
        Variables::of(&endpoint.url(), endpoint.bearer(), &first.place)?.give_to(&mut command);
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let program = program.to_string_lossy();
                let _ = writeln!(io::stderr(), "error: cannot start '{program}': {error}");
                let code = match error.kind() {
                    io::ErrorKind::NotFound => NOT_FOUND,
                    _ => NOT_EXECUTABLE,
                };
                return Ok(ExitCode::from(code));
            }
        };
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
