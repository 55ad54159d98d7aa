//! Credentials in the words of each tool.

use anyhow::{Context, ensure};
use serde_json::json;
use skykey_client::GrantedLease;
use skykey_types::{Secret, Timestamp};
use url::Url;

use super::credentials::Format;

/// The text, ending with a line break.
pub(super) fn text(format: Format, granted: &GrantedLease) -> anyhow::Result<String> {
    let keys = CredentialFields::of(granted)?;
    Ok(match format {
        Format::Process => process(&keys),
        Format::Env => env(&keys),
        Format::Aws => aws(&keys),
        Format::Json => whole(&keys, granted),
        Format::Rclone => rclone(&keys),
        Format::S3cmd => s3cmd(&keys)?,
        Format::Duckdb => duckdb(&keys)?,
    })
}

/// The lines of a profile in `~/.aws/credentials`, below its heading.
pub(super) fn profile(granted: &GrantedLease) -> anyhow::Result<String> {
    Ok(aws_lines(&CredentialFields::of(granted)?))
}

/// What every form is made of. No value holds a blank, a quote or a line break, so none needs quoting.
struct CredentialFields<'a> {
    survey: &'a str,
    id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
    expiration: Option<String>,
    endpoint: &'a str,
    region: &'a str,
    prefixes: &'a [String],
}

impl<'a> CredentialFields<'a> {
    fn of(granted: &'a GrantedLease) -> anyhow::Result<Self> {
        let credentials = &granted.credentials;
        let keys = Self {
            survey: &granted.lease.survey,
            id: credentials.access_key_id.as_str(),
            secret: credentials.secret_access_key.expose(),
            token: credentials.session_token.as_ref().map(Secret::expose),
            expiration: credentials.expiration.map(rfc3339),
            endpoint: granted.place.endpoint.trim_end_matches('/'),
            region: &granted.place.region,
            prefixes: &granted.place.prefixes,
        };
        let values = [
            keys.survey,
            keys.id,
            keys.secret,
            keys.endpoint,
            keys.region,
        ];
        ensure!(
            values.into_iter().chain(keys.token).all(is_plain)
                && keys
                    .prefixes
                    .iter()
                    .all(|prefix| !prefix.contains(['\'', '\n'])),
            "the portal's answer holds characters that no credentials have; tell the people who run it"
        );
        Ok(keys)
    }
}

/// Whether it can stand in a line of a shell or of a configuration as it is.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_./:+=[]".contains(&b))
}

/// Host with port, and whether it is encrypted.
fn host(endpoint: &str) -> anyhow::Result<(String, bool)> {
    let url = Url::parse(endpoint).context("the S3 endpoint's address")?;
    let host = url.host_str().context("the S3 endpoint has no host")?;
    let port = url.port().map(|port| format!(":{port}"));
    Ok((
        format!("{host}{}", port.unwrap_or_default()),
        url.scheme() == "https",
    ))
}

/// As AWS writes times.
pub(super) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn lines(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// The AWS tools' "sourcing credentials with an external process".
fn process(keys: &CredentialFields<'_>) -> String {
    let mut value = json!({
        "Version": 1, "AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
    });
    if let Some(token) = keys.token {
        value["SessionToken"] = json!(token);
    }
    if let Some(expiration) = &keys.expiration {
        value["Expiration"] = json!(expiration);
    }
    lines(&value)
}

fn env(keys: &CredentialFields<'_>) -> String {
    let token = match keys.token {
        Some(token) => format!("export AWS_SESSION_TOKEN={token}"),
        None => "unset AWS_SESSION_TOKEN".to_owned(),
    };
    let CredentialFields {
        id,
        secret,
        endpoint,
        region,
        ..
    } = keys;
    format!(
        "export AWS_ACCESS_KEY_ID={id}\nexport AWS_SECRET_ACCESS_KEY={secret}\n{token}\n\
         export AWS_ENDPOINT_URL={endpoint}\nexport S3_ENDPOINT_URL={endpoint}\n\
         export AWS_DEFAULT_REGION={region}\nexport AWS_REGION={region}\n"
    )
}

fn aws(keys: &CredentialFields<'_>) -> String {
    format!("[{}]\n{}", keys.survey, aws_lines(keys))
}

fn aws_lines(keys: &CredentialFields<'_>) -> String {
    let token = optional("aws_session_token = ", keys.token);
    format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n{token}endpoint_url = {}\nregion = {}\n",
        keys.id, keys.secret, keys.endpoint, keys.region
    )
}

fn whole(keys: &CredentialFields<'_>, granted: &GrantedLease) -> String {
    lines(&json!({
        "lease": granted.lease,
        "credentials": {
            "AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
            "SessionToken": keys.token, "Expiration": keys.expiration,
        },
        "s3": granted.place,
    }))
}

