//! `skykey survey apply`.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use skykey_echo::site::{self, SurveySite};
use skykey_types::{Clock, Survey, SystemClock};
use skykey_upstream::UpstreamMetrics;

use super::{Borrowed, EchoSite, RealSite, project_id};
use crate::systems::SiteClients;

/// What the command line said.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Only these surveys; all of them if empty.
    pub surveys: Vec<String>,
    /// Show the difference and change nothing.
    pub dry_run: bool,
}

/// Brings each survey's policies into order, or shows what would be done. It ends well if all is in
/// order at the end (or, with `dry_run`, could be looked at).
pub async fn apply(site: RealSite, options: ApplyOptions) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = UpstreamMetrics::default();
    let clients = SiteClients::new(&site.keystone, &site.echo, &clock, &metrics)?;
    let surveys: Vec<&Survey> = site
        .surveys
        .iter()
        .filter(|survey| {
            options.surveys.is_empty()
                || options
                    .surveys
                    .iter()
                    .any(|name| name == survey.name.as_str())
        })
        .collect();
    if let Some(unknown) = options
        .surveys
        .iter()
        .find(|name| !surveys.iter().any(|survey| survey.name.as_str() == *name))
    {
        bail!("the configuration has no survey called '{unknown}'");
    }
    let mut outstanding = false;
    for survey in surveys {
        let taken = [
            Borrowed::take(&clients, &survey.data_project).await?,
            Borrowed::take(&clients, &survey.readers_project).await?,
        ];
        let outcome = one(&clients, &site.echo, survey, &taken, options.dry_run).await;
        for key in taken {
            key.give_back(&clients).await?;
        }
        outstanding |= outcome.with_context(|| format!("survey {}", survey.name))?;
    }
    if outstanding {
        bail!("some steps are left to another person, see above; run this again afterwards");
    }
    Ok(())
}

/// One survey; whether something is left to somebody else.
async fn one(
    clients: &SiteClients,
    echo: &EchoSite,
    survey: &Survey,
    [data, readers]: &[Borrowed; 2],
    dry_run: bool,
) -> anyhow::Result<bool> {
    let site = SurveySite {
        name: survey.name.clone(),
        prefixes: survey.prefixes.clone(),
        data_project: project_id(clients, &survey.data_project).await?,
        readers_project: project_id(clients, &survey.readers_project).await?,
        data: data.credentials(),
        readers: readers.credentials(),
        admin: echo.admin.clone(),
    };
    let plan = site::plan(&clients.echo, &site).await?;
    let mut out = io::stdout().lock();
    write!(out, "{plan}")?;
    if dry_run || plan.is_in_order() {
        return Ok(false);
    }
    drop(out);
    let applied = site::apply(&clients.echo, &site, &plan).await?;
    let mut out = io::stdout().lock();
    for done in &applied.done {
        writeln!(out, "  {:<10} {done}", "done")?;
    }
    for command in &applied.outstanding {
        writeln!(out, "  {:<10} $ {command}", "run first")?;
    }
    Ok(!applied.outstanding.is_empty())
}
