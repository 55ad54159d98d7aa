//! `skykey agent`, `skykey agent env` and `skykey agent status`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use rustix::process::{Pid, test_kill_process};
use serde::Deserialize;
use skykey_client::ClientError;
use skykey_types::SurveyName;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::folder::Seen;
use super::{Agent, AgentExit, AgentOptions, OnRefused, say, usual_folder};
use crate::complaint::complain;
use crate::exit::REFUSED;
use crate::identity::Asker;
use crate::{At, no_choice_of_lifetime, print, setup, variables};

const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AgentCommand {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum Other {
    /// Print the lines that point a shell at the running agent
    #[command(after_help = "Example:\n  eval \"$(skykey agent env)\"")]
    Env {
        /// How long to wait for an agent that is just starting, such as 10s
        #[arg(long, value_name = "TIME", value_parser = crate::lifetime)]
        wait: Option<u32>,
        #[command(flatten)]
        place: AgentArgs,
    },
    /// Show the state of the running agent; the exit code is 0 if it has credentials, 77 if it was refused, else 1
    Status {
        #[command(flatten)]
        place: AgentArgs,
    },
}

#[derive(Args)]
struct AgentArgs {
    /// The agent's folder, one for each agent [default: agent/MACHINE, beside the login]
    #[arg(long, value_name = "DIR", env = variables::AGENT_FOLDER)]
    folder: Option<PathBuf>,
}

#[derive(Args)]
struct Run {
    /// The survey; by default the only one that you may read
    #[arg(long, value_name = "NAME")]
    survey: Option<SurveyName>,
    /// The lifetime of each lease: 6h, 90m, or seconds; by default the survey's shortest
    #[arg(long, value_name = "TIME", value_parser = crate::lifetime)]
    lifetime: Option<u32>,
    /// The loopback address to listen on; port 0 means the port of the folder's last agent, or any
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = loopback)]
    listen: SocketAddr,
    /// Make a new bearer, and reject tools with that of the folder's last agent
    #[arg(long)]
    new_bearer: bool,
    /// An AWS credentials file with a profile to keep fresh, for tools that read nothing else
    #[arg(long, value_name = "FILE")]
    credentials_file: Option<PathBuf>,
    /// The profile's name, instead of the survey's
    #[arg(long, value_name = "NAME", requires = "credentials_file", value_parser = setup::profile_name)]
    profile: Option<String>,
    /// After a refusal, for example a removal from the group: wait and show tools the reason, exit with 77,
    /// or wait and run a command (the reason is in SKYKEY_REFUSED)
    #[arg(long, value_name = "wait|exit|COMMAND", default_value = "wait")]
    on_refused: OnRefused,
    #[command(flatten)]
    place: AgentArgs,
    #[command(flatten)]
    asker: Asker,
    #[command(flatten)]
    at: At,
}

impl AgentCommand {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.other {
            None => self.run.run().await,
            Some(Other::Env { wait, place }) => {
                let wait = Duration::from_secs(wait.unwrap_or_default().into());
                print(&place.seen()?.lines(wait).await?)?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Other::Status { place }) => place.seen()?.status().await,
        }
    }
}

impl Run {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.asker.client(&self.at, |name| std::env::var_os(name))?;
        no_choice_of_lifetime(&client, self.lifetime)?;
        let options = AgentOptions {
            survey: self.survey,
            lifetime: self.lifetime,
            listen: self.listen,
            folder: self.place.path()?,
            new_bearer: self.new_bearer,
            credentials_file: self.credentials_file.map(|file| (file, self.profile)),
            on_refused: self.on_refused,
        };
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        // The terminal that it was started from is closed.
        let mut hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
        let mut look = signal(SignalKind::user_defined1()).context("cannot listen for signals")?;
        let exits = matches!(options.on_refused, OnRefused::Exit);
        let agent = match Agent::start(options, client).await {
            Ok(agent) => agent,
            Err(error) if exits && is_refusal(&error) => {
                complain(&error);
                return Ok(ExitCode::from(REFUSED));
            }
            Err(error) => return Err(error),
        };
        say(&agent.announcement());
        let stop = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            }
        };
        let look_when_told = async {
            while look.recv().await.is_some() {
                agent.look().await;
            }
        };
        let ended = tokio::select! {
            ended = agent.run(stop) => ended,
            () = look_when_told => AgentExit::Stopped,
        };
        Ok(match ended {
            AgentExit::Stopped => ExitCode::SUCCESS,
            AgentExit::Refused => ExitCode::from(REFUSED),
        })
    }
}

