//! `skykey setup`: profiles in the files of other tools.

use std::env;
use std::fmt::Write;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use skykey_client::{Client, Site, Standing, Survey};
use skykey_types::SurveyName;

use super::config_file::{By, ConfigFile};
use super::formats::{is_plain, s3cmd_place};
use super::identity::Asker;
use super::{At, print};

#[derive(Args)]
pub struct Setup {
    /// Only this survey; by default all that you may read
    #[arg(long, value_name = "NAME")]
    survey: Option<SurveyName>,
    /// The profile's name, instead of the survey's
    #[arg(long, value_name = "NAME", requires = "survey", value_parser = profile_name)]
    profile: Option<String>,
    #[command(flatten)]
    others: Others,
    /// Show what would change; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove what was written
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    asker: Asker,
    #[command(flatten)]
    at: At,
}

/// Tools that do not read `~/.aws/config`, or not all of it.
#[derive(Args)]
struct Others {
    /// Write a remote for rclone too, even if rclone has no configuration yet
    #[arg(long)]
    rclone: bool,
    /// Write s3cmd's endpoint too; s3cmd takes its keys from the shell
    #[arg(long)]
    s3cmd: bool,
}

/// The block in s3cmd's file, which has no profiles.
const S3CMD: &str = "s3cmd";

/// A profile to write.
struct Profile {
    name: String,
    survey: String,
    /// Where the survey begins, as `bucket/` or `bucket/prefix`.
    place: Option<String>,
}

impl Profile {
    fn of(survey: &Survey, name: String) -> Self {
        Self {
            name,
            survey: survey.name.clone(),
            place: survey.prefixes.first().cloned(),
        }
    }
}

impl Setup {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let aws = aws_config()?;
        let rclone = rclone_config()?;
        let s3cmd = s3cmd_config()?;
        if self.remove {
            let alone = (!self.dry_run).then(alone).transpose()?;
            let mut text = String::new();
            let only = self
                .profile
                .as_deref()
                .or(self.survey.as_ref().map(SurveyName::as_str));
            for path in [aws, rclone, s3cmd] {
                let mut file = ConfigFile::open(path, By::Setup)?;
                let removed = file.remove(only)?;
                text.push_str(&self.finish(&file, &removed, "removed from")?);
            }
            drop(alone);
            if text.is_empty() {
                text.push_str("There is nothing of skykey's to remove.\n");
            }
            return print(&text);
        }
        let keys = ConfigFile::open(aws_credentials()?, By::Setup)?;
        let client = self.asker.client(&self.at, |name| env::var_os(name))?;
        let profiles = self.profiles(&client).await?;
        let site = client.site().await?;
        // They go into files of other tools, line by line.
        let names = profiles.iter().map(|profile| profile.survey.as_str());
        ensure!(
            names
                .chain([site.s3.as_str(), site.region.as_str()])
                .all(is_plain),
            "the portal's answer holds characters that no name or address here has; tell the people who run it"
        );
        let alone = (!self.dry_run).then(alone).transpose()?;
        let mut file = ConfigFile::open(aws, By::Setup)?;
        let mut with_rclone = ConfigFile::open(rclone, By::Setup)?;
        let wants_rclone = self.others.rclone || with_rclone.exists();
        let mut names = Vec::new();
        for profile in &profiles {
            let heading = format!("profile {}", profile.name);
            ensure!(
                !keys.has_section(&profile.name),
                "{} has keys for [{}], and tools take those first; choose another name with --profile, or take them out",
                keys.path().display(),
                profile.name
            );
            let body = aws_profile(profile, &self.asker, &client, &site)?;
            file.put(&profile.name, &heading, &body)?;
            if wants_rclone {
                let body = rclone_remote(profile, &site);
                with_rclone.put(&profile.name, &profile.name, &body)?;
            }
            names.push(profile.name.clone());
        }
        let with_s3cmd = self.others.s3cmd.then(|| s3cmd_file(s3cmd, &site));
        let with_s3cmd = with_s3cmd.transpose()?;
        let mut text = self.finish(&file, &names, "written into")?;
        if wants_rclone {
            text.push_str(&self.finish(&with_rclone, &names, "written into")?);
        }
        if let Some(file) = with_s3cmd {
            text.push_str(&self.finish(&file, &[S3CMD.to_owned()], "written into")?);
        }
        drop(alone);
        if let Some(profile) = profiles.first().filter(|_| !self.dry_run)
            && let Some(place) = &profile.place
        {
            let _ = writeln!(
                text,
                "Try:  aws s3 ls --profile {} s3://{place}    (take it out again with 'skykey setup --remove')",
                profile.name
            );
        }
        print(&text)
    }

    /// The surveys that are wanted and may be read.
    async fn profiles(&self, client: &Client) -> anyhow::Result<Vec<Profile>> {
        let surveys = client.surveys().await?;
        if let Some(name) = &self.survey {
            let Some(survey) = surveys.iter().find(|survey| survey.name == name.as_str()) else {
                bail!("there is no survey called '{name}'; 'skykey surveys' lists them");
            };
            if survey.access.is_none() {
                bail!(
                    "{name}: {}",
                    super::whoami::standing(&Standing::from(survey))
                );
            }
            let profile = self.profile.clone().unwrap_or_else(|| name.to_string());
            return Ok(vec![Profile::of(survey, profile)]);
        }
        let profiles: Vec<Profile> = surveys
            .iter()
            .filter(|survey| survey.access.is_some())
            .map(|survey| Profile::of(survey, survey.name.clone()))
            .collect();
        ensure!(
            !profiles.is_empty(),
            "you may read no survey; 'skykey whoami' shows your rights"
        );
        Ok(profiles)
    }

    /// Writes the file, or shows it; a line for people.
    fn finish(&self, file: &ConfigFile, names: &[String], done: &str) -> anyhow::Result<String> {
        if names.is_empty() {
            return Ok(String::new());
        }
        let path = file.path().display();
        if self.dry_run {
            return Ok(format!("{path} would become:\n{}", file.preview()));
        }
        if !file.is_changed() {
            return Ok(format!("{} already in {path}\n", names.join(", ")));
        }
        file.save()?;
        Ok(format!("{} {done} {path}\n", names.join(", ")))
    }
}

