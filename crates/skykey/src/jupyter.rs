//! `skykey jupyter config`: what a JupyterHub has to be told.

use anyhow::bail;
use skykey_client::is_this_machine;
use skykey_types::SurveyName;
use url::Url;

/// What the command line said.
#[derive(Debug, Clone)]
pub struct HubLines {
    /// The portal.
    pub portal: Url,
    /// The S3 endpoint.
    pub s3: Url,
    /// Its region.
    pub region: String,
    /// The survey of the hub's notebook servers.
    pub survey: Option<SurveyName>,
}

impl HubLines {
    /// The lines for `jupyterhub_config.py`. Refuses an address from which no AWS SDK takes credentials.
    ///
    /// A spawner's own section hides the general one, also an empty one, as Zero to JupyterHub sets it; so the
    /// lines go into each of them. Sections of spawners that are not there do nothing.
    pub fn text(&self) -> anyhow::Result<String> {
        let portal = &self.portal;
        match portal.scheme() {
            "https" => {}
            // The same is so to botocore.
            "http" if is_this_machine(portal) => {}
            "http" => bail!(
                "'{portal}' is plain http, and AWS SDKs take credentials over http from this machine only; give the portal's https address, or that of a loopback proxy"
            ),
            _ => bail!(
                "'{portal}' is not the portal's address; write for example https://skykey.example.org/"
            ),
        }
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
        let mut credentials = portal.join("/jupyter/credentials")?;
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
        if self.portal.scheme() == "https" {
            "The portal's certificate must be by a public authority: for credentials, boto3 believes no other."
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
            assert!(lines(portal).text().is_err(), "{portal}");
        }
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
