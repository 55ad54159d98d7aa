//! `[jupyterhub]`: the hub whose notebook servers get credentials.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skykey_broker::HandOutSettings;
use skykey_portal::HubName;
use skykey_types::{Lifetime, Limits, Method, SignedDuration, SurveyName};
use url::Url;

use super::words::Duration;
use super::{ConfiguredSurvey, whole_seconds};

/// A JupyterHub.
#[derive(Debug, Clone)]
pub struct HubSite {
    /// Its address, as far as `/hub/`.
    pub url: Url,
    /// What it calls its users.
    pub user: HubName,
    /// Whether tokens count that are not a notebook server's.
    pub any_token: bool,
    /// The survey of those who ask for none.
    pub survey: Option<SurveyName>,
    /// How long leases last.
    pub lifetime: Option<Lifetime>,
    /// The method.
    pub method: Option<Method>,
    /// Certificate authorities to believe beside the machine's.
    pub authorities: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HubEntry {
    url: Url,
    #[serde(default = "username")]
    user: HubName,
    #[serde(default)]
    any_token: bool,
    survey: Option<SurveyName>,
    lifetime: Option<Duration>,
    method: Option<Method>,
    renew_at: Option<Duration>,
    authorities: Option<PathBuf>,
}

fn username() -> HubName {
    HubName::Username
}

impl HubEntry {
    /// The hub, and how credentials are handed out again.
    pub(super) fn into_site(self, beside: &Path) -> Result<(HubSite, HandOutSettings), String> {
        if !matches!(self.url.scheme(), "http" | "https") {
            return Err(format!(
                "[jupyterhub] url: '{}' is not the address of a JupyterHub; write for example https://hub.example.org/",
                self.url
            ));
        }
        if self.method == Some(Method::Ec2) {
            return Err(
                "[jupyterhub] method: ec2 takes a person's login, which a notebook server has not; choose sts-lite, assume-role or gateway"
                    .to_owned(),
            );
        }
        let mut hand_out = HandOutSettings::default();
        if let Some(Duration(renew_at)) = self.renew_at {
            if renew_at < SignedDuration::from_mins(1) {
                return Err("[jupyterhub] renew_at must be at least 60s".to_owned());
            }
            hand_out.renew_at = renew_at;
        }
        let site = HubSite {
            url: self.url,
            user: self.user,
            any_token: self.any_token,
            survey: self.survey,
            lifetime: self.lifetime.map(whole_seconds).map(Lifetime::seconds),
            method: self.method,
            authorities: self.authorities.map(|path| beside.join(path)),
        };
        Ok((site, hand_out))
    }
}

impl HubSite {
    /// Refuses what no survey could give.
    pub(super) fn fits(&self, surveys: &[ConfiguredSurvey]) -> Result<(), String> {
        let named = |name: &SurveyName| {
            let mut all = surveys.iter().map(|configured| &configured.survey);
            all.find(|survey| survey.name == *name)
        };
        if let Some(name) = &self.survey
            && named(name).is_none()
        {
            return Err(format!("[jupyterhub] survey: there is no survey '{name}'"));
        }
        // Those who name no survey, or any of them, must be able to have what is set here.
        let asked_for: Vec<_> = match self.survey.as_ref().and_then(named) {
            Some(survey) => vec![survey],
            None => surveys
                .iter()
                .map(|configured| &configured.survey)
                .collect(),
        };
        for survey in asked_for {
            let name = &survey.name;
            if let Some(method) = self.method
                && !survey.methods.contains(&method)
            {
                return Err(format!(
                    "[jupyterhub] method: the survey '{name}' does not offer {method}"
                ));
            }
            let Limits { min, max } = survey.lifetime;
            if let Some(lifetime) = self.lifetime
                && survey.lifetime.check(lifetime).is_err()
            {
                return Err(format!(
                    "[jupyterhub] lifetime: the survey '{name}' gives {min} s to {max} s"
                ));
            }
        }
        Ok(())
    }
}
