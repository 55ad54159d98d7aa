//! The XML of STS, as the AWS STS API reference of 2011-06-15 shapes it.

use quick_xml::escape::escape;
use serde::Deserialize;
use skykey_types::{Credentials, Secret, Timestamp};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The answer to `GetSessionToken`.
pub fn session_token_xml(credentials: &Credentials, request_id: &str) -> String {
    credentials_xml("GetSessionToken", credentials, "", request_id)
}

/// The answer to `AssumeRole`: `arn` and `id` name the session.
pub fn assume_role_xml(credentials: &Credentials, arn: &str, id: &str, request_id: &str) -> String {
    credentials_xml(
        "AssumeRole",
        credentials,
        &assumed_role_xml(arn, id),
        request_id,
    )
}

/// The answer to `AssumeRoleWithWebIdentity`: `arn` and `id` name the session, `subject` and `provider` are
/// whose token it was and who issued it.
pub fn web_identity_xml(
    credentials: &Credentials,
    (arn, id): (&str, &str),
    (subject, provider): (&str, &str),
    request_id: &str,
) -> String {
    let token = format!(
        "<SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken><Provider>{}</Provider>",
        escape(subject),
        escape(provider)
    );
    credentials_xml(
        "AssumeRoleWithWebIdentity",
        credentials,
        &(assumed_role_xml(arn, id) + &token),
        request_id,
    )
}

fn assumed_role_xml(arn: &str, id: &str) -> String {
    format!(
        "<AssumedRoleUser><Arn>{}</Arn><AssumedRoleId>{}</AssumedRoleId></AssumedRoleUser>",
        escape(arn),
        escape(id)
    )
}

fn credentials_xml(
    action: &str,
    credentials: &Credentials,
    beside: &str,
    request_id: &str,
) -> String {
    let token = credentials
        .session_token
        .as_ref()
        .map_or("", Secret::expose);
    let expiration = credentials.expiration.map(seconds).unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{action}Response xmlns=\"{NAMESPACE}\"><{action}Result><Credentials>\
         <AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{expiration}</Expiration>\
         </Credentials>{beside}</{action}Result>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
        escape(credentials.access_key_id.as_str()),
        escape(credentials.secret_access_key.expose()),
        escape(token),
        escape(request_id),
    )
}

/// The answer to `GetCallerIdentity`: `account` is the project or survey, `arn` and `user` say who.
pub fn caller_identity_xml(account: &str, arn: &str, user: &str, request_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
         <Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        escape(arn),
        escape(user),
        escape(account),
        escape(request_id),
    )
}

/// An error in STS's shape, which is not S3's: the tools look for `ErrorResponse`.
pub fn error_xml(code: &str, message: &str, request_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code>\
         <Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        escape(code),
        escape(message),
        escape(request_id),
    )
}

/// Reads the credentials in the answer to `action`, `GetSessionToken` or `AssumeRole`; the error says
/// what is missing, never what was there.
pub(crate) fn parse_credentials(action: &str, body: &[u8]) -> Result<Credentials, String> {
    #[derive(Deserialize)]
    struct Response {
        #[serde(rename = "GetSessionTokenResult", alias = "AssumeRoleResult")]
        result: Outcome,
    }
    #[derive(Deserialize)]
    struct Outcome {
        #[serde(rename = "Credentials")]
        credentials: Fields,
    }
    #[derive(Deserialize)]
    struct Fields {
        #[serde(rename = "AccessKeyId")]
        access_key_id: skykey_types::AccessKeyId,
        #[serde(rename = "SecretAccessKey")]
        secret_access_key: Secret,
        #[serde(rename = "SessionToken")]
        session_token: Secret,
        #[serde(rename = "Expiration")]
        expiration: String,
    }
    let no_answer = || format!("it is not the XML of {action}Response");
    let text = std::str::from_utf8(body).map_err(|_| no_answer())?;
    let Response {
        result: Outcome { credentials },
    } = quick_xml::de::from_str(text).map_err(|_| no_answer())?;
    // Ceph writes nanoseconds, AWS whole seconds.
    let expiration = credentials
        .expiration
        .parse::<Timestamp>()
        .map_err(|_| "its Expiration is not an RFC 3339 time".to_owned())?;
    if credentials.access_key_id.as_str().is_empty()
        || credentials.secret_access_key.expose().is_empty()
        || credentials.session_token.expose().is_empty()
    {
        return Err("a part of the credentials is empty".to_owned());
    }
    Ok(Credentials {
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: Some(credentials.session_token),
        expiration: Some(expiration),
    })
}

fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use skykey_types::AccessKeyId;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let credentials = Credentials {
            access_key_id: AccessKeyId::new("SKYKAAAA"),
            secret_access_key: Secret::new("a<b&c"),
            session_token: Some(Secret::new("token")),
            expiration: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        };
        let read = parse_credentials(
            "GetSessionToken",
            session_token_xml(&credentials, "r").as_bytes(),
        )
        .unwrap();
        assert_eq!(read.access_key_id, credentials.access_key_id);
        assert_eq!(read.secret_access_key, credentials.secret_access_key);
        assert_eq!(read.session_token, credentials.session_token);
        assert_eq!(read.expiration, credentials.expiration);
        let assumed = assume_role_xml(&credentials, "arn:x", "id", "r");
        let read = parse_credentials("AssumeRole", assumed.as_bytes()).unwrap();
        assert_eq!(read.session_token, credentials.session_token);
    }

    #[test]
    fn a_web_identitys_answer_names_the_person_and_escapes_what_it_was_told() {
        let credentials = Credentials {
            access_key_id: AccessKeyId::new("SKYKAAAA"),
            secret_access_key: Secret::new("s"),
            session_token: Some(Secret::new("token")),
            expiration: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        };
        let xml = web_identity_xml(&credentials, ("arn:x", "id"), ("a<b", "https://iam/"), "r");
        for part in [
            "<AssumeRoleWithWebIdentityResult>",
            "<SubjectFromWebIdentityToken>a&lt;b</SubjectFromWebIdentityToken>",
            "<Provider>https://iam/</Provider>",
            "<Expiration>2026-11-23T10:00:00Z</Expiration>",
        ] {
            assert!(xml.contains(part), "{xml}");
        }
    }

    #[test]
    fn the_answer_of_ceph_is_read_without_namespace_and_with_nanoseconds() {
        let body = "<GetSessionTokenResponse><GetSessionTokenResult><Credentials><AccessKeyId>A</AccessKeyId>\
            <SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>\
            <Expiration>2026-11-23T07:34:09.965549422Z</Expiration></Credentials></GetSessionTokenResult>\
            <ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></GetSessionTokenResponse>";
        let read = parse_credentials("GetSessionToken", body.as_bytes()).unwrap();
        assert_eq!(read.expiration.unwrap().subsec_nanosecond(), 965_549_422);
        assert!(parse_credentials("GetSessionToken", b"<nonsense/>").is_err());
        assert!(parse_credentials("GetSessionToken", &[0xff, 0xfe]).is_err());
    }
}
