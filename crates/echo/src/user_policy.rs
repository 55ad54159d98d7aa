//! User policies: without one that allows it, RGW refuses `GetSessionToken`; without its condition,
//! session tokens could renew themselves for ever.

use serde_json::{Value, json};
use skykey_types::Credentials;

use crate::policy::{as_list, matches_pattern};
use crate::{Echo, EchoError, ProjectId};

/// The name of skykey's policy.
pub const NAME: &str = "skykey-get-session-token";

const ACTION: &str = "sts:GetSessionToken";

/// What skykey's policy says: `GetSessionToken`, but not with credentials that themselves came from
/// STS. Without blanks, as RGW needs for some of its policies.
pub fn document() -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ACTION,
            "Resource": "*",
            "Condition": {"BoolIfExists": {"sts:authentication": "false"}},
        }],
    })
    .to_string()
}

/// A user policy, as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPolicy {
    /// Its name.
    pub name: String,
    /// Its text.
    pub document: String,
}

/// All policies of a project's user. What suspends, enables or limits a user makes RGW forget them;
/// [`put_back`] puts them back.
pub async fn remember(
    echo: &Echo,
    admin: &Credentials,
    project: &ProjectId,
) -> Result<Vec<UserPolicy>, EchoError> {
    let mut policies = Vec::new();
    for name in echo.user_policy_names(admin, project).await? {
        // Gone since it was listed: nothing to remember.
        if let Some(document) = echo.user_policy(admin, project, &name).await? {
            policies.push(UserPolicy { name, document });
        }
    }
    Ok(policies)
}

/// Puts policies back, all that can be; the first failure is the error.
pub async fn put_back(
    echo: &Echo,
    admin: &Credentials,
    project: &ProjectId,
    policies: &[UserPolicy],
) -> Result<(), EchoError> {
    let mut outcome = Ok(());
    for UserPolicy { name, document } in policies {
        let put = echo.put_user_policy(admin, project, name, document).await;
        outcome = outcome.and(put);
    }
    outcome
}

/// Whether two policies say the same, however they are written.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<Value>(text).ok();
    read(one).is_some_and(|one| Some(one) == read(other))
}

/// What is wrong with a policy of somebody else: that session tokens may renew themselves.
pub(crate) fn concern(policy: &UserPolicy) -> Option<String> {
    let document: Value = serde_json::from_str(&policy.document).ok()?;
    let statements = match document.get("Statement")? {
        Value::Array(many) => many.iter().collect(),
        one => vec![one],
    };
    let renews = statements.iter().any(|statement| {
        let covers = match (statement.get("Action"), statement.get("NotAction")) {
            (Some(actions), _) => as_list(actions)
                .iter()
                .any(|action| matches_pattern(action, ACTION)),
            (None, Some(not)) => !as_list(not)
                .iter()
                .any(|action| matches_pattern(action, ACTION)),
            (None, None) => false,
        };
        let conditioned = statement
            .get("Condition")
            .is_some_and(|condition| condition.to_string().contains("sts:authentication"));
        statement.get("Effect").and_then(Value::as_str) == Some("Allow") && covers && !conditioned
    });
    renews.then(|| {
        format!(
            "its user policy '{}' lets session tokens renew themselves for ever: it allows {ACTION} without the \
             condition BoolIfExists sts:authentication=false",
            policy.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(document: &str) -> bool {
        let policy = UserPolicy {
            name: "gst".to_owned(),
            document: document.to_owned(),
        };
        concern(&policy).is_some()
    }

    #[test]
    fn ours_has_no_blanks_and_its_condition() {
        assert_eq!(
            document(),
            "{\"Statement\":[{\"Action\":\"sts:GetSessionToken\",\"Condition\":{\"BoolIfExists\":\
             {\"sts:authentication\":\"false\"}},\"Effect\":\"Allow\",\"Resource\":\"*\"}],\"Version\":\"2012-10-17\"}"
        );
        assert!(!wide(&document()));
    }

    #[test]
    fn a_policy_that_lets_tokens_renew_themselves_is_named() {
        let one = |statement: &str| format!("{{\"Statement\":{statement}}}");
        for statement in [
            "{\"Effect\":\"Allow\",\"Action\":\"sts:GetSessionToken\",\"Resource\":\"*\"}",
            "[{\"Effect\":\"Allow\",\"Action\":[\"s3:*\",\"sts:*\"],\"Resource\":\"*\"}]",
            "[{\"Effect\":\"Allow\",\"NotAction\":\"s3:*\",\"Resource\":\"*\"}]",
            "[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Condition\":{\"Bool\":{\"x\":\"y\"}}}]",
        ] {
            assert!(wide(&one(statement)), "{statement}");
        }
        for statement in [
            "{\"Effect\":\"Deny\",\"Action\":\"sts:*\"}",
            "{\"Effect\":\"Allow\",\"Action\":\"s3:*\"}",
            "{\"Effect\":\"Allow\",\"NotAction\":\"sts:*\"}",
            "7",
        ] {
            assert!(!wide(&one(statement)), "{statement}");
        }
        assert!(!wide("no JSON"));
    }

    #[test]
    fn blanks_and_order_make_no_difference() {
        assert!(same("{\"a\":1,\"b\":[2]}", "{ \"b\": [2], \"a\": 1 }"));
        assert!(!same("{\"a\":1}", "{\"a\":2}"));
        assert!(!same("no", "no"));
    }
}
