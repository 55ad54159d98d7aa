//! [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).

use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_broker::{Broker, Principal, Renewal};
use skykey_types::{Rights, random_token};

use crate::error::denied;

/// The longest session policy, in characters: AWS's limit, at which RGW stops as well.
const LONGEST_POLICY: usize = 2048;

/// The survey's role for the access that the EC2 credential has, narrowed by a session policy of the
/// kind that skykey's own client writes; any other policy is refused, since it could not be kept.
pub(super) async fn answer<'f>(
    broker: &Broker,
    principal: &Principal,
    field: impl Fn(&str) -> Option<&'f str>,
) -> S3Result<String> {
    let missing = |name: &str| {
        S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            format!("AssumeRole needs {name}"),
        )
    };
    let role = field("RoleArn").ok_or_else(|| missing("RoleArn"))?;
    let session = field("RoleSessionName").ok_or_else(|| missing("RoleSessionName"))?;
    if !is_session_name(session) {
        return Err(S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            "RoleSessionName has 2 to 64 characters: letters, digits, and _+=,.@-",
        ));
    }
    let policy = field("Policy").map(rights_of).transpose()?;
    let issued = broker
        .renew(
            principal,
            field("DurationSeconds"),
            &Renewal::Role(role, policy),
        )
        .await
        .map_err(|why| denied(&why))?;
    let id = issued.credentials.access_key_id.as_str();
    Ok(skykey_sts::assume_role_xml(
        &issued.credentials,
        &session_arn(role, session),
        &format!("{id}:{session}"),
        &random_token(16),
    ))
}

/// What the session policy allows.
fn rights_of(policy: &str) -> S3Result<Rights> {
    let refused = |code: &'static str, why: String| {
        let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), why);
        error.set_status_code(http::StatusCode::BAD_REQUEST);
        error
    };
    if policy.chars().count() > LONGEST_POLICY {
        let why = format!("the session policy has more than {LONGEST_POLICY} characters");
        return Err(refused("PackedPolicyTooLarge", why));
    }
    skykey_sts::rights_of_policy(policy).map_err(|why| refused("MalformedPolicyDocument", why))
}

/// `[\w+=,.@-]{2,64}`.
fn is_session_name(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c);
    (2..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` of `arn:aws:iam::ACCOUNT:role/ROLE`.
fn session_arn(role: &str, session: &str) -> String {
    match role.split_once(":role/") {
        Some((account, name)) => {
            let account = account.replacen(":iam:", ":sts:", 1);
            format!("{account}:assumed-role/{name}/{session}")
        }
        None => format!("{role}/{session}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_name_goes_into_logs_so_it_is_plain() {
        for good in ["ab", "bob@iam.example", "a_+=,.-", &"a".repeat(64)] {
            assert!(is_session_name(good), "{good}");
        }
        for bad in ["", "a", "a b", "a\nb", "a/b", "é", &"a".repeat(65)] {
            assert!(!is_session_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_session_is_named_as_ceph_and_aws_name_it() {
        assert_eq!(
            session_arn("arn:aws:iam:::role/skykey-m13-readers", "alice"),
            "arn:aws:sts:::assumed-role/skykey-m13-readers/alice"
        );
    }

    #[test]
    fn a_policy_that_is_too_long_is_refused_before_it_is_read() {
        let error = rights_of(&" ".repeat(LONGEST_POLICY + 1)).unwrap_err();
        assert_eq!(error.code().as_str(), "PackedPolicyTooLarge");
        let error = rights_of("nonsense").unwrap_err();
        assert_eq!(error.code().as_str(), "MalformedPolicyDocument");
    }
}
