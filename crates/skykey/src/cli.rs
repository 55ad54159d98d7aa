//! The command line.

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use skykey_types::SystemClock;
use tracing_subscriber::EnvFilter;

use crate::config::SurveySource;
use crate::up::{self, Options};

/// Keys to the sky: short-lived, read-only S3 credentials for survey images.
#[derive(Parser)]
#[command(name = "skykey", version, about, long_about = None, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on this machine: portal, IAM, Keystone and an S3 endpoint with images
    ///
    /// One process serves the portal (base port), an embedded INDIGO IAM (+1), an embedded
    /// OpenStack Keystone (+2) and an S3 and STS endpoint (+3). When it is ready it prints who can
    /// log in and what to try, and writes the same as JSON to DIR/up.json. Ctrl-C stops it;
    /// starting again on the same state goes on where it stopped.
    ///
    /// Without --config there is one survey, `demo`, whose images it renders itself.
    #[command(
        after_help = "Examples:\n  skykey up\n  skykey up --survey m13=./images --state /tmp/sky\n  RUST_LOG=skykey=debug skykey up\n  RUST_LOG=warn,skykey=info,s3s=off skykey up    (a line for each request)"
    )]
    Up {
        /// Where everything is kept; made if it is not there
        #[arg(long, value_name = "DIR", default_value = "./skykey-state")]
        state: PathBuf,
        /// The portal's port; the IAM, Keystone and S3 take the three after it
        #[arg(long, value_name = "N", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65532))]
        base_port: u16,
        /// The address to listen on; anything but loopback lets others try passwords
        #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
        listen: IpAddr,
        /// Publish every file under DIR as the survey NAME, in a bucket of that name; repeatable
        #[arg(long = "survey", value_name = "NAME=DIR")]
        surveys: Vec<SurveySource>,
        /// Surveys and settings from a TOML file, instead of the demo survey
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// How the log on standard error is written; as JSON it has a line for each request
        #[arg(
            long,
            value_name = "FORMAT",
            env = "SKYKEY_LOG",
            default_value = "text"
        )]
        log_format: LogFormat,
    },
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  skykey completions bash > ~/.local/share/bash-completion/completions/skykey"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// An object a line, for machines
    Json,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    let result = match command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "skykey", &mut script);
            io::stdout().write_all(&script).map_err(anyhow::Error::from)
        }
        Command::Up {
            state,
            base_port,
            listen,
            surveys,
            config,
            log_format,
        } => {
            start_logging(log_format);
            let options = Options {
                state,
                base_port,
                listen,
                surveys,
                config,
            };
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(anyhow::Error::from)
                .and_then(|runtime| {
                    let result = runtime.block_on(up::run(options, Arc::new(SystemClock)));
                    // Whatever still runs has had its time.
                    runtime.shutdown_background();
                    result
                })
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The log goes to standard error; `RUST_LOG` chooses what is in it. `s3s` reports every 404 as an
/// error of its own, so it is silent unless asked for: the endpoint logs what matters. Requests
/// (`skykey::access`) would bury what people look for on a terminal; machines want them.
fn start_logging(format: LogFormat) {
    let usual = match format {
        LogFormat::Text => "warn,skykey=info,skykey::access=warn,s3s=off",
        LogFormat::Json => "warn,skykey=info,s3s=off",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
