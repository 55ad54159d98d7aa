//! Credentials as text to paste: for the shell, `~/.aws`, boto3, astropy and Butler.

use skykey_types::{Credentials, Secret};

use crate::PortalSettings;

/// One text with its title.
#[derive(Debug)]
pub(crate) struct Snippet {
    pub(crate) title: &'static str,
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

/// Returns the texts for credentials of the survey `survey`, whose first prefix is `bucket`/`prefix`. All
/// values are letters, digits and `-_./:+=`, so none needs quoting.
pub(crate) fn snippets(
    credentials: &Credentials,
    survey: &str,
    bucket: &str,
    prefix: &str,
    settings: &PortalSettings,
) -> Vec<Snippet> {
    let key = credentials.access_key_id.as_str();
    let secret = credentials.secret_access_key.expose();
    let token = credentials.session_token.as_ref().map(Secret::expose);
    let endpoint = settings.s3.as_str().trim_end_matches('/');
    let region = &settings.region;
    let line = |before: &str, after: &str| {
        token
            .map(|token| format!("{before}{token}{after}"))
            .unwrap_or_default()
    };
    let (env_token, ini_token) = (
        line("export AWS_SESSION_TOKEN=", "\n"),
        line("aws_session_token = ", "\n"),
    );
    let python_token = line("    aws_session_token=\"", "\",\n");
    vec![
        Snippet {
            title: "Shell",
            what: "Paste it into a terminal; every AWS tool started there uses it.",
            text: format!(
                "export AWS_ACCESS_KEY_ID={key}\nexport AWS_SECRET_ACCESS_KEY={secret}\n{env_token}\
                 export AWS_ENDPOINT_URL={endpoint}\nexport AWS_DEFAULT_REGION={region}\n\
                 aws s3 ls s3://{bucket}/{prefix}"
            ),
        },
        Snippet {
            title: "~/.aws/credentials",
            what: "A profile; choose it with --profile or AWS_PROFILE.",
            text: format!(
                "[{survey}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n{ini_token}\
                 endpoint_url = {endpoint}\nregion = {region}"
            ),
        },
        Snippet {
            title: "boto3",
            what: "A client that reads the survey.",
            text: format!(
                "import boto3\n\ns3 = boto3.client(\n    \"s3\",\n    endpoint_url=\"{endpoint}\",\n    \
                 region_name=\"{region}\",\n    aws_access_key_id=\"{key}\",\n    \
                 aws_secret_access_key=\"{secret}\",\n{python_token})\n\
                 for item in s3.list_objects_v2(Bucket=\"{bucket}\", Prefix=\"{prefix}\")[\"Contents\"]:\n    \
                 print(item[\"Key\"], item[\"Size\"])"
            ),
        },
        Snippet {
            title: "astropy",
            what: "Opens an image without copying it first (needs s3fs). Put a key from the listing in place of KEY.",
            text: format!(
                "from astropy.io import fits\n\noptions = {{\n    \"key\": \"{key}\",\n    \"secret\": \"{secret}\",\n{}    \
                 \"client_kwargs\": {{\"endpoint_url\": \"{endpoint}\", \"region_name\": \"{region}\"}},\n}}\n\
                 with fits.open(\"s3://{bucket}/{prefix}KEY\", use_fsspec=True, fsspec_kwargs=options) as hdus:\n    \
                 hdus.info()",
                line("    \"token\": \"", "\",\n"),
            ),
        },
        Snippet {
            title: "Butler",
            what: "Set these before Python starts; Butler and lsst.resources take them from the environment. Put the repository's folder in place of butler/ if the curators chose another.",
            text: format!(
                "export AWS_ACCESS_KEY_ID={key}\nexport AWS_SECRET_ACCESS_KEY={secret}\n{env_token}\
                 export S3_ENDPOINT_URL={endpoint}\nexport AWS_DEFAULT_REGION={region}\n\
                 butler query-collections s3://{bucket}/{prefix}butler/"
            ),
        },
    ]
}

#[cfg(test)]
mod tests {
    use skykey_types::AccessKeyId;

    use super::*;

    fn settings() -> PortalSettings {
        let url = |text: &str| text.parse().unwrap();
        PortalSettings {
            public: url("http://127.0.0.1:1/"),
            s3: url("http://127.0.0.1:4/"),
            region: "us-east-1".to_owned(),
            join_at: url("http://127.0.0.1:2/"),
            jupyter: None,
            cli_client_id: None,
            cli_ports: None,
        }
    }

    fn credentials(token: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: AccessKeyId::new("AK"),
            secret_access_key: Secret::new("SK"),
            session_token: token.map(Secret::new),
            expiration: None,
        }
    }

    #[test]
    fn a_session_token_is_in_every_text_and_an_ec2_credential_needs_none() {
        for snippet in snippets(&credentials(Some("TOKEN")), "demo", "demo", "", &settings()) {
            assert!(snippet.text.contains("TOKEN"), "{}", snippet.title);
        }
        for snippet in snippets(&credentials(None), "demo", "demo", "", &settings()) {
            assert!(
                !snippet.text.to_lowercase().contains("token"),
                "{}",
                snippet.title
            );
        }
    }
}
