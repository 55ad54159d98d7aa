//! `skykey logout`.

use clap::Args;

use super::{At, print};

#[derive(Args)]
pub(crate) struct Logout {
    #[command(flatten)]
    at: At,
}

impl Logout {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let client = self.at.client()?;
        let portal = client.portal();
        if client.forget()? {
            print(&format!(
                "Logged out at {portal}; nothing of the login or its credentials is kept here any more.\n"
            ))
        } else {
            print(&format!("You were not logged in at {portal}.\n"))
        }
    }
}
