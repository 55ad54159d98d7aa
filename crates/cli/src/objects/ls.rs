//! `skykey ls`.

use std::fmt::Write;

use anyhow::bail;
use clap::Args;
use skykey_client::{Identity, Survey};
use skykey_transfer::{ObjectAddress, Page};

use super::{Output, Using, place, sizes, store};
use crate::print;

#[derive(Args)]
pub struct Ls {
    /// The beginning of the keys; by default lists where each survey is
    #[arg(value_name = "S3://BUCKET/PREFIX")]
    address: Option<ObjectAddress>,
    /// List everything below, not only the next folder
    #[arg(long, short)]
    recursive: bool,
    /// Show sizes in bytes
    #[arg(long)]
    bytes: bool,
    #[command(flatten)]
    using: Using,
}

impl Ls {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.using.client()?;
        let Some(at) = &self.address else {
            return print(&surveys(&client.surveys().await?));
        };
        let is_hub = matches!(client.identity(), Identity::Hub(_));
        let survey = if self.using.survey.is_some() || is_hub {
            self.using.survey(&client, at).await?
        } else {
            let surveys = client.surveys().await?;
            let below = place::below(&surveys, at);
            if !place::is_covered(&surveys, at) && !below.is_empty() {
                let lines: Vec<String> = below
                    .iter()
                    .map(|place| self.folder(at, &place.key))
                    .collect();
                return print(&lines.concat());
            }
            place::survey_at(&surveys, at)?
        };
        let store = store(&client, survey).await?;
        let mut lister = store.list(at, !self.recursive);
        let mut out = Output::new();
        let mut nothing = true;
        while let Some(page) = lister.next().await? {
            let lines = self.lines(at, &page);
            nothing &= lines.is_empty();
            if !out.write(lines.as_bytes())? {
                return Ok(());
            }
        }
        if nothing {
            bail!(
                "there is nothing at {at}; 'skykey ls {}' lists the folder above",
                above(at)
            );
        }
        Ok(())
    }

    fn lines(&self, at: &ObjectAddress, page: &Page) -> String {
        let mut text = String::new();
        for folder in &page.folders {
            text.push_str(&self.folder(at, folder));
        }
        for object in &page.objects {
            let time = object.modified.map_or(String::new(), |time| {
                time.strftime("%Y-%m-%d %H:%M").to_string()
            });
            let size = if self.bytes {
                object.size.to_string()
            } else {
                sizes::human(object.size)
            };
            let _ = writeln!(text, "{time:16}  {size:>12}  {}", name(at, &object.key));
        }
        text
    }

    #[expect(clippy::unused_self, reason = "a line like the others")]
    fn folder(&self, at: &ObjectAddress, key: &str) -> String {
        format!("{:16}  {:>12}  {}\n", "", "folder", name(at, key))
    }
}

/// Below the folder that was asked for; what a terminal might obey is left out.
fn name(at: &ObjectAddress, key: &str) -> String {
    let folder = at.folder();
    let name = key.strip_prefix(&folder.key).unwrap_or(key);
    name.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn above(at: &ObjectAddress) -> ObjectAddress {
    at.with_key(at.key.trim_end_matches('/')).folder()
}

fn surveys(surveys: &[Survey]) -> String {
    let mut lines = Vec::new();
    for survey in surveys {
        for prefix in &survey.prefixes {
            let what = match survey.access {
                Some(_) => survey.title.clone(),
                None => format!("for members of {}", survey.readers.join(" or ")),
            };
            lines.push((format!("s3://{prefix}"), survey.name.clone(), what));
        }
    }
    let width = |of: fn(&(String, String, String)) -> &String| {
        lines
            .iter()
            .map(|line| of(line).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (first, second) = (width(|line| &line.0), width(|line| &line.1));
    let mut text = String::new();
    for (place, name, what) in &lines {
        let _ = writeln!(text, "{place:first$}  {name:second$}  {what}");
    }
    if text.is_empty() {
        text.push_str("There are no surveys.\n");
    }
    text
}
