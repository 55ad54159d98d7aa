//! What runs where, for people and for programs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use url::Url;

/// `DIR/up.json` (mode 0600): where everything is and who can log in. Tests and tools rely on it;
/// fields are added, never renamed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpFile {
    /// The portal.
    pub portal: Url,
    /// The IAM's issuer, ending with `/`.
    pub iam: Url,
    /// Keystone, ending with `/v3`.
    pub keystone: Url,
    /// The S3 and STS endpoint.
    pub s3: Url,
    /// The endpoint's region.
    pub region: String,
    /// Who can log in.
    pub people: Vec<UpPerson>,
    /// The surveys.
    pub surveys: Vec<UpSurvey>,
    /// The configuration file, with its whole path, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
}

/// Somebody who can log in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpPerson {
    /// The login name.
    pub username: String,
    /// The password, in clear: this is a machine to try things on.
    pub password: String,
    /// Who it is, in a few words.
    pub is: String,
}

/// A survey.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpSurvey {
    /// Its name.
    pub name: String,
    /// The bucket that holds it.
    pub bucket: String,
}

impl UpFile {
    /// Reads `DIR/up.json` of a running skykey, which goes on undisturbed.
    pub(super) fn read(state: &Path) -> anyhow::Result<Self> {
        let path = state.join("up.json");
        let shown = path.display();
        let bytes = skykey_seal::read_private(&path)
            .with_context(|| format!("cannot read {shown}"))?
            .with_context(|| {
                format!("{shown} is not there, so no 'skykey up' runs on that state; start it, or give another --state DIR or a --config FILE")
            })?;
        serde_json::from_slice(&bytes).with_context(|| format!("{shown} is damaged"))
    }

    /// Writes `up.json`.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        skykey_seal::write_private(path, &text)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Tells whoever started it what to do next.
pub(super) fn print(up: &UpFile, state: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let survey = up
        .surveys
        .first()
        .map_or("demo", |survey| survey.name.as_str());
    writeln!(out, "\nskykey is up.\n")?;
    for (what, url) in [
        ("portal", &up.portal),
        ("IAM", &up.iam),
        ("Keystone", &up.keystone),
        ("S3 and STS", &up.s3),
    ] {
        writeln!(out, "  {what:<11} {url}")?;
    }
    if !up.people.is_empty() {
        print_people(&mut out, up)?;
    }
    writeln!(out, "\n  {:<11} bucket", "survey")?;
    for survey in &up.surveys {
        writeln!(out, "  {:<11} s3://{}", survey.name, survey.bucket)?;
    }
    if !up.people.is_empty() {
        print_tries(&mut out, up, survey)?;
    }
    writeln!(
        out,
        "\nAll this is also in {}. Ctrl-C stops it; the state stays.",
        state.join("up.json").display()
    )?;
    out.flush()
}

/// The people of the embedded IAM.
fn print_people(out: &mut impl Write, up: &UpFile) -> io::Result<()> {
    writeln!(out, "\n  {:<11} {:<26} who it is", "log in as", "password")?;
    for person in &up.people {
        writeln!(
            out,
            "  {:<11} {:<26} {}",
            person.username, person.password, person.is
        )?;
    }
    Ok(())
}

/// What can be tried with them.
fn print_tries(out: &mut impl Write, up: &UpFile, survey: &str) -> io::Result<()> {
    writeln!(out, "\nTry this:")?;
    writeln!(
        out,
        "  1. Open {} in a browser, log in as bob, and get credentials for {survey}.",
        up.portal
    )?;
    writeln!(
        out,
        "  2. Paste the text under \"Shell\" into a terminal, then:  aws s3 ls s3://{survey}/ --recursive"
    )?;
    writeln!(
        out,
        "  3. Log in as alice: she asks to join {survey}/readers, and olive accepts her at {}dashboard",
        up.iam
    )?;
    writeln!(
        out,
        "  4. On your own machine:  skykey login --portal {}, then  skykey ls",
        up.portal
    )?;
    Ok(())
}
