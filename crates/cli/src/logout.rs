//! `skykey logout`.

use std::io::{self, Write};

use clap::Args;
use skykey_client::{Client, ClientError, LoggedOut};

use super::{At, print};

#[derive(Args)]
pub struct Logout {
    /// First give back your live leases, those of your other machines and jobs too, so that their credentials end as far as the site can end them
    #[arg(long)]
    leases: bool,
    #[command(flatten)]
    at: At,
}

impl Logout {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.at.client()?;
        let portal = client.portal();
        if self.leases && client.who().is_ok() {
            // An error ends here, with the login: it is needed to try again.
            give_all_back(&client).await?;
        }
        match client.logout().await? {
            LoggedOut::NobodyWas => print(&format!("You were not logged in at {portal}.\n")),
            LoggedOut::Ended => print(&format!(
                "Logged out at {portal}: the IAM has ended the login; the login and its credentials are deleted here.\n"
            )),
            LoggedOut::ForgottenHere { iam, keyring } => {
                print(&format!(
                    "Logged out at {portal}; the login and its credentials are deleted here.\n"
                ))?;
                if let Some(why) = iam {
                    warn(&format!(
                        "The IAM could not end the login: {why}. It expires there; until then a copy of it could be used."
                    ));
                }
                if let Some(why) = keyring {
                    warn(&format!("The keyring could not delete it: {why}."));
                }
                Ok(())
            }
        }
    }
}

/// What a person should know although it worked. That nobody listens is no error.
fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

async fn give_all_back(client: &Client) -> anyhow::Result<()> {
    let live: Vec<_> = client
        .leases()
        .await?
        .into_iter()
        // What ended because they left a group would go on if they came back.
        .filter(|lease| matches!(lease.state.as_str(), "live" | "removed"))
        .collect();
    if live.is_empty() {
        return print("You have no live lease.\n");
    }
    for lease in live {
        match client.give_back(&lease.id).await {
            // It ended in between.
            Ok(()) | Err(ClientError::Refused { status: 404, .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let after = lease.after_removal.words.trim_end_matches('.');
        print(&format!(
            "{} of {} has ended. What its credentials can still do: {after}.\n",
            lease.id, lease.survey
        ))?;
    }
    Ok(())
}
