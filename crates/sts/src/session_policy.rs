//! Rights as a session policy, and back: the documents that narrow what a role may do
//! ([session policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session)).

use serde_json::{Value, json};
use skykey_types::{Access, Grant, Prefix, Rights};

const READ: [&str; 1] = ["s3:GetObject"];
const WRITE: [&str; 5] = [
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
];
const LIST: &str = "s3:ListBucket";

/// A policy that allows `rights` and nothing else. It holds no blanks, which RGW's parser of forms
/// stumbles over.
pub fn session_policy(rights: &Rights) -> String {
    let statements: Vec<Value> = rights.0.iter().flat_map(statements).collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn statements(grant: &Grant) -> [Value; 2] {
    let Prefix { bucket, prefix } = &grant.place;
    let actions: &[&str] = match grant.access {
        Access::Read => &READ,
        Access::Write => &WRITE,
    };
    let objects = json!({
        "Effect": "Allow",
        "Action": actions,
        "Resource": [format!("arn:aws:s3:::{bucket}/{prefix}*")],
    });
    let mut listing = json!({
        "Effect": "Allow",
        "Action": [LIST],
        "Resource": [format!("arn:aws:s3:::{bucket}")],
    });
    if !prefix.is_empty() {
        listing["Condition"] = json!({"StringLike": {"s3:prefix": [format!("{prefix}*")]}});
    }
    [objects, listing]
}

/// The rights that such a policy allows; an error for any other document, since what is not
/// understood cannot be enforced.
pub fn rights_of_policy(policy: &str) -> Result<Rights, String> {
    let not_ours = |what: &str| {
        format!(
            "the policy {what}; only what skykey itself writes is understood here: pairs of statements that allow s3:GetObject (or also the writing actions) on arn:aws:s3:::BUCKET/PREFIX* and s3:ListBucket on arn:aws:s3:::BUCKET"
        )
    };
    let document: Value = serde_json::from_str(policy).map_err(|_| not_ours("is not JSON"))?;
    let statements = document["Statement"]
        .as_array()
        .ok_or_else(|| not_ours("has no list of statements"))?;
    let mut grants = Vec::new();
    for statement in statements {
        let resource = statement["Resource"][0].as_str().unwrap_or_default();
        let Some(place) = resource
            .strip_prefix("arn:aws:s3:::")
            .and_then(|rest| rest.strip_suffix('*'))
            .filter(|place| place.contains('/'))
        else {
            continue;
        };
        let place: Prefix = place
            .parse()
            .map_err(|_| not_ours("names a resource that is no place in a bucket"))?;
        let access = if statement["Action"] == json!(WRITE) {
            Access::Write
        } else {
            Access::Read
        };
        grants.push(Grant { place, access });
    }
    let rights = Rights(grants);
    // Whatever was there beside what was read makes the document another one.
    let again: Value = serde_json::from_str(&session_policy(&rights)).unwrap_or_default();
    if again == document {
        Ok(rights)
    } else {
        Err(not_ours("says more or other than that"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(places: &[&str], access: Access) -> Rights {
        let places: Vec<Prefix> = places.iter().map(|place| place.parse().unwrap()).collect();
        Rights::to(&places, access)
    }

    #[test]
    fn what_is_written_is_read() {
        for access in [Access::Read, Access::Write] {
            for places in [&["m13/"][..], &["lsst/dp1/", "other/a"], &[]] {
                let rights = rights(places, access);
                assert_eq!(rights_of_policy(&session_policy(&rights)), Ok(rights));
            }
        }
    }

    #[test]
    fn a_policy_holds_no_blank_and_ends_at_the_prefix() {
        let policy = session_policy(&rights(&["lsst/dp1/"], Access::Read));
        assert!(!policy.contains(' '));
        assert!(policy.contains("\"arn:aws:s3:::lsst/dp1/*\""), "{policy}");
        assert!(policy.contains("\"s3:prefix\":[\"dp1/*\"]"), "{policy}");
    }

    #[test]
    fn any_other_policy_is_refused() {
        for other in [
            "",
            "{}",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["*"]}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::m13/*"]},{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::m13"]}]}"#,
        ] {
            assert!(rights_of_policy(other).is_err(), "{other}");
        }
    }
}
