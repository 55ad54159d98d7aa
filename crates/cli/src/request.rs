//! `skykey request`.

use clap::Args;
use skykey_client::Joining;
use skykey_types::GroupPath;

use super::{At, at, print};

#[derive(Args)]
pub struct Request {
    /// The group, as `skykey whoami` names it
    group: GroupPath,
    /// The reason, for the person who decides
    #[arg(long, value_name = "TEXT", value_parser = note)]
    note: String,
    #[command(flatten)]
    at: At,
}

impl Request {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.at.client()?;
        let group = &self.group;
        let text = match client.ask_to_join(group, &self.note).await? {
            Joining::Asked(_) => format!("Asked to join {group}. {DECIDES}\n"),
            Joining::Waiting(request) => {
                let since = request
                    .and_then(|request| request.created)
                    .map_or(String::new(), |created| format!(" since {}", at(created)));
                format!(
                    "You have asked to join {group} already, and that is waiting for a person{since}. {DECIDES}\n"
                )
            }
            Joining::Member => format!("You are a member of {group} already.\n"),
        };
        print(&text)
    }
}

/// The IAM tells people no names.
const DECIDES: &str = "The group's managers decide, or the IAM's administrators, in working hours; 'skykey whoami' shows when you are in.";

/// INDIGO refuses blank ones, and nobody can decide by them.
fn note(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("say in a few words why you want to join".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
