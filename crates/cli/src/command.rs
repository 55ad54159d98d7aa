//! Every command of a person, with its help.

use std::process::ExitCode;

use clap::Subcommand;

use crate::{
    agent, credentials, exec, leases, login, logout, objects, request, setup, surveys, whoami,
};

// Where this is flattened into a command tree, clap takes the enum's documentation for that of the program.
#[expect(missing_docs, reason = "clap would show it as the program's own")]
#[derive(Subcommand)]
pub enum Command {
    /// Log in at a portal with any browser, and stay logged in on this machine
    ///
    /// On a desktop it opens your browser; elsewhere it shows a link and a code for any browser, also your phone's. The
    /// login is renewed when needed. It is stored below $XDG_STATE_HOME/skykey (or ~/.local/state/skykey) in a file that
    /// only you can read, and its refresh token in the desktop's keyring, if there is one.
    #[command(
        after_help = "Examples:\n  skykey login --portal https://skykey.example.org/\n  skykey login --device --keyring never    (on a machine that you reach by ssh)"
    )]
    Login(login::Login),
    /// End the login, here and at the IAM, and delete the cached credentials
    ///
    /// If the IAM does not answer, the login is deleted here all the same. Leases stay valid until they expire; --leases
    /// gives them back.
    Logout(logout::Logout),
    /// Show your account, your groups, and your rights in each survey
    Whoami(whoami::Whoami),
    /// List the surveys
    Surveys(surveys::Surveys),
    /// List your live leases
    Leases(leases::Leases),
    /// Ask to join a group; a person decides
    #[command(
        after_help = "Example:\n  skykey request m13/readers --note \"my thesis on globular clusters\""
    )]
    Request(request::Request),
    /// List folders and objects; without an address, where each survey is
    ///
    /// It lists the keys that begin with the address, up to the next slash.
    #[command(
        after_help = "Examples:\n  skykey ls\n  skykey ls s3://m13/\n  skykey ls --recursive s3://m13/fields/"
    )]
    Ls(objects::ls::Ls),
    /// Write objects to standard output
    ///
    /// After a broken connection it reconnects and reads the rest.
    #[command(after_help = "Example:\n  skykey cat s3://m13/M13_blue_0001.fits | head -c 2880")]
    Cat(objects::cat::Cat),
    /// Copy an object, or a folder of them, to this machine
    ///
    /// A file gets its name when it is complete and verified (its size, and its MD5 where the store has one).
    /// An existing file is not replaced; an identical one counts as copied, so the same command resumes an
    /// interrupted copy.
    ///
    /// With --write, curators copy a file into the survey.
    #[command(
        after_help = "Examples:\n  skykey cp s3://m13/M13_blue_0001.fits .\n  skykey cp --recursive s3://m13/fields/ ./fields\n  skykey cp --write new.fits s3://m13/fields/"
    )]
    Cp(objects::cp::Cp),
    /// Print credentials that read a survey
    ///
    /// It prints the same credentials until 20 minutes are left, then new ones. Only credentials go to
    /// standard output; if there are none, standard error says why and the exit code is 1.
    #[command(
        after_help = "Examples:\n  skykey credentials --survey m13\n  eval \"$(skykey credentials --survey m13 --lifetime 6h --format env)\""
    )]
    Credentials(credentials::Credentials),
    /// Run a command with credentials that stay fresh as long as it runs
    ///
    /// The command gets credentials from an endpoint on this machine, which AWS's SDKs find by the variable
    /// AWS_CONTAINER_CREDENTIALS_FULL_URI, so they never expire in a long job. Other keys and profiles are
    /// hidden from it. Signals and the exit code pass through.
    #[command(
        after_help = "Examples:\n  skykey exec --survey m13 -- python reduce.py\n  skykey exec --survey m13 -- s5cmd cp 's3://m13/*' ."
    )]
    Exec(exec::Exec),
    /// Keep credentials fresh for all tools on this machine, until it is stopped
    ///
    /// For a virtual machine, a notebook server or a job. Tools find it by the variables of AWS's SDKs;
    /// 'skykey agent env' prints them for a shell. It listens on loopback, and requires its bearer. After a
    /// restart it listens at the same address, so running tools notice nothing. After a refusal it hands out
    /// nothing, shows tools the reason, and asks the portal again; at once on SIGUSR1.
    #[command(
        after_help = "Examples:\n  skykey agent --survey m13 &\n  eval \"$(skykey agent env --wait 10s)\"\n  skykey agent --survey m13 --credentials-file ~/.aws/credentials --profile m13\n  skykey agent --survey m13 --identity token-file=/run/user/1000/bt_u1000 --on-refused exit"
    )]
    Agent(Box<agent::AgentCommand>),
    /// Write a profile for AWS's tools into ~/.aws/config, and a remote into rclone's
    ///
    /// The profile runs 'skykey credentials', so its credentials are always fresh. It is written between two
    /// comment lines; nothing else is changed, and --remove removes it. rclone gets a remote if it has a
    /// configuration, or with --rclone.
    #[command(
        after_help = "Examples:\n  skykey setup --dry-run\n  skykey setup --survey m13 && aws s3 ls --profile m13 s3://m13/\n  skykey setup --remove"
    )]
    Setup(setup::Setup),
}

impl Command {
    /// Runs it. The exit code is its own, or that of the program that it ran.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Exec(exec) => return exec.run().await,
            Self::Agent(agent) => return agent.run().await,
            Self::Login(login) => login.run().await,
            Self::Logout(logout) => logout.run().await,
            Self::Whoami(whoami) => whoami.run().await,
            Self::Surveys(surveys) => surveys.run().await,
            Self::Leases(leases) => leases.run().await,
            Self::Request(request) => request.run().await,
            Self::Ls(ls) => ls.run().await,
            Self::Cat(cat) => cat.run().await,
            Self::Cp(cp) => cp.run().await,
            Self::Credentials(credentials) => credentials.run().await,
            Self::Setup(setup) => setup.run().await,
        }?;
        Ok(ExitCode::SUCCESS)
    }
}
