//! Bucket policies: the statements of a survey's readers among those of others, which stay as they
//! are, character for character
//! ([bucket policies of Ceph](https://docs.ceph.com/en/pacific/radosgw/bucketpolicy/)).

mod concern;
mod statement;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use skykey_types::{Prefix, SurveyName};

pub use concern::{Concern, Excess};
pub(crate) use concern::{as_list, matches_pattern};
pub use statement::readers_statements;

use crate::ProjectId;

const VERSION: &str = "2012-10-17";

/// Why a policy cannot be written or understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// What is there is not a policy.
    #[error(
        "what is there is no policy that we understand ({why}), so it was left alone; look at it with \
         `aws s3api get-bucket-policy`, mend or delete it, and try again"
    )]
    NotAPolicy {
        /// In what way.
        why: String,
    },
    /// A prefix with a character that means more than itself in a policy.
    #[error(
        "the prefix '{prefix}' holds '{character}', which a policy takes for a wildcard; choose a prefix without \
         '*', '?' and '$'"
    )]
    Wildcard {
        /// The prefix.
        prefix: Prefix,
        /// Which character.
        character: char,
    },
}

/// A policy, each statement as it was written.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(rename = "Version", default, skip_serializing_if = "Option::is_none")]
    version: Option<Box<RawValue>>,
    #[serde(rename = "Id", default, skip_serializing_if = "Option::is_none")]
    id: Option<Box<RawValue>>,
    #[serde(rename = "Statement", deserialize_with = "one_or_many")]
    statements: Vec<Box<RawValue>>,
}

/// What becomes of a bucket's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The policy that is there, as it was put; none if there is none.
    pub before: Option<String>,
    /// The policy that should be there: `before` itself if that will do, else without blanks between
    /// what we write.
    pub after: String,
    /// What others allow beyond what readers should have. It is told and not changed.
    pub concerns: Vec<Concern>,
}

impl Change {
    /// Whether there is anything to do.
    pub fn is_needed(&self) -> bool {
        self.before.as_ref() != Some(&self.after)
    }
}

impl Policy {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        serde_json::from_str(text).map_err(|error| PolicyError::NotAPolicy {
            why: error.to_string(),
        })
    }

    /// The statements, each as it was written.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().map(|raw| raw.get())
    }

    fn empty() -> Self {
        Self {
            version: Some(raw(&Value::from(VERSION))),
            id: None,
            statements: Vec::new(),
        }
    }
}

/// What `existing` has to become so that it holds `ours`, the statements of `survey`'s readers in this
/// bucket ([`readers_statements`]), and no other statement of that survey. Statements of others stay
/// as they are.
pub fn merge(
    existing: Option<&str>,
    survey: &SurveyName,
    readers: &ProjectId,
    ours: &[Value],
) -> Result<Change, PolicyError> {
    let mut policy = match existing {
        Some(text) => Policy::parse(text)?,
        None => Policy::empty(),
    };
    let mut kept = Vec::new();
    let mut old = Vec::new();
    let mut concerns = Vec::new();
    let mut place = None;
    for statement in policy.statements {
        let value: Value =
            serde_json::from_str(statement.get()).map_err(|error| PolicyError::NotAPolicy {
                why: error.to_string(),
            })?;
        if statement::is_of(survey, &value) {
            place.get_or_insert(kept.len());
            old.push(value);
        } else {
            concerns.extend(concern::look(readers, &value));
            kept.push(statement);
        }
    }
    let after = match existing {
        Some(text) if old == ours => text.to_owned(),
        _ => {
            let at = place.unwrap_or(kept.len());
            kept.splice(at..at, ours.iter().map(raw));
            policy.statements = kept;
            serde_json::to_string(&policy).expect("JSON that was read, and ours, can be written")
        }
    };
    Ok(Change {
        before: existing.map(str::to_owned),
        after,
        concerns,
    })
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a JSON value can be written")
}

