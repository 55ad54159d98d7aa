//! What of other places goes before skykey's credentials: variables and profiles, by their names; never
//! what is in them.
//!
//! The order is botocore's: keys in the environment, a profile's keys in `~/.aws/credentials`, its
//! `credential_process` in `~/.aws/config`, and last a container's endpoint, which is how notebook
//! servers and `skykey exec` get theirs.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;

use skykey_client::{Client, Me};
use skykey_types::{AccessKeyId, LeaseId};
use url::Url;

use super::may_read;
use crate::listed;
use skykey_checks::section::{NotWell, Section, Seen};

/// Keys, and what leads to keys, before any profile.
const KEYS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];
/// Which endpoint; the first one counts for S3.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT_URL"];
const PROFILES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
const CONTAINER: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// Reads the environment.
type Variable = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What is looked at.
struct Surroundings {
    variable: Variable,
    /// Of the files that `~/.aws` has.
    config: String,
    credentials: String,
    /// What the credentials file is called, for people.
    credentials_file: String,
    /// The leases that are live, by id.
    leases: BTreeSet<String>,
    /// The surveys that may be read.
    surveys: Vec<String>,
    s3: Option<Url>,
}

pub(super) async fn examine(client: &Client, section: &Section, me: Option<&Me>, s3: Option<&Url>) {
    let _ = section
        .check("environment", "", async {
            let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
            let file = |name: &str, usual: &str| {
                let path = variable(name)
                    .map(PathBuf::from)
                    .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".aws").join(usual)));
                path.unwrap_or_default()
            };
            let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
            let config = file("AWS_CONFIG_FILE", "config");
            let leases = match me {
                Some(_) => client.leases().await.unwrap_or_default(),
                None => Vec::new(),
            };
            let surroundings = Surroundings {
                variable: Box::new(variable),
                config: fs::read_to_string(config).unwrap_or_default(),
                credentials: fs::read_to_string(&credentials).unwrap_or_default(),
                credentials_file: credentials.display().to_string(),
                leases: leases
                    .into_iter()
                    .filter(|lease| lease.state == "live")
                    .map(|lease| lease.id)
                    .collect(),
                surveys: me
                    .map(|me| may_read(me).map(|survey| survey.name.clone()).collect())
                    .unwrap_or_default(),
                s3: s3.cloned(),
            };
            surroundings.judged()
        })
        .await;
}

impl Surroundings {
    fn judged(&self) -> Seen {
        let mut found = Vec::new();
        let mut remedies = Vec::new();
        let set: Vec<&str> = KEYS.into_iter().filter(|name| self.is_set(name)).collect();
        let ours = self.keys_are_ours();
        if !set.is_empty() && !ours {
            found.push(format!(
                "{} go before every profile, and are not skykey's",
                listed(&set)
            ));
            remedies.push(format!("unset {}", set.join(" ")));
        }
        for name in ENDPOINTS {
            let Some(value) = (self.variable)(name) else {
                continue;
            };
            let other = match (&self.s3, value.parse::<Url>()) {
                (Some(s3), Ok(url)) => s3.origin() != url.origin(),
                (Some(_), Err(_)) => true,
                (None, _) => false,
            };
            if other {
                found.push(format!("{name} leads to another object store"));
                remedies.push(format!("unset {name}"));
            }
        }
        let keys = with_keys(&self.credentials);
        for name in PROFILES {
            let Some(profile) = (self.variable)(name) else {
                continue;
            };
            if keys.contains(&profile) || !process_is_ours(&self.config, &profile) {
                found.push(format!(
                    "{name} names the profile {}, which is not skykey's",
                    plain(&profile)
                ));
                remedies.push(format!(
                    "unset {name}, or set it to a profile that 'skykey setup' wrote"
                ));
            }
        }
        let mut hidden: Vec<&str> = self
            .surveys
            .iter()
            .map(String::as_str)
            .filter(|survey| keys.contains(*survey))
            .collect();
        if self.is_set(CONTAINER) && keys.contains("default") {
            hidden.push("default");
        }
        if !hidden.is_empty() {
            found.push(format!(
                "{} has keys for {}, which go before skykey's",
                self.credentials_file,
                listed(&hidden)
            ));
            remedies.push("take them out there, or choose another name with 'skykey setup --survey NAME --profile OTHER'".to_owned());
        }
        if found.is_empty() {
            let well = if ours && !set.is_empty() {
                "the keys in the environment are skykey's; they do not renew themselves"
            } else if self.is_set(CONTAINER) {
                "nothing is before the endpoint that gives credentials here"
            } else {
                "nothing is in the way"
            };
            return Ok(((), well.to_owned()));
        }
        Err(NotWell::failed(found.join("; "), remedies.join("; ")))
    }

