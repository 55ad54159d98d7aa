//! `skykey jupyter config`: what a JupyterHub has to be told.

use anyhow::bail;
use skykey_client::Portal;
use skykey_types::SurveyName;
use url::Url;

/// What the command line said.
#[derive(Debug, Clone)]
pub struct HubLines {
    /// The portal: https, or this machine, since AWS SDKs take credentials from no other.
    pub portal: Portal,
    /// The S3 endpoint.
    pub s3: Url,
    /// Its region.
    pub region: String,
    /// The survey of the hub's notebook servers.
    pub survey: Option<SurveyName>,
}

impl HubLines {
    /// The lines for `jupyterhub_config.py`.
    ///
    /// A spawner's own section hides the general one, also an empty one, as Zero to JupyterHub sets it; so the
    /// lines go into each of them. Sections of spawners that are not there do nothing.
    pub fn text(&self) -> anyhow::Result<String> {
        if !self
            .region
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            bail!(
                "'{}' is not a region; write for example us-east-1",
                self.region
            );
        }
        let plain = matches!(self.s3.scheme(), "http" | "https")
            && self.s3.username().is_empty()
            && self.s3.password().is_none()
            && self.s3.query().is_none();
        if !plain {
            bail!(
                "that is not the address of an S3 endpoint; write for example https://s3.example.org/"
            );
        }
        let mut credentials = self.portal.at(&["jupyter", "credentials"]);
        if let Some(survey) = &self.survey {
            credentials.set_query(Some(&format!("survey={survey}")));
        }
        let s3 = self.s3.as_str().trim_end_matches('/');
        let region = &self.region;
        Ok(format!(
            r#"for part in (c.Spawner, c.KubeSpawner, c.DockerSpawner):
    part.environment.update({{
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{credentials}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": lambda spawner: f"Bearer {{spawner.api_token}}",
        "AWS_ENDPOINT_URL_S3": "{s3}", "AWS_DEFAULT_REGION": "{region}",
    }})
"#
        ))
    }

    /// What to mind, for standard error.
    pub fn advice(&self) -> &'static str {
        if self.portal.url().scheme() == "https" {
            "The portal's certificate must be by a public authority: for credentials, boto3 trusts no other."
        } else {
            "These lines are for notebook servers on the portal's own machine: AWS SDKs take credentials over http from loopback only."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(portal: &str) -> HubLines {
        HubLines {
            portal: portal.parse().unwrap(),
            s3: "https://s3.example.org/".parse().unwrap(),
            region: "us-east-1".to_owned(),
            survey: Some("m13".parse().unwrap()),
        }
    }

    #[test]
    fn a_hub_needs_at_most_six_lines() {
        let text = lines("https://skykey.example.org").text().unwrap();
        assert!(text.lines().count() <= 6);
        for part in [
            "\"https://skykey.example.org/jupyter/credentials?survey=m13\"",
            "lambda spawner: f\"Bearer {spawner.api_token}\"",
            "\"AWS_ENDPOINT_URL_S3\": \"https://s3.example.org\"",
            "c.KubeSpawner",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for portal in [
            "http://127.0.0.1:8080/",
            "http://[::1]:8080/",
            "http://localhost/",
        ] {
            let lines = lines(portal);
            lines.text().unwrap();
            assert!(lines.advice().contains("loopback only"));
        }
        for portal in [
            "http://skykey.example.org/",
            "http://10.0.0.1/",
            "ftp://localhost/",
        ] {
            assert!(portal.parse::<Portal>().is_err(), "{portal}");
        }
        let below = lines("https://h.example.org/skykey").text().unwrap();
        assert!(below.contains("\"https://h.example.org/skykey/jupyter/credentials?survey=m13\""));
        let mut lines = lines("https://h.example.org/");
        lines.s3 = "https://u:secret@s3.example.org/".parse().unwrap();
        let error = lines.text().unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn another_machine_needs_a_certificate() {
        assert!(
            lines("https://10.0.0.1/")
                .advice()
                .contains("public authority")
        );
    }

    #[test]
    fn a_region_cannot_break_out_of_its_quotes() {
        let mut lines = lines("https://skykey.example.org/");
        lines.region = "x\", \"y".to_owned();
        assert!(
            lines
                .text()
                .unwrap_err()
                .to_string()
                .contains("not a region")
        );
    }
}
