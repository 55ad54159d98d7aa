//! `skykey doctor --me`: what stands between a person and a survey's objects, one thing after the other. It
//! is the operators' doctor from the other side: the same table and JSON, but what only a login shows,
//! and remedies that a person can carry out. It changes nothing; should the store let it write, it
//! says so and takes away what it wrote.

mod environment;
mod login;
mod survey;

use std::io::{self, Write};

use anyhow::bail;
use skykey_client::{Client, Me};
use skykey_types::SurveyName;
use skykey_upstream::{Settings, Upstream};
use url::Url;

use super::{Asker, At};
use skykey_checks::advice::Advice;
use skykey_checks::contact::{self, System};
use skykey_checks::report::{Report, Table};
use skykey_checks::section::{Because, NotWell, Section};

/// Runs every check and prints the results. The exit code is 0 only if all checks pass.
pub async fn run(
    asker: &Asker,
    at: &At,
    survey: Option<SurveyName>,
    json: bool,
) -> anyhow::Result<()> {
    let client = asker.client(at, |name| std::env::var_os(name))?;
    let table = Table::new(survey.iter().map(SurveyName::as_str));
    let mut table = (!json).then_some(table);
    let (section, mut checks) = Section::new();
    let mut report = Report {
        checks: Vec::new(),
        interrupted: false,
    };
    let telling = async {
        while let Some(check) = checks.recv().await {
            if let Some(table) = &mut table {
                let _ = table.line(&check);
            }
            report.checks.push(check);
        }
    };
    tokio::join!(examine(&client, survey.as_ref(), section), telling);
    finish(&report, json)
}

fn finish(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)?;
    }
    out.flush()?;
    if let Some(verdict) = report.complaint() {
        bail!(verdict);
    }
    if !json {
        writeln!(out, "\nEvery check passed.")?;
    }
    Ok(())
}

/// In an order in which what comes first is what to mend first.
async fn examine(client: &Client, only: Option<&SurveyName>, section: Section) {
    let reached = contact(
        client,
        &section,
        "portal",
        "the portal",
        client.portal().url(),
    )
    .await;
    let me = login::examine(client, &section, &reached).await;
    let readable = login::groups(client, &section, only, &me).await;
    let site = match &reached {
        Ok(()) => client.site().await.map_err(|error| {
            Because(format!(
                "the portal does not say where the objects are: {error}"
            ))
        }),
        Err(because) => Err(because.clone()),
    };
    let endpoint = site
        .as_ref()
        .ok()
        .and_then(|site| site.s3.parse::<Url>().ok());
    let stored = match &endpoint {
        Some(url) => contact(client, &section, "s3", "the object store", url).await,
        None => Err(site.err().unwrap_or_else(|| {
            Because("the portal names no address for its object store".to_owned())
        })),
    };
    match &readable {
        Ok(names) => {
            for name in names {
                survey::examine(client, name, &section, &stored).await;
            }
        }
        Err(because) => {
            let _ = section
                .check::<()>("lease", "", async { Err(NotWell::from(because)) })
                .await;
        }
    }
    let me = me.as_ref().ok().and_then(Option::as_ref);
    environment::examine(client, &section, me, endpoint.as_ref()).await;
}

/// Whether all that needs a system can be done.
async fn contact(
    client: &Client,
    section: &Section,
    prefix: &'static str,
    name: &'static str,
    url: &Url,
) -> Result<(), Because> {
    let system = System {
        prefix,
        name,
        url,
        advice: Advice::Person,
    };
    let upstream = Upstream::new(Settings::of(name).by_proxy(url))
        .map_err(|error| Because(error.to_string()))?;
    let contact = contact::examine(&**client.clock(), section, &upstream, system).await;
    contact.in_time?;
    contact.secure
}

/// An error of the client's, with its remedy.
fn not_well(error: &skykey_client::ClientError, otherwise: &str) -> NotWell {
    let hint = error.hint();
    let remedy = if hint.is_empty() {
        otherwise.to_owned()
    } else {
        hint
    };
    NotWell::failed(error.to_string(), remedy)
}

/// Those that may be read.
fn may_read(me: &Me) -> impl Iterator<Item = &skykey_client::Standing> {
    me.surveys.iter().filter(|survey| survey.access.is_some())
}
