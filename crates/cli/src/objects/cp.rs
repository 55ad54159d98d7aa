//! `skykey cp`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::Args;
use skykey_client::Client;
use skykey_transfer::{
    Copied, CopyOptions, Downloaded, ObjectAddress, ObjectError, Progress, Tally,
};
use skykey_types::SurveyName;

use super::keys::Lease;
use super::progress::Bar;
use super::{Interrupted, Using, stopped, store, store_with};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Cp {
    /// An object, or with --recursive a folder; or with --write a file here
    #[arg(value_name = "FROM")]
    from: Side,
    /// A file or a folder here; or with --write an object
    #[arg(value_name = "TO")]
    to: Side,
    /// Copy everything below the folder
    #[arg(long, short)]
    recursive: bool,
    /// Replace existing files
    #[arg(long)]
    force: bool,
    /// How many objects at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    at_once: u16,
    /// Copy a file into the survey, with a lease that writes; for curators
    #[arg(long, conflicts_with = "recursive")]
    write: bool,
    /// Print nothing but errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    using: Using,
}

/// An end of a copy.
#[derive(Debug, Clone)]
enum Side {
    There(ObjectAddress),
    Here(PathBuf),
}

impl std::str::FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("s3:") {
            let address = text.parse().map_err(|error| format!("{error}"))?;
            Ok(Self::There(address))
        } else if text.is_empty() {
            Err("write the name of a file, or s3://bucket/key".to_owned())
        } else if text == "-" {
            Err("'skykey cat' writes to standard output".to_owned())
        } else {
            Ok(Self::Here(text.into()))
        }
    }
}

