//! `skykey login`: by device code, or in a browser of this machine.

mod device;
mod loopback;
mod opener;
mod page;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use skykey_client::{Client, Keep, LoggedIn};
use skykey_types::Secret;

use super::{At, print, whoami};
use loopback::Listening;
use opener::Opener;

/// How long a person may take in the browser: another institute's login, a second factor.
const LOGIN_TIMEOUT: Duration = Duration::from_mins(10);

#[derive(Args)]
pub struct Login {
    /// Log in with a browser of this machine; the default on a desktop, where the site allows it
    #[arg(long, conflicts_with = "device")]
    browser: bool,
    /// Log in with a link and a code in any browser anywhere; the default elsewhere
    #[arg(long)]
    device: bool,
    /// Whether the desktop's keyring stores the refresh token
    #[arg(
        long,
        value_name = "WHEN",
        env = crate::variables::KEYRING,
        default_value = "auto"
    )]
    keyring: WithKeyring,
    #[command(flatten)]
    at: At,
}

/// Whether the keyring is used.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WithKeyring {
    /// If there is one and it is unlocked; else the file that only you can read
    Auto,
    /// The file, for jobs that run while nobody is at the desktop
    Never,
}

impl Login {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.at.client()?;
        let keep = match self.keyring {
            WithKeyring::Auto => Keep::InKeyring,
            WithKeyring::Never => Keep::InFile,
        };
        let logged_in = match self.listening(&client).await? {
            Some(listening) => in_browser(&client, listening, keep).await?,
            None => Box::pin(device::log_in(&client, keep)).await?,
        };
        let who = &logged_in.who;
        if let Some(why) = &logged_in.no_keyring {
            let _ = writeln!(
                io::stderr(),
                "The keyring cannot be used ({why}); the login is stored {}.",
                who.kept
            );
        }
        print(&format!("\nLogged in as {}.\n\n", who.username))?;
        whoami::show(&client).await
    }

    /// The address that a browser can come back to, if it is to be a browser.
    async fn listening(&self, client: &Client) -> anyhow::Result<Option<Listening>> {
        let on_a_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let by_itself = !self.device && on_a_terminal && Opener::find().is_some();
        if !self.browser && !by_itself {
            return Ok(None);
        }
        let ports = client.site().await?.login_ports;
        let listening = match ports {
            Some(ports) => Listening::at(&ports).await,
            None => Err(anyhow::anyhow!(
                "{} offers no login that comes back from a browser; run 'skykey login --device', or ask the people who run it to set cli_ports",
                client.portal()
            )),
        };
        match listening {
            Ok(listening) => Ok(Some(listening)),
            Err(error) if self.browser => Err(error),
            // The code works everywhere.
            Err(_) => Ok(None),
        }
    }
}

async fn in_browser(client: &Client, listening: Listening, keep: Keep) -> anyhow::Result<LoggedIn> {
    let login = client.begin_browser_login(listening.redirect()?).await?;
    let opened = Opener::find().is_some_and(|opener| opener.open(login.url()));
    let begin = if opened {
        "Your browser should open. If it does not, open this address on this machine:"
    } else {
        "Open this address in a browser on this machine:"
    };
    print(&format!(
        "{begin}\n\n    {}\n\nWaiting, for {} minutes at most. Ctrl-C gives up; 'skykey login --device' needs no browser here.\n",
        login.url(),
        LOGIN_TIMEOUT.as_secs() / 60
    ))?;
    let login = Arc::new(login);
    let read = {
        let login = login.clone();
        move |query: &str| login.read(query)
    };
    let finish = async |code: Secret| {
        let done = client.finish_browser_login(&login, &code, keep).await;
        Ok(done?)
    };
    listening.wait(read, finish, LOGIN_TIMEOUT).await
}