fn rclone(keys: &CredentialFields<'_>) -> String {
    let token = optional("session_token = ", keys.token);
    format!(
        "[{}]\ntype = s3\nprovider = Other\naccess_key_id = {}\nsecret_access_key = {}\n{token}\
         endpoint = {}\nregion = {}\nforce_path_style = true\nno_check_bucket = true\n",
        keys.survey, keys.id, keys.secret, keys.endpoint, keys.region
    )
}

fn s3cmd(keys: &CredentialFields<'_>) -> anyhow::Result<String> {
    let token = optional("access_token = ", keys.token);
    let place = s3cmd_place(keys.endpoint, keys.region)?;
    Ok(format!(
        "[default]\naccess_key = {}\nsecret_key = {}\n{token}{place}",
        keys.id, keys.secret
    ))
}

/// Where s3cmd finds the objects, path style.
pub(super) fn s3cmd_place(endpoint: &str, region: &str) -> anyhow::Result<String> {
    let (host, encrypted) = host(endpoint)?;
    let encrypted = if encrypted { "True" } else { "False" };
    Ok(format!(
        "host_base = {host}\nhost_bucket = {host}\nbucket_location = {region}\nuse_https = {encrypted}\n"
    ))
}

fn duckdb(keys: &CredentialFields<'_>) -> anyhow::Result<String> {
    let (host, encrypted) = host(keys.endpoint)?;
    let token = match keys.token {
        Some(token) => format!(", SESSION_TOKEN '{token}'"),
        None => String::new(),
    };
    let scopes: Vec<String> = keys
        .prefixes
        .iter()
        .map(|prefix| format!("'s3://{prefix}'"))
        .collect();
    Ok(format!(
        "CREATE OR REPLACE SECRET \"{}\" (TYPE s3, KEY_ID '{}', SECRET '{}'{token}, REGION '{}', \
         ENDPOINT '{host}', URL_STYLE 'path', USE_SSL {encrypted}, SCOPE [{}]);\n",
        keys.survey,
        keys.id,
        keys.secret,
        keys.region,
        scopes.join(", ")
    ))
}

fn optional(before: &str, value: Option<&str>) -> String {
    value.map_or(String::new(), |value| format!("{before}{value}\n"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use skykey_client::{AfterRemoval, LeaseSummary, Place};
    use skykey_types::{AccessKeyId, Credentials};

    use super::*;

    fn granted(token: Option<&str>, secret: &str) -> GrantedLease {
        let end: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        GrantedLease {
            lease: LeaseSummary {
                id: "lease-1".to_owned(),
                survey: "m13".to_owned(),
                access: "read".to_owned(),
                method: "gateway".to_owned(),
                issued: end,
                expires: Some(end),
                state: "live".to_owned(),
                after_removal: AfterRemoval {
                    seen_within: 30,
                    ..AfterRemoval::default()
                },
                ..LeaseSummary::default()
            },
            credentials: Credentials {
                access_key_id: AccessKeyId::new("AK"),
                secret_access_key: Secret::new(secret),
                session_token: token.map(Secret::new),
                expiration: Some(end),
            },
            place: Place {
                endpoint: "http://127.0.0.1:8083/".to_owned(),
                region: "us-east-1".to_owned(),
                prefixes: vec!["m13/".to_owned()],
            },
        }
    }

    #[test]
    fn each_form_has_the_token_or_none() {
        for format in Format::value_variants() {
            let with = text(*format, &granted(Some("TOKEN"), "SK")).unwrap();
            assert!(
                with.contains("TOKEN") && with.contains("AK") && with.ends_with('\n'),
                "{with}"
            );
            let without = text(*format, &granted(None, "SK")).unwrap();
            assert!(
                !without.contains("TOKEN ") && !without.contains("=TOKEN"),
                "{without}"
            );
        }
    }

    #[test]
    fn the_process_form_is_what_botocore_reads() {
        let printed = text(Format::Process, &granted(Some("T"), "SK")).unwrap();
        let read: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let expected = json!({
            "Version": 1, "AccessKeyId": "AK", "SecretAccessKey": "SK", "SessionToken": "T",
            "Expiration": "2026-11-24T12:00:00Z",
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn an_answer_that_would_break_out_of_its_line_is_refused() {
        for secret in ["a\nb", "$(x)", "a'b", "a b", "`x`", "a;b"] {
            for format in Format::value_variants() {
                let error = text(*format, &granted(None, secret))
                    .unwrap_err()
                    .to_string();
                assert!(
                    error.contains("no credentials have") && !error.contains(secret),
                    "{error}"
                );
            }
        }
    }
}
