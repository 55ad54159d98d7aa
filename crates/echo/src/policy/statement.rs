//! What a survey's readers may do in a bucket.

use serde_json::{Value, json};
use skykey_types::{Prefix, SurveyName};

use super::PolicyError;
use crate::ProjectId;

/// The statements that let the people of the project `readers` read `places`, which all lie in one
/// bucket; none for no places. They are
///
/// - `skykey-readers-SURVEY`: `s3:GetObject` on the objects below the prefixes;
/// - `skykey-readers-SURVEY:list`: `s3:ListBucket`, with a condition on `s3:prefix` unless a place is
///   the whole bucket;
/// - `skykey-readers-SURVEY:exists`, if there is that condition: `s3:ListBucket` for what is not a
///   listing (RGW gives listings, and only them, an `s3:max-keys`), so that `HeadBucket` works and a
///   key that does not exist is answered 404 and not 403, on which Butler and s3fs rely. It tells
///   whether a key exists, also elsewhere in the bucket, and shows no name.
///
/// The principal is the project's root, the form that RGW 16 matches for people of Keystone; others
/// are accepted there and match nothing.
pub fn readers_statements(
    survey: &SurveyName,
    readers: &ProjectId,
    places: &[&Prefix],
) -> Result<Vec<Value>, PolicyError> {
    for place in places {
        if let Some(character) = place.prefix.chars().find(|c| matches!(c, '*' | '?' | '$')) {
            return Err(PolicyError::Wildcard {
                prefix: (*place).clone(),
                character,
            });
        }
    }
    let Some(bucket) = places.first().map(|place| &place.bucket) else {
        return Ok(Vec::new());
    };
    let mut prefixes: Vec<&str> = places.iter().map(|place| place.prefix.as_str()).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    if prefixes.first() == Some(&"") {
        prefixes.truncate(1);
    }
    let whole = prefixes == [""];
    let base = sid(survey);
    let statement = |suffix: &str, action: &str, resource: Value| {
        json!({
            "Sid": format!("{base}{suffix}"),
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{readers}:root")},
            "Action": action,
            "Resource": resource,
        })
    };
    let objects: Vec<String> = prefixes
        .iter()
        .map(|prefix| format!("arn:aws:s3:::{bucket}/{prefix}*"))
        .collect();
    let the_bucket = json!([format!("arn:aws:s3:::{bucket}")]);
    let get = statement("", "s3:GetObject", json!(objects));
    let mut list = statement(":list", "s3:ListBucket", the_bucket.clone());
    if whole {
        return Ok(vec![get, list]);
    }
    let listed: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}*")).collect();
    list["Condition"] = json!({"StringLike": {"s3:prefix": listed}});
    let mut exists = statement(":exists", "s3:ListBucket", the_bucket);
    exists["Condition"] = json!({"Null": {"s3:max-keys": "true"}});
    Ok(vec![get, list, exists])
}

/// Whether a statement is one of the survey's. A survey's name holds no colon.
pub(super) fn is_of(survey: &SurveyName, statement: &Value) -> bool {
    statement
        .get("Sid")
        .and_then(Value::as_str)
        .and_then(|found| found.strip_prefix(&sid(survey)))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

fn sid(survey: &SurveyName) -> String {
    format!("skykey-readers-{survey}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(places: &[&str]) -> Result<Vec<Value>, PolicyError> {
        let places: Vec<Prefix> = places.iter().map(|place| place.parse().unwrap()).collect();
        let places: Vec<&Prefix> = places.iter().collect();
        readers_statements(&"m13".parse().unwrap(), &"p".parse().unwrap(), &places)
    }

    #[test]
    fn rights_end_at_the_prefixes() {
        let found = statements(&["m13/dp2/", "m13/dp1/", "m13/dp1/"]).unwrap();
        assert_eq!(
            found[0]["Resource"],
            json!(["arn:aws:s3:::m13/dp1/*", "arn:aws:s3:::m13/dp2/*"])
        );
        assert_eq!(
            found[1]["Condition"],
            json!({"StringLike": {"s3:prefix": ["dp1/*", "dp2/*"]}})
        );
        assert_eq!(
            found[2]["Condition"],
            json!({"Null": {"s3:max-keys": "true"}})
        );
        for statement in &found {
            assert_eq!(
                statement["Principal"],
                json!({"AWS": "arn:aws:iam::p:root"})
            );
            assert!(matches!(
                statement["Action"].as_str(),
                Some("s3:GetObject" | "s3:ListBucket")
            ));
        }
        assert_eq!(
            statements(&["m13/dp1/", "m13/"]).unwrap().len(),
            2,
            "the whole bucket"
        );
        assert!(statements(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_prefix_that_would_widen_the_policy_is_refused() {
        for place in ["m13/*", "m13/a?", "m13/${aws:username}"] {
            let error = statements(&["m13/fine/", place]).unwrap_err();
            assert!(
                error.to_string().contains("takes for a wildcard"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_survey_with_a_longer_name_is_another() {
        let is_m13 = |sid: &str| is_of(&"m13".parse().unwrap(), &json!({"Sid": sid}));
        assert!(is_m13("skykey-readers-m13") && is_m13("skykey-readers-m13:list"));
        assert!(!is_m13("skykey-readers-m13-list") && !is_m13("skykey-readers-m1") && !is_m13(""));
    }
}
