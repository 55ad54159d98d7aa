//! `skykey whoami`.

use std::fmt::Write;

use clap::Args;
use skykey_client::{Client, Identity, Standing};

use super::identity::Asker;
use super::{At, at, listed, print};

#[derive(Args)]
pub struct Whoami {
    #[command(flatten)]
    asker: Asker,
    #[command(flatten)]
    at: At,
}

impl Whoami {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        show(&self.asker.client(&self.at, |name| std::env::var_os(name))?).await
    }
}

/// Who the person is, and where they stand with each survey.
pub(crate) async fn show(client: &Client) -> anyhow::Result<()> {
    let me = client.me().await?;
    let mut text = format!("{} at {}\n", me.username, client.portal());
    let groups = if me.groups.is_empty() {
        "none".to_owned()
    } else {
        listed(&me.groups)
    };
    let _ = writeln!(text, "  groups   {groups}");
    if let Some(end) = me.account_end {
        let _ = writeln!(text, "  account  ends {}", at(end));
    }
    // Another identity needs no login.
    if matches!(client.identity(), Identity::Login) {
        let _ = writeln!(text, "  login    stored {}", client.who()?.kept);
    }
    let _ = writeln!(text, "  surveys");
    let longest = me.surveys.iter().map(|survey| survey.name.len()).max();
    let width = longest.unwrap_or_default();
    for survey in &me.surveys {
        let _ = writeln!(text, "    {:<width$}  {}", survey.name, standing(survey));
    }
    print(&text)
}

/// In words, with the next step.
pub(super) fn standing(survey: &Standing) -> String {
    match (survey.access, survey.readers.as_slice()) {
        (Some(access), _) => format!("{:<5}  {}", access.as_str(), survey.title),
        (None, []) => "nobody may read it".to_owned(),
        (None, [group, ..]) => format!(
            "not for you: you are not in {}; to ask, run 'skykey request {group} --note \"…\"'",
            survey.readers.join(" or ")
        ),
    }
}