fn is_refusal(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<ClientError>()
        .is_some_and(ClientError::is_refusal)
}

impl AgentArgs {
    fn path(&self) -> anyhow::Result<PathBuf> {
        match &self.folder {
            Some(folder) => Ok(folder.clone()),
            None => usual_folder(),
        }
    }

    fn seen(&self) -> anyhow::Result<Seen> {
        Ok(Seen(self.path()?))
    }
}

/// `GET /health`.
#[derive(Deserialize)]
struct Health {
    state: String,
    survey: String,
    seconds_left: Option<i64>,
    error: Option<String>,
}

impl Seen {
    /// `agent.env` of a running agent, waiting for it if need be.
    async fn lines(&self, wait: Duration) -> anyhow::Result<String> {
        let patience = Instant::now() + wait;
        loop {
            if self.is_running()
                && let Some(lines) = self.env()?
                && is_of_the_living(&lines)
            {
                return Ok(lines);
            }
            if Instant::now() >= patience {
                break;
            }
            sleep(LOOK_EVERY).await;
        }
        let health = self.health().await?;
        bail!(
            "the agent has no credentials yet: {}",
            health.error.unwrap_or(health.state)
        )
    }

    async fn status(&self) -> anyhow::Result<ExitCode> {
        let Health {
            state,
            survey,
            seconds_left,
            error,
        } = self.health().await?;
        let left = seconds_left.map(|seconds| format!(", {} min left", seconds / 60));
        let why = error.map(|error| format!(": {error}"));
        let (left, why) = (left.unwrap_or_default(), why.unwrap_or_default());
        print(&format!("{survey}: {state}{left}{why}\n"))?;
        Ok(match state.as_str() {
            "ready" => ExitCode::SUCCESS,
            "refused" => ExitCode::from(REFUSED),
            _ => ExitCode::FAILURE,
        })
    }

    async fn health(&self) -> anyhow::Result<Health> {
        let folder = self.0.display();
        if !self.is_running() {
            bail!("no agent is running in {folder}; start one with 'skykey agent'");
        }
        let Some(address) = self.address() else {
            bail!("the agent in {folder} is just starting; try again in a moment");
        };
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(3))
            .build()?;
        let answer = http.get(format!("http://{address}/health")).send().await;
        let answer = answer.with_context(|| format!("the agent in {folder} does not answer"))?;
        let health = answer.json().await;
        health.with_context(|| format!("what answers on {address} is no agent"))
    }
}

/// Whether the process that wrote these lines is there. The next agent in a folder takes a killed one's out a
/// moment after it has begun.
fn is_of_the_living(lines: &str) -> bool {
    let pid = lines
        .lines()
        .find_map(|line| line.strip_prefix("export SKYKEY_AGENT_PID='"))
        .and_then(|rest| rest.strip_suffix('\''))
        .and_then(|pid| pid.parse().ok())
        .and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "write an address and a port, such as 127.0.0.1:0 or [::1]:4000".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(
            "credentials are handed out on this machine only; write for example 127.0.0.1:0"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_agents_lines_are_not_taken_for_the_next_ones() {
        let lines = |pid: u32| format!("unset A\nexport SKYKEY_AGENT_PID='{pid}'\n");
        assert!(is_of_the_living(&lines(std::process::id())));
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        assert!(!is_of_the_living(&lines(dead.id())));
        assert!(!is_of_the_living("export A='b'\n"));
    }

    #[test]
    fn an_agent_listens_on_loopback_only() {
        for text in ["127.0.0.1:0", "127.9.9.9:4000", "[::1]:4000"] {
            assert_eq!(loopback(text).unwrap().to_string(), text);
        }
        for text in [
            "0.0.0.0:0",
            "[::]:0",
            "192.168.1.2:80",
            "[::ffff:10.0.0.1]:1",
        ] {
            let error = loopback(text).unwrap_err();
            assert!(error.contains("this machine only"), "{text}: {error}");
        }
        for text in ["", "localhost:0", "127.0.0.1", "4000"] {
            assert!(
                loopback(text).unwrap_err().contains("127.0.0.1:0"),
                "{text}"
            );
        }
    }
}