/// One at a time: what another reads and writes at this moment would be lost. It is held for no longer than that takes.
fn alone() -> anyhow::Result<File> {
    let path = super::places()?.setup_lock();
    let lock = || {
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let file = File::create(&path)?;
        file.lock()?;
        Ok::<_, io::Error>(file)
    };
    lock().with_context(|| format!("cannot lock {}", path.display()))
}

fn aws_config() -> anyhow::Result<PathBuf> {
    match env::var_os("AWS_CONFIG_FILE").filter(|path| !path.is_empty()) {
        Some(path) => Ok(path.into()),
        None => Ok(home()?.join(".aws/config")),
    }
}

fn aws_credentials() -> anyhow::Result<PathBuf> {
    match env::var_os("AWS_SHARED_CREDENTIALS_FILE").filter(|path| !path.is_empty()) {
        Some(path) => Ok(path.into()),
        None => Ok(home()?.join(".aws/credentials")),
    }
}

/// Where rclone looks first.
fn rclone_config() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("RCLONE_CONFIG").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let folder = match env::var_os("XDG_CONFIG_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => folder,
        _ => home()?.join(".config"),
    };
    Ok(folder.join("rclone/rclone.conf"))
}

/// Where s3cmd looks first.
fn s3cmd_config() -> anyhow::Result<PathBuf> {
    match env::var_os("S3CMD_CONFIG").filter(|path| !path.is_empty()) {
        Some(path) => Ok(path.into()),
        None => Ok(home()?.join(".s3cfg")),
    }
}

fn home() -> anyhow::Result<PathBuf> {
    env::var_os("HOME")
        .map(PathBuf::from)
        .context("HOME is not set, so there is no ~/.aws")
}

fn aws_profile(
    profile: &Profile,
    asker: &Asker,
    client: &Client,
    site: &Site,
) -> anyhow::Result<String> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let program = program
        .to_str()
        .context("this program lies at a path that is not UTF-8")?;
    let identity = match asker.words()? {
        Some(words) => format!(" --identity {}", quoted(&words)?),
        None => String::new(),
    };
    Ok(format!(
        "credential_process = {} credentials --survey {} --portal {}{identity}\nendpoint_url = {}\nregion = {}\n",
        quoted(program)?,
        profile.survey,
        client.portal(),
        site.s3.trim_end_matches('/'),
        site.region
    ))
}

/// A word of a command that botocore and Go take apart, each in its way.
fn quoted(word: &str) -> anyhow::Result<String> {
    ensure!(
        !word.contains(['"', '\\', '\n', '$', '`']),
        "credential_process cannot name '{word}'; move it to a path of plain characters"
    );
    let odd = word.contains(|c: char| c.is_whitespace() || "'#;&|()<>*?".contains(c));
    Ok(if odd {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    })
}

fn s3cmd_file(path: PathBuf, site: &Site) -> anyhow::Result<ConfigFile> {
    let mut file = ConfigFile::open(path, By::Setup)?;
    ensure!(
        !file.has_more_than(S3CMD)?,
        "{} has settings of yours, and s3cmd knows one place a file; name another with S3CMD_CONFIG, which s3cmd reads too",
        file.path().display()
    );
    file.put(S3CMD, "default", &s3cmd_place(&site.s3, &site.region)?)?;
    Ok(file)
}

fn rclone_remote(profile: &Profile, site: &Site) -> String {
    format!(
        "type = s3\nprovider = Other\nenv_auth = true\nprofile = {}\nendpoint = {}\nregion = {}\n\
         force_path_style = true\nno_check_bucket = true\n",
        profile.name,
        site.s3.trim_end_matches('/'),
        site.region
    )
}

pub(super) fn profile_name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits {
        Ok(text.to_owned())
    } else {
        Err("letters, digits, '-', '_' and '.', such as m13".to_owned())
    }
}
