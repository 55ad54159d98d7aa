//! The command line.

mod grouped;

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use skykey_cli::exit::INTERRUPTED;
use skykey_cli::{Interrupted, complain, variables};
use skykey_client::Portal;
use skykey_site::{ApplyOptions, HubLines, RevokeOptions};
use skykey_types::{ProjectName, SurveyName, SystemClock};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::config::{Config, SurveySource};
use crate::doctor::{DoctorOptions, Source};
use crate::man;
use crate::up::{self, Options};

/// The keys to the sky: short-lived, read-only S3 credentials for survey images, inside the tools that you use.
#[derive(Parser)]
#[command(
    name = "skykey",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Begin with 'skykey login --portal URL'. 'skykey COMMAND --help' says more of each."
)]
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
    /// log in and what to try, and writes the same as JSON to DIR/up.json. Ctrl-C stops it; the next
    /// start on the same state continues from there.
    ///
    /// Without --config there is one survey, `demo`, with rendered images.
    #[command(
        after_help = "Examples:\n  skykey up\n  skykey up --survey m13=./images --state /tmp/sky\n  RUST_LOG=skykey=debug skykey up\n  RUST_LOG=warn,skykey=info skykey up    (a line for each request)"
    )]
    Up {
        /// The directory of all state; created if it does not exist
        #[arg(long, value_name = "DIR", default_value = "./skykey-state")]
        state: PathBuf,
        /// The portal's port; the IAM, Keystone and S3 use the next three
        #[arg(long, value_name = "N", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65532))]
        base_port: u16,
        /// The address to listen on; with any but loopback, other machines can try passwords
        #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
        listen: IpAddr,
        /// Publish every file under DIR as the survey NAME, in a bucket of that name; repeatable
        #[arg(long = "survey", value_name = "NAME=DIR")]
        surveys: Vec<SurveySource>,
        /// Surveys and settings from a TOML file, instead of the demo survey
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The format of the log on standard error; JSON has a line for each request
        #[arg(
            long,
            value_name = "FORMAT",
            env = variables::LOG,
            default_value = "text"
        )]
        log_format: LogFormat,
    },
    /// Set the policies of a real site's surveys
    Survey {
        #[command(subcommand)]
        command: SurveyCommand,
    },
    #[command(flatten)]
    Person(skykey_cli::Command),
    /// End one of your leases; or, for operators, suspend a project at Echo
    ///
    /// With LEASE: its credentials end, as far as the site can end them.
    ///
    /// With --project: suspends the whole project, for everybody, because Echo cannot revoke a session token, which
    /// after a removal works until it expires. --lift ends the suspension. Without --yes it prints the consequences
    /// and changes nothing.
    #[command(
        after_help = "Examples:\n  skykey revoke lease-0123456789abcdef\n  skykey revoke --project lsst-ro --config /etc/skykey/skykey.toml\n  skykey revoke --project lsst-ro --config /etc/skykey/skykey.toml --yes\n  skykey revoke --project lsst-ro --config /etc/skykey/skykey.toml --lift"
    )]
    Revoke {
        /// The lease, as `skykey leases` names it
        #[arg(value_name = "LEASE", value_parser = NonEmptyStringValueParser::new(), required_unless_present = "project", conflicts_with_all = ["project", "config", "state", "lift", "yes"])]
        lease: Option<String>,
        #[command(flatten)]
        at: skykey_cli::At,
        /// The OpenStack project, one of a survey's
        #[arg(long, value_name = "NAME", requires = "config")]
        project: Option<ProjectName>,
        /// The site's configuration
        #[arg(long, value_name = "FILE", requires = "project")]
        config: Option<PathBuf>,
        /// The state directory of the running skykey
        #[arg(long, value_name = "DIR", default_value = "./skykey-state")]
        state: PathBuf,
        /// End the suspension, and restore the project's policies
        #[arg(long, conflicts_with = "yes", requires = "project")]
        lift: bool,
        /// Suspend it now
        #[arg(long, requires = "project")]
        yes: bool,
    },
    /// Check every system around skykey, and say what is wrong and what to do
    ///
    /// It checks the IAM, Keystone, Echo and each survey, then gets credentials in each way and reads with
    /// them. It leaves nothing behind: it deletes what it creates, also after Ctrl-C. The exit code is 0 only
    /// if every check passes. docs/doctor.md describes each check.
    ///
    /// With --me it checks for a person, on this machine: the clock, the network, the login, the lease, and
    /// the first bytes of an object.
    #[command(
        after_help = "Examples:\n  skykey doctor --me\n  skykey doctor\n  skykey doctor --config /etc/skykey/skykey.toml\n  skykey doctor --json | jq '.checks[] | select(.ok | not)'"
    )]
    Doctor {
        /// Check your own login, leases and access
        #[arg(long, conflicts_with_all = ["config", "state", "patient"])]
        me: bool,
        /// With --me: only this survey; by default all that you may read
        #[arg(long, value_name = "NAME", requires = "me")]
        survey: Option<SurveyName>,
        #[command(flatten)]
        asker: skykey_cli::Asker,
        #[command(flatten)]
        at: skykey_cli::At,
        /// The configuration of a site
        #[arg(long, value_name = "FILE", conflicts_with = "state")]
        config: Option<PathBuf>,
        /// The state directory of a running 'skykey up', which is not disturbed [default: ./skykey-state]
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
        /// Print JSON at the end, instead of a table
        #[arg(long)]
        json: bool,
        /// Wait until Echo rejects a deleted EC2 credential, 330 s at most, instead of 5 s
        #[arg(long)]
        patient: bool,
    },
    /// Connect a JupyterHub
    Jupyter {
        #[command(subcommand)]
        command: JupyterCommand,
    },
    /// Write manual pages, one for each command, into a folder
    #[command(after_help = "Example:\n  skykey man ~/.local/share/man/man1 && man skykey-cp")]
    Man {
        /// The folder; created if it does not exist
        dir: PathBuf,
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

#[derive(Subcommand)]
enum JupyterCommand {
    /// Print the lines for jupyterhub_config.py that give notebook servers their S3 credentials
    ///
    /// Every kernel, tool and terminal of a notebook server then finds credentials, and fresh ones before
    /// they expire. skykey's own configuration has to name the hub, in [jupyterhub].
    #[command(
        after_help = "Example:\n  skykey jupyter config --portal https://skykey.example.org/ --s3 https://s3.example.org/ --survey lsst-dp1 >> jupyterhub_config.py"
    )]
    Config {
        /// The portal, as notebook servers reach it: https with a certificate by a public authority, or this machine
        #[arg(long, value_name = "URL")]
        portal: Portal,
        /// The S3 endpoint, as notebook servers reach it
        #[arg(long, value_name = "URL")]
        s3: Url,
        /// The endpoint's region
        #[arg(long, value_name = "NAME", default_value = "us-east-1")]
        region: String,
        /// The survey; by default skykey's configuration decides, or the person's groups
        #[arg(long, value_name = "NAME")]
        survey: Option<SurveyName>,
    },
}

