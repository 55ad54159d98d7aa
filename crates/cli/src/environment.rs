//! The variables that point every tool at an endpoint and a site: for a command, for a shell, for a file.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use skykey_client::Place;
use skykey_types::Secret;

/// Every tool looks at these before it asks the endpoint.
const IN_THE_WAY: [&str; 13] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];
/// The SDKs that know it prefer the file to the variable.
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Names and values; one of them is the bearer.
pub(super) struct Variables {
    set: Vec<(&'static str, Secret)>,
    unset: Vec<&'static str>,
}

impl Variables {
    /// Points every tool at the endpoint and the site, and takes away whatever would go before it: also the
    /// person's own `~/.aws`, whose default profile may hold keys of another place.
    pub(super) fn of(url: &str, bearer: &Secret, place: &Place) -> anyhow::Result<Self> {
        let s3 = place.endpoint.trim_end_matches('/');
        let region = place.region.as_str();
        let set: Vec<(&'static str, Secret)> = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", bearer.expose()),
            ("AWS_ENDPOINT_URL", s3),
            ("AWS_ENDPOINT_URL_S3", s3),
            ("S3_ENDPOINT_URL", s3),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_REGION", region),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            // A refusal should not end in a long search for a cloud.
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect();
        ensure!(
            set.iter().all(|(_, value)| is_plain(value.expose())),
            "the portal's answer holds characters that no address has; tell the people who run it"
        );
        let mut unset = IN_THE_WAY.to_vec();
        unset.push(TOKEN_FILE);
        Ok(Self { set, unset })
    }

    /// Names the bearer's file too, for the SDKs that read it, and the process that serves.
    pub(super) fn of_agent(mut self, bearer: &Path, pid: u32) -> anyhow::Result<Self> {
        let bearer = bearer
            .to_str()
            .filter(|path| is_plain(path))
            .context("the agent's folder has characters that no environment file can hold; choose another with --folder")?;
        self.unset.retain(|name| *name != TOKEN_FILE);
        self.set.push((TOKEN_FILE, Secret::new(bearer)));
        self.set
            .push((crate::variables::AGENT_PID, Secret::new(pid.to_string())));
        Ok(self)
    }

    /// For a command.
    pub(super) fn give_to(&self, command: &mut Command) {
        for name in &self.unset {
            command.env_remove(name);
        }
        for (name, value) in &self.set {
            command.env(name, value.expose());
        }
    }

    /// Lines for a POSIX shell.
    pub(super) fn shell(&self) -> String {
        let mut text = format!("unset {}\n", self.unset.join(" "));
        for (name, value) in &self.set {
            let value = value.expose().replace('\'', r"'\''");
            let _ = writeln!(text, "export {name}='{value}'");
        }
        text
    }
}

/// One line in any file.
fn is_plain(value: &str) -> bool {
    !value.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: &str) -> Place {
        Place {
            endpoint: endpoint.to_owned(),
            region: "us-east-1".to_owned(),
            prefixes: Vec::new(),
        }
    }

    #[test]
    fn a_shell_takes_any_value_as_it_is() {
        let bearer = Secret::new("Bearer X");
        let place = place("http://127.0.0.1:1/'; touch /tmp/x; $(x) `x`/");
        let variables = Variables::of("http://127.0.0.1:2/credentials", &bearer, &place)
            .unwrap()
            .of_agent(Path::new("/a b/bearer"), 7)
            .unwrap();
        let script = format!("{}env", variables.shell());
        let run = Command::new("sh")
            .args(["-euc", &script])
            .env("AWS_PROFILE", "mine")
            .env(TOKEN_FILE, "mine")
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        for line in [
            "AWS_ENDPOINT_URL=http://127.0.0.1:1/'; touch /tmp/x; $(x) `x`",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN=Bearer X",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/a b/bearer",
            "SKYKEY_AGENT_PID=7",
        ] {
            assert!(said.lines().any(|said| said == line), "{line} in {said}");
        }
        assert!(!said.contains("mine"), "{said}");
    }

    #[test]
    fn a_line_break_from_the_portal_is_refused() {
        let bearer = Secret::new("x");
        assert!(Variables::of("u", &bearer, &place("http://a/\nexport X=1")).is_err());
    }
}
