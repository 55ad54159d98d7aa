//! `[jupyterhub]`: the hub whose notebook servers get credentials.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skykey_broker::HandOutSettings;
use skykey_hub::{HubName, HubSettings};
use skykey_iam::{IamSettings, MembershipSource};
use skykey_portal::JupyterSettings;
use skykey_types::{Lifetime, Limits, Method, SignedDuration, SurveyName};
use url::Url;

use super::ConfiguredSurvey;
use super::words::{Duration, SecretPlace};

/// The JupyterHub, and what its notebook servers receive.
#[derive(Debug, Clone)]
pub struct HubSite {
    /// The settings of the hub's client.
    pub client: HubSettings,
    /// What notebook servers receive.
    pub notebooks: JupyterSettings,
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
    #[serde(default)]
    stop_servers: bool,
    service_token: Option<SecretPlace>,
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
                "[jupyterhub] method: ec2 needs a person's login, which a notebook server does not have; choose sts-lite, assume-role or gateway"
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
        if self.url.path().trim_end_matches('/').ends_with("/hub") {
            return Err(format!(
                "[jupyterhub] url: '{}' goes too far; leave out the hub/ at its end",
                self.url
            ));
        }
        let service_token = self
            .service_token
            .map(|token| token.read("[jupyterhub] service_token", beside))
            .transpose()?;
        if self.stop_servers && service_token.is_none() {
            return Err(
                "[jupyterhub] stop_servers needs service_token, that of a service of the hub with the scopes read:servers and delete:servers"
                    .to_owned(),
            );
        }
        let client = HubSettings {
            url: self.url,
            authorities: self.authorities.map(|path| beside.join(path)),
            service_token,
            stop_servers: self.stop_servers,
        };
        let notebooks = JupyterSettings {
            user: self.user,
            any_token: self.any_token,
            survey: self.survey,
            lifetime: self
                .lifetime
                .map(Duration::whole_seconds)
                .map(Lifetime::seconds),
            method: self.method,
        };
        Ok((HubSite { client, notebooks }, hand_out))
    }
}

/// Refuses names that the IAM cannot look up.
pub(super) fn fits_iam(hub: &JupyterSettings, iam: &IamSettings) -> Result<(), String> {
    if iam.membership == MembershipSource::Userinfo && hub.user == HubName::Username {
        return Err(
            "[jupyterhub] user must be \"sub\" where [iam] membership is \"userinfo\": without SCIM the owner of a login name cannot be looked up"
                .to_owned(),
        );
    }
    Ok(())
}

/// Refuses what no survey could give.
pub(super) fn fits(hub: &JupyterSettings, surveys: &[ConfiguredSurvey]) -> Result<(), String> {
    let named = |name: &SurveyName| {
        let mut all = surveys.iter().map(|configured| &configured.survey);
        all.find(|survey| survey.name == *name)
    };
    if let Some(name) = &hub.survey
        && named(name).is_none()
    {
        return Err(format!("[jupyterhub] survey: there is no survey '{name}'"));
    }
    // Those who name no survey, or any of them, must be able to have what is set here.
    let asked_for: Vec<_> = match hub.survey.as_ref().and_then(named) {
        Some(survey) => vec![survey],
        None => surveys
            .iter()
            .map(|configured| &configured.survey)
            .collect(),
    };
    for survey in asked_for {
        let name = &survey.name;
        if let Some(method) = hub.method
            && !survey.methods.contains(&method)
        {
            return Err(format!(
                "[jupyterhub] method: the survey '{name}' does not offer {method}"
            ));
        }
        let Limits { min, max } = survey.lifetime;
        if let Some(lifetime) = hub.lifetime
            && survey.lifetime.check(lifetime).is_err()
        {
            return Err(format!(
                "[jupyterhub] lifetime: the survey '{name}' gives {min} s to {max} s"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn load(text: &str) -> Result<Config, String> {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [("token", 0o600), ("open", 0o644)] {
            let path = dir.path().join(name);
            std::fs::write(&path, "of-the-service\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = dir.path().join("skykey.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), &[]).map_err(|error| error.to_string())
    }

    fn hub(more: &str) -> Result<Config, String> {
        load(&format!(
            "[jupyterhub]\nurl = \"https://hub.example.org/\"\n{more}"
        ))
    }

    #[test]
    fn servers_are_stopped_by_a_token_from_a_private_file_and_not_unless_it_is_said() {
        let site = hub("").unwrap().jupyterhub.unwrap().client;
        assert!(!site.stop_servers && site.service_token.is_none());
        let site = hub("service_token = { file = \"token\" }");
        assert!(!site.unwrap().jupyterhub.unwrap().client.stop_servers);
        let site = hub("stop_servers = true\nservice_token = { file = \"token\" }");
        let site = site.unwrap().jupyterhub.unwrap().client;
        assert!(site.stop_servers);
        assert_eq!(site.service_token.unwrap().expose(), "of-the-service");
        for (more, says) in [
            ("stop_servers = true", "needs service_token"),
            (
                "stop_servers = true\nservice_token = { file = \"open\" }",
                "can be read by others",
            ),
            (
                "stop_servers = true\nservice_token = \"of-the-service\"",
                "expected { file",
            ),
        ] {
            let error = hub(more).unwrap_err();
            assert!(error.contains(says), "{more:?} gave {error:?}");
            assert!(!error.contains("of-the-service"), "{error}");
        }
    }

    #[test]
    fn names_need_an_iam_that_can_look_them_up() {
        let site = |user: &str, membership: &str| {
            let iam = format!(
                "[iam]\nissuer = \"https://iam.example.org/\"\nclient_id = \"skykey\"\nclient_secret = {{ file = \"token\" }}\nmembership = \"{membership}\"\n\
                 [keystone]\nurl = \"https://keystone.example.org/v3\"\n[keystone.backend_user]\nname = \"skykey\"\npassword = {{ file = \"token\" }}\n\
                 [keystone.admin_user]\nname = \"admin\"\npassword = {{ file = \"token\" }}\nproject = \"service\"\n"
            );
            hub(&format!("user = \"{user}\"\n{iam}"))
        };
        let error = site("username", "userinfo").unwrap_err();
        assert!(error.contains("user must be \"sub\""), "{error}");
        for (user, membership) in [
            ("sub", "userinfo"),
            ("username", "scim"),
            ("username", "auto"),
        ] {
            site(user, membership).unwrap();
        }
    }
}