#[derive(Subcommand)]
enum SurveyCommand {
    /// Set the policies that let a survey's readers read and do nothing else
    ///
    /// For each survey: the bucket policy that lets the readers' project read the survey's prefixes, and
    /// the user policy without which Echo refuses GetSessionToken, with the condition that stops
    /// session tokens from renewing themselves. The steps of Ceph's operator are done through the admin
    /// API if [echo.admin] is configured, else printed as commands. Statements of other people are
    /// never changed; those that allow too much are named.
    #[command(
        after_help = "Examples:\n  skykey survey apply --config /etc/skykey/skykey.toml --dry-run\n  skykey survey apply --config /etc/skykey/skykey.toml lsst-dp1"
    )]
    Apply {
        /// The site's configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Show the present and the new policies; change nothing
        #[arg(long)]
        dry_run: bool,
        /// Only these surveys
        #[arg(value_name = "SURVEY")]
        surveys: Vec<String>,
    },
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let arguments = command_line().get_matches();
    let parsed = Cli::from_arg_matches(&arguments).unwrap_or_else(|error| error.exit());
    match dispatch(parsed.command) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            if error.is::<Interrupted>() {
                return ExitCode::from(INTERRUPTED);
            }
            ExitCode::FAILURE
        }
    }
}

fn command_line() -> clap::Command {
    grouped::grouped(without_empty(Cli::command()))
}