/// One statement may stand without its brackets.
fn one_or_many<'de, D>(deserializer: D) -> Result<Vec<Box<RawValue>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    if raw.get().starts_with('[') {
        serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)
    } else if raw.get().starts_with('{') {
        Ok(vec![raw])
    } else {
        Err(serde::de::Error::custom("Statement is not a list"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn survey() -> SurveyName {
        "m13".parse().unwrap()
    }

    fn readers() -> ProjectId {
        "dfad9be7a36c44ab8730748238df308a".parse().unwrap()
    }

    fn ours(places: &[&str]) -> Vec<Value> {
        let places: Vec<Prefix> = places.iter().map(|place| place.parse().unwrap()).collect();
        let places: Vec<&Prefix> = places.iter().collect();
        readers_statements(&survey(), &readers(), &places).unwrap()
    }

    fn merged(existing: Option<&str>, places: &[&str]) -> Change {
        merge(existing, &survey(), &readers(), &ours(places)).unwrap()
    }

    #[test]
    fn a_bucket_without_a_policy_gets_one_without_blanks() {
        let change = merged(None, &["m13/"]);
        assert!(change.is_needed());
        assert_eq!(
            change.after,
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Action\":\"s3:GetObject\",\"Effect\":\"Allow\",\
             \"Principal\":{\"AWS\":\"arn:aws:iam::dfad9be7a36c44ab8730748238df308a:root\"},\
             \"Resource\":[\"arn:aws:s3:::m13/*\"],\"Sid\":\"skykey-readers-m13\"},\
             {\"Action\":\"s3:ListBucket\",\"Effect\":\"Allow\",\
             \"Principal\":{\"AWS\":\"arn:aws:iam::dfad9be7a36c44ab8730748238df308a:root\"},\
             \"Resource\":[\"arn:aws:s3:::m13\"],\"Sid\":\"skykey-readers-m13:list\"}]}"
        );
    }

    #[test]
    fn only_our_statement_is_replaced_and_in_its_place() {
        let first = "{ \"Sid\": \"a\",\n \"Effect\":\"Deny\", \"Principal\":\"*\", \"N\":1.50 }";
        let last = "{\"Sid\":\"skykey-readers-m13b\",\"Effect\":\"Allow\"}";
        let existing = format!(
            "{{\"Id\": \"theirs\", \"Statement\": [{first}, {{\"Sid\":\"skykey-readers-m13\",\
             \"Action\":\"s3:*\"}} ,{last}], \"Version\":\"2008-10-17\"}}"
        );
        let change = merged(Some(&existing), &["m13/dp1/"]);
        let after = Policy::parse(&change.after).unwrap();
        let statements: Vec<&str> = after.statements().collect();
        assert_eq!(
            (statements[0], statements[4]),
            (first, last),
            "{}",
            change.after
        );
        assert!(statements[1].contains("m13/dp1/*") && !change.after.contains("\"s3:*\"}"));
        assert!(change.after.contains("\"2008-10-17\"") && change.after.contains("\"theirs\""));
        assert!(change.is_needed());
    }

    #[test]
    fn what_will_do_is_left_to_the_letter() {
        let put = merged(None, &["m13/dp1/", "m13/dp2/"]).after;
        let pretty =
            serde_json::to_string_pretty(&serde_json::from_str::<Value>(&put).unwrap()).unwrap();
        for text in [put, pretty] {
            let change = merged(Some(&text), &["m13/dp1/", "m13/dp2/"]);
            assert!(!change.is_needed());
            assert_eq!(change.after, text);
        }
    }

    #[test]
    fn a_statement_without_brackets_is_one() {
        let existing = "{\"Statement\":{\"Sid\":\"theirs\",\"Effect\":\"Deny\"}}";
        let after = merged(Some(existing), &["m13/"]).after;
        assert!(
            after.starts_with("{\"Statement\":[{\"Sid\":\"theirs\",\"Effect\":\"Deny\"},{"),
            "{after}"
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_overwritten() {
        for text in [
            "",
            "[]",
            "{}",
            "{\"Statement\":7}",
            "{\"Statement\":[],\"Invented\":1}",
            "{\"Statement\":[}",
        ] {
            let error = merge(Some(text), &survey(), &readers(), &ours(&["m13/"])).unwrap_err();
            assert!(
                matches!(error, PolicyError::NotAPolicy { .. }),
                "{text}: {error}"
            );
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn statement() -> impl Strategy<Value = String> {
        let object = prop::collection::btree_map("[A-Z][a-z]{1,8}", json(), 0..4);
        (object, any::<bool>()).prop_map(|(map, pretty)| {
            let value = Value::Object(map.into_iter().collect());
            if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            }
        })
    }

    proptest! {
        #[test]
        fn statements_of_others_stay_byte_for_byte_and_twice_is_once(
            theirs in prop::collection::vec(statement(), 0..5),
            at in 0..6_usize,
            there in any::<bool>(),
        ) {
            let mut all = theirs.clone();
            if there {
                all.insert(at.min(all.len()), "{\"Sid\":\"skykey-readers-m13:list\",\"Effect\":\"Allow\"}".to_owned());
            }
            let existing = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[ {} ]}}", all.join(" ,\n"));
            let once = merged(Some(&existing), &["m13/dp1/"]);
            let policy = Policy::parse(&once.after).unwrap();
            let found: Vec<&str> = policy
                .statements()
                .filter(|text| !text.contains("skykey-readers-m13"))
                .collect();
            prop_assert_eq!(found, theirs.iter().map(String::as_str).collect::<Vec<_>>());
            let twice = merged(Some(&once.after), &["m13/dp1/"]);
            prop_assert!(!twice.is_needed());
            prop_assert_eq!(twice.after, once.after);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = merge(Some(&text), &survey(), &readers(), &ours(&["m13/"]));
        }
    }
}
