//! `skykey surveys`.

use std::fmt::Write;

use clap::Args;

use super::identity::Asker;
use super::{At, print};

#[derive(Args)]
pub struct Surveys {
    #[command(flatten)]
    asker: Asker,
    #[command(flatten)]
    at: At,
}

impl Surveys {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut text = String::new();
        for survey in self
            .asker
            .client(&self.at, |name| std::env::var_os(name))?
            .surveys()
            .await?
        {
            let access = match survey.access {
                Some(access) => format!("you may {access}"),
                None => format!("for members of {}", survey.readers.join(" or ")),
            };
            let places: Vec<String> = survey
                .prefixes
                .iter()
                .map(|prefix| format!("s3://{prefix}"))
                .collect();
            let _ = write!(
                text,
                "{}  {}\n  access    {access}\n  where     {}\n  lifetime  {} to {} s\n  methods   {}\n",
                survey.name,
                survey.title,
                places.join(" "),
                survey.lifetime.min,
                survey.lifetime.max,
                survey.methods.join(" "),
            );
        }
        print(&text)
    }
}