impl Cp {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match (&self.from, &self.to) {
            (Side::There(from), Side::Here(to)) => {
                ensure!(
                    !self.write,
                    "--write copies into the store; leave it out to copy out of it"
                );
                if self.recursive {
                    self.folder(from, to).await
                } else {
                    self.object(from, to).await
                }
            }
            (Side::Here(from), Side::There(to)) => {
                ensure!(
                    self.write,
                    "copying into the store needs a lease that writes, which curators get with --write"
                );
                self.file(from, to).await
            }
            (Side::There(_), Side::There(_)) => {
                bail!(
                    "both are in the store; copy to a file here, or use another tool with 'skykey exec'"
                )
            }
            (Side::Here(_), Side::Here(_)) => {
                bail!("both are on this machine; one of them has to be s3://bucket/key")
            }
        }
    }

    async fn object(&self, from: &ObjectAddress, to: &Path) -> anyhow::Result<()> {
        ensure!(
            !from.is_folder(),
            "{from} is a folder; 'skykey cp --recursive {from} {}' copies its contents",
            to.display()
        );
        let to = file_for(from, to)?;
        let stop = stopped()?;
        let (client, survey) = self.lease(from).await?;
        let store = store(&client, survey).await?;
        let bar = Bar::new(self.quiet);
        let outcome = tokio::select! {
            // What is done is done, also if it was to be stopped at that moment.
            biased;
            outcome = store.download(from, &to, self.force, &bar) => Some(outcome),
            () = stop => None,
        };
        bar.end();
        let tally = match outcome {
            None => {
                store.settled().await;
                bail!(Interrupted("nothing was copied".to_owned()))
            }
            Some(outcome) => match outcome? {
                Downloaded::Copied(bytes) => Tally {
                    copied: 1,
                    bytes,
                    ..Tally::default()
                },
                Downloaded::WasThere => Tally {
                    were_there: 1,
                    ..Tally::default()
                },
            },
        };
        self.say(&bar.summary(&tally));
        Ok(())
    }

    async fn folder(&self, from: &ObjectAddress, to: &Path) -> anyhow::Result<()> {
        ensure!(
            !to.exists() || to.is_dir(),
            "{} is a file; a folder cannot be copied there",
            to.display()
        );
        let from = if from.is_folder() {
            from.clone()
        } else {
            from.with_key(format!("{}/", from.key))
        };
        let stop = stopped()?;
        let (client, survey) = self.lease(&from).await?;
        let store = store(&client, survey).await?;
        let bar = Arc::new(Bar::new(self.quiet));
        let options = CopyOptions {
            replace: self.force,
            at_once: usize::from(self.at_once),
        };
        let copied = store.copy_all(&from, to, options, bar.clone(), stop).await;
        bar.end();
        let Copied {
            tally,
            mut errors,
            interrupted,
        } = copied?;
        let all = tally.copied + tally.were_there + tally.failed;
        if interrupted {
            bail!(Interrupted(bar.summary(&tally)));
        }
        ensure!(
            all > 0,
            "there is nothing below {from}; 'skykey ls' shows where each survey is"
        );
        if tally.failed > 0 {
            // What ended it all is said last.
            let last = errors.iter().position(ObjectError::is_final);
            let last = last.map(|index| errors.remove(index));
            let mut err = io::stderr().lock();
            for error in &errors {
                let _ = writeln!(err, "{}", sentence(error));
            }
            let summary = bar.summary(&tally);
            return match last {
                Some(error) => {
                    let _ = writeln!(err, "{summary}; then:");
                    Err(error.into())
                }
                None => bail!(
                    "{} of {all} objects were not copied; {summary}",
                    tally.failed
                ),
            };
        }
        self.say(&bar.summary(&tally));
        Ok(())
    }

    async fn file(&self, from: &Path, to: &ObjectAddress) -> anyhow::Result<()> {
        ensure!(
            from.is_file(),
            "{} is not a file; files are copied into the store one by one",
            from.display()
        );
        let to = if to.is_folder() {
            let name = from.file_name().and_then(|name| name.to_str());
            let name = name.context("the file's name is not UTF-8; name the object")?;
            to.with_key(format!("{}{name}", to.key))
        } else {
            to.clone()
        };
        let stop = stopped()?;
        let (client, survey) = self.lease(&to).await?;
        let lease = Arc::new(Lease::writing(client.clone(), survey));
        let store = store_with(&client, &lease).await?;
        let bar = Bar::new(self.quiet);
        bar.found(std::fs::metadata(from).map_or(0, |known| known.len()));
        let outcome = tokio::select! {
            biased;
            outcome = store.upload(from, &to, self.force, &bar) => Some(outcome),
            () = stop => None,
        };
        bar.end();
        lease.give_back().await;
        let Some(outcome) = outcome else {
            bail!(Interrupted(
                "parts that were sent may be left, and belong to no object".to_owned()
            ));
        };
        let tally = Tally {
            copied: 1,
            bytes: outcome?,
            ..Tally::default()
        };
        self.say(&bar.summary(&tally));
        Ok(())
    }

    async fn lease(&self, at: &ObjectAddress) -> anyhow::Result<(Arc<Client>, SurveyName)> {
        let client = self.using.client()?;
        let survey = self.using.survey(&client, at).await?;
        Ok((client, survey))
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// The file that the object is copied to: in a folder, it is called as in the store.
fn file_for(from: &ObjectAddress, to: &Path) -> anyhow::Result<PathBuf> {
    let folder = to.as_os_str().as_encoded_bytes().ends_with(b"/");
    if !to.is_dir() && !folder {
        return Ok(to.to_owned());
    }
    let name = from.name();
    ensure!(
        !matches!(name, "." | "..") && !name.contains('\0'),
        "no file can be called '{}'; name the file that {from} is copied to",
        name.escape_debug()
    );
    if folder {
        std::fs::create_dir_all(to)
            .with_context(|| format!("cannot make the folder {}", to.display()))?;
    }
    Ok(to.join(name))
}

fn sentence(error: &ObjectError) -> String {
    let hint = error.hint();
    if hint.is_empty() {
        error.to_string()
    } else {
        format!("{error}; {hint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_called_as_in_the_store_unless_a_name_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let from: ObjectAddress = "s3://m13/fields/a.fits".parse().unwrap();
        assert_eq!(
            file_for(&from, dir.path()).unwrap(),
            dir.path().join("a.fits")
        );
        let other = dir.path().join("b.fits");
        assert_eq!(file_for(&from, &other).unwrap(), other);
        let new = dir.path().join("new/");
        assert_eq!(file_for(&from, &new).unwrap(), new.join("a.fits"));
        assert!(new.is_dir());
        let up = from.with_key("fields/..");
        assert!(file_for(&up, dir.path()).is_err());
        assert_eq!(file_for(&up, &other).unwrap(), other);
    }

    #[test]
    fn a_side_is_an_address_or_a_path() {
        let side = |text: &str| text.parse::<Side>();
        assert!(matches!(side("s3://m13/a"), Ok(Side::There(_))));
        assert!(matches!(side("./s3"), Ok(Side::Here(_))));
        assert!(
            side("s3:/m13/a")
                .unwrap_err()
                .contains("write s3://bucket/key")
        );
        assert!(side("").is_err());
        assert!(side("-").unwrap_err().contains("skykey cat"));
    }
}
