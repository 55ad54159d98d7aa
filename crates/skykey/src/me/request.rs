//! `skykey request`.

use clap::Args;
use skykey_types::GroupPath;

use super::{At, print};

#[derive(Args)]
pub(crate) struct Request {
    /// The group, as `skykey whoami` names it
    group: GroupPath,
    /// Why, for the person who decides
    #[arg(long, value_name = "TEXT", value_parser = note)]
    note: String,
    #[command(flatten)]
    at: At,
}

impl Request {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.at.client()?;
        let request = client.ask_to_join(&self.group, &self.note).await?;
        print(&format!(
            "Asked to join {}. A person decides, in working hours; 'skykey whoami' shows when you are in.\n",
            request.group
        ))
    }
}

/// INDIGO refuses blank ones, and nobody can decide by them.
fn note(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("say in a few words why you want to join".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