/// An environment variable that is empty is as good as none.
fn without_empty(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        let name = arg.get_env();
        name.is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()))
    };
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None) } else { arg })
        .mut_subcommands(without_empty)
}

/// What a person does for themselves; the rest is for whoever runs skykey.
fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Person(command) => return person(command.run()),
        Command::Doctor {
            me: true,
            survey,
            asker,
            at,
            json,
            ..
        } => person(skykey_cli::run_doctor(&asker, &at, survey, json)),
        Command::Revoke {
            lease: Some(lease),
            at,
            ..
        } => person(skykey_cli::give_back(at, &lease)),
        command => operate(command),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn operate(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command_line(), "skykey", &mut script);
            io::stdout().write_all(&script).map_err(anyhow::Error::from)
        }
        Command::Man { dir } => man::write(Cli::command(), &dir),
        Command::Up {
            state,
            base_port,
            listen,
            surveys,
            config,
            log_format,
        } => {
            start_logging(log_format, None);
            let options = Options {
                state,
                base_port,
                listen,
                surveys,
                config,
            };
            run(up::run(options, Arc::new(SystemClock)))
        }
        Command::Survey {
            command:
                SurveyCommand::Apply {
                    config,
                    dry_run,
                    surveys,
                },
        } => {
            start_logging(LogFormat::Text, Some("warn"));
            let site = Config::real_site(&config)?;
            run(skykey_site::apply(site, ApplyOptions { surveys, dry_run }))
        }
        Command::Jupyter {
            command:
                JupyterCommand::Config {
                    portal,
                    s3,
                    region,
                    survey,
                },
        } => print_hub_lines(&HubLines {
            portal,
            s3,
            region,
            survey,
        }),
        Command::Doctor {
            config,
            state,
            json,
            patient,
            ..
        } => {
            start_logging(LogFormat::Text, Some("error"));
            let source = match config {
                Some(file) => Source::Config(file),
                None => Source::State(state.unwrap_or_else(|| PathBuf::from("./skykey-state"))),
            };
            let options = DoctorOptions { source, patient };
            run(skykey_site::doctor::run(options.examination()?, json))
        }
        Command::Revoke {
            project: Some(project),
            config: Some(config),
            state,
            lift,
            yes,
            ..
        } => {
            start_logging(LogFormat::Text, Some("warn"));
            let site = Config::real_site(&config)?;
            let options = RevokeOptions {
                state,
                project,
                lift,
                yes,
            };
            run(skykey_site::revoke(site, options))
        }
        // Without a lease there is a project, and with it a configuration: clap sees to it. The
        // others are people's.
        _ => anyhow::bail!("nothing to do; see 'skykey --help'"),
    }
}

fn print_hub_lines(lines: &HubLines) -> anyhow::Result<()> {
    io::stdout().write_all(lines.text()?.as_bytes())?;
    writeln!(io::stderr(), "{}", lines.advice())?;
    Ok(())
}

/// A person's command: what the libraries warn of is for whoever asks for it by RUST_LOG.
fn person<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    start_logging(LogFormat::Text, Some("error"));
    // Every tool that starts asks us, also on a machine of a hundred cores.
    run_on(Builder::new_multi_thread().worker_threads(2), command)
}

fn run<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    run_on(&mut Builder::new_multi_thread(), command)
}

fn run_on<T>(
    runtime: &mut Builder,
    command: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = runtime.enable_all().build()?;
    let result = runtime.block_on(command);
    // Whatever still runs has had its time.
    runtime.shutdown_background();
    result
}

/// The log goes to standard error; `RUST_LOG` chooses what is in it. A line for each request
/// (`skykey::access`) would bury what people look for on a terminal; machines want them.
fn start_logging(format: LogFormat, quiet: Option<&str>) {
    let usual = match format {
        LogFormat::Text => "warn,skykey=info,skykey::access=warn",
        LogFormat::Json => "warn,skykey=info",
    };
    let usual = quiet.unwrap_or(usual);
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
        command_line().debug_assert();
    }
}