    fn is_set(&self, name: &str) -> bool {
        (self.variable)(name).is_some()
    }

    /// Whether the keys in the environment are of a live lease, as by `skykey credentials --format env`.
    fn keys_are_ours(&self) -> bool {
        let id = (self.variable)("AWS_ACCESS_KEY_ID");
        id.is_some_and(|id| {
            self.leases
                .contains(LeaseId::of(&AccessKeyId::new(id)).as_str())
        }) && !self.is_set("AWS_WEB_IDENTITY_TOKEN_FILE")
    }
}

/// The profiles of a credentials file that hold keys.
fn with_keys(text: &str) -> BTreeSet<String> {
    lines(text)
        .filter(|(_, key, _)| *key == "aws_access_key_id")
        .map(|(section, ..)| section.to_owned())
        .collect()
}

/// Whether the profile of a config file asks skykey.
fn process_is_ours(text: &str, profile: &str) -> bool {
    let heading = format!("profile {profile}");
    lines(text).any(|(section, key, value)| {
        (section == heading || (profile == "default" && section == "default"))
            && key == "credential_process"
            && value.contains("skykey")
            && value.contains(" credentials ")
    })
}

/// Section, key and value of each line that has them.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(heading) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = heading.trim();
            return None;
        }
        if line.starts_with(['#', ';']) {
            return None;
        }
        let (key, value) = line.split_once('=')?;
        Some((section, key.trim(), value.trim()))
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = x\n[profile m13]\ncredential_process = /usr/bin/skykey credentials --survey m13\n\
                          [profile work]\nsso_session = y\n";

    fn judged(variables: &[(&str, &str)], credentials: &str) -> Result<String, (String, String)> {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let lease = LeaseId::of(&AccessKeyId::new("AKOURS"));
        let surroundings = Surroundings {
            variable: Box::new(move |name| {
                let found = variables.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            }),
            config: CONFIG.to_owned(),
            credentials: credentials.to_owned(),
            credentials_file: "~/.aws/credentials".to_owned(),
            leases: [lease.as_str().to_owned()].into(),
            surveys: vec!["m13".to_owned()],
            s3: Some("https://s3.example.org/".parse().unwrap()),
        };
        match surroundings.judged() {
            Ok(((), found)) => Ok(found),
            Err(NotWell::Failed { found, remedy }) => Err((found, remedy)),
            Err(NotWell::Skipped(because)) => panic!("{because:?}"),
        }
    }

    #[test]
    fn what_goes_before_skykeys_is_named_and_its_value_is_not() {
        for (variables, credentials, found, remedy) in [
            (
                vec![
                    ("AWS_ACCESS_KEY_ID", "AKTHEIRS"),
                    ("AWS_SECRET_ACCESS_KEY", "hunter2"),
                ],
                "",
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY go before",
                "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY",
            ),
            (
                vec![("AWS_ENDPOINT_URL", "https://hunter2.example/")],
                "",
                "AWS_ENDPOINT_URL leads",
                "unset AWS_ENDPOINT_URL",
            ),
            (
                vec![("AWS_PROFILE", "work")],
                "",
                "names the profile work",
                "unset AWS_PROFILE",
            ),
            (
                vec![],
                "[m13]\naws_access_key_id = hunter2\n",
                "has keys for m13",
                "take them out",
            ),
            (
                vec![(CONTAINER, "http://127.0.0.1/")],
                "[default]\naws_access_key_id=hunter2",
                "has keys for default",
                "take them out",
            ),
        ] {
            let (said, do_this) = judged(&variables, credentials).unwrap_err();
            assert!(
                said.contains(found) && do_this.contains(remedy),
                "{said} → {do_this}"
            );
            assert!(
                !said.contains("hunter2") && !do_this.contains("hunter2"),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_skykeys_is_not_in_the_way() {
        for (variables, credentials, found) in [
            (vec![], "", "nothing is in the way"),
            (
                vec![],
                "[default]\naws_access_key_id = x\n",
                "nothing is in the way",
            ),
            (
                vec![("AWS_PROFILE", "m13")],
                "[other]\naws_access_key_id = x\n",
                "nothing is in the way",
            ),
            (
                vec![("AWS_ACCESS_KEY_ID", "AKOURS"), ("AWS_SESSION_TOKEN", "x")],
                "",
                "do not renew themselves",
            ),
            (
                vec![
                    (CONTAINER, "x"),
                    ("AWS_ENDPOINT_URL", "https://s3.example.org"),
                ],
                "",
                "endpoint that gives",
            ),
        ] {
            assert!(
                judged(&variables, credentials).unwrap().contains(found),
                "{variables:?}"
            );
        }
    }
}
