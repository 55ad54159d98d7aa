//! What the actions that assume a role have in common.

use skykey_types::Rights;

use super::form::Form;
use crate::fault::{Code, Fault, Result};

/// The longest session policy in characters: AWS's limit, at which RGW stops as well.
const MAX_POLICY_CHARS: usize = 2048;

/// `RoleSessionName`: it goes into logs, so it is plain.
pub(super) fn session_name<'f>(action: &str, form: &'f Form<'_>) -> Result<&'f str> {
    let session = form.needed(action, "RoleSessionName")?;
    if is_session_name(session) {
        return Ok(session);
    }
    Err(Fault::argument(
        "RoleSessionName has 2 to 64 characters: letters, digits, and _+=,.@-",
    ))
}

/// What the session policy allows, if there is one. It must be of the kind that skykey's own client
/// writes; any other is refused, since it could not be enforced.
pub(super) fn policy(form: &Form<'_>) -> Result<Option<Rights>> {
    form.field("Policy").map(rights_of).transpose()
}

fn rights_of(policy: &str) -> Result<Rights> {
    if policy.chars().count() > MAX_POLICY_CHARS {
        let why = format!("the session policy has more than {MAX_POLICY_CHARS} characters");
        return Err(Fault::new(Code::PackedPolicyTooLarge, why));
    }
    skykey_sts::rights_of_policy(policy)
        .map_err(|why| Fault::new(Code::MalformedPolicyDocument, why))
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
        let error = rights_of(&" ".repeat(MAX_POLICY_CHARS + 1)).unwrap_err();
        assert_eq!(error.code, Code::PackedPolicyTooLarge);
        let error = rights_of("nonsense").unwrap_err();
        assert_eq!(error.code, Code::MalformedPolicyDocument);
    }
}
