//! What the actions that assume a role have in common.

use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_types::Rights;

use super::bad_request;
use super::form::Form;

/// The longest session policy, in characters: AWS's limit, at which RGW stops as well.
const LONGEST_POLICY: usize = 2048;

/// `RoleSessionName`: it goes into logs, so it is plain.
pub(super) fn session_name<'f>(action: &str, form: &'f Form) -> S3Result<&'f str> {
    let session = form.needed(action, "RoleSessionName")?;
    if is_session_name(session) {
        return Ok(session);
    }
    Err(S3Error::with_message(
        S3ErrorCode::InvalidArgument,
        "RoleSessionName has 2 to 64 characters: letters, digits, and _+=,.@-",
    ))
}

/// What the session policy allows, if there is one. It must be of the kind that skykey's own client
/// writes; any other is refused, since it could not be kept.
pub(super) fn policy(form: &Form) -> S3Result<Option<Rights>> {
    form.field("Policy").map(rights_of).transpose()
}

fn rights_of(policy: &str) -> S3Result<Rights> {
    if policy.chars().count() > LONGEST_POLICY {
        let why = format!("the session policy has more than {LONGEST_POLICY} characters");
        return Err(bad_request("PackedPolicyTooLarge", why));
    }
    skykey_sts::rights_of_policy(policy).map_err(|why| bad_request("MalformedPolicyDocument", why))
}

/// `[\w+=,.@-]{2,64}`.
fn is_session_name(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c);
    (2..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` of `arn:aws:iam::ACCOUNT:role/ROLE`.
pub(super) fn session_arn(role: &str, session: &str) -> String {
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
