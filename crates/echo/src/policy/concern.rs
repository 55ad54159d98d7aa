//! Statements of others that give readers more than reading.

use std::fmt;

use serde_json::Value;

use crate::ProjectId;

/// A statement that somebody else made and that is wider than a survey's readers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// The statement's `Sid`, if it has one.
    pub sid: Option<String>,
    /// To whom it gives rights.
    pub who: String,
    /// What is too wide about it.
    pub excess: Excess,
}

/// How a statement is too wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excess {
    /// It lets readers do these actions, which change something.
    Writes(Vec<String>),
    /// It lets everybody read, also without credentials.
    Public(Vec<String>),
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sid {
            Some(sid) => write!(f, "statement '{sid}'")?,
            None => f.write_str("a statement without Sid")?,
        }
        let who = &self.who;
        match &self.excess {
            Excess::Writes(actions) => write!(f, " lets {who} do {}", actions.join(", ")),
            Excess::Public(actions) => write!(
                f,
                " lets {who} do {}, also without credentials",
                actions.join(", ")
            ),
        }
    }
}

/// What is too wide about a statement of somebody else, if anything. It errs on the wide side:
/// conditions are not weighed.
pub(super) fn look(readers: &ProjectId, statement: &Value) -> Option<Concern> {
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return None;
    }
    let who = whom(readers, statement)?;
    let (writing, reading): (Vec<String>, Vec<String>) = actions(statement)
        .into_iter()
        .partition(|action| changes(action));
    let excess = if !writing.is_empty() {
        Excess::Writes(writing)
    } else if who == "everybody" && !reading.is_empty() {
        Excess::Public(reading)
    } else {
        return None;
    };
    Some(Concern {
        sid: statement
            .get("Sid")
            .and_then(Value::as_str)
            .map(|sid| sid.chars().filter(|c| !c.is_control()).take(100).collect()),
        who,
        excess,
    })
}

/// Whether the readers are among those whom a statement speaks of.
fn whom(readers: &ProjectId, statement: &Value) -> Option<String> {
    if statement.get("NotPrincipal").is_some() {
        return Some("everybody but some".to_owned());
    }
    let principal = statement.get("Principal")?;
    let named: Vec<&str> = match principal {
        Value::Object(kinds) => kinds.values().flat_map(as_list).collect(),
        other => as_list(other),
    };
    if named.iter().any(|name| name.contains('*')) {
        Some("everybody".to_owned())
    } else if named.iter().any(|name| name.contains(readers.as_str())) {
        Some("the readers' project".to_owned())
    } else {
        None
    }
}

/// The actions of a statement; `NotAction` is everything but some.
fn actions(statement: &Value) -> Vec<String> {
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => as_list(actions).into_iter().map(str::to_owned).collect(),
        (None, Some(not)) => vec![format!("everything but {}", as_list(not).join(", "))],
        (None, None) => Vec::new(),
    }
}

/// Whether an action, which may hold wildcards, covers one that changes something: all do but those
/// whose names begin as those that read do.
fn changes(action: &str) -> bool {
    let lower = action.to_ascii_lowercase();
    !["s3:get", "s3:list", "s3:head"]
        .iter()
        .any(|reads| lower.starts_with(reads))
}

/// A string or a list of strings.
pub(crate) fn as_list(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether `text` matches a pattern with `*` and `?`, whatever the case.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let pattern: Vec<u8> = pattern.bytes().map(|b| b.to_ascii_lowercase()).collect();
    let text: Vec<u8> = text.bytes().map(|b| b.to_ascii_lowercase()).collect();
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much of the text it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|b| *b == b'?' || *b == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, swallowed)) = star {
            star = Some((at, swallowed + 1));
            (p, t) = (at + 1, swallowed + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn looked(principal: &Value, action: &Value) -> Option<String> {
        let statement =
            json!({"Sid": "theirs", "Effect": "Allow", "Principal": principal, "Action": action});
        look(&"p1".parse().unwrap(), &statement).map(|concern| concern.to_string())
    }

    #[test]
    fn a_statement_that_lets_readers_write_is_named() {
        let mine = json!({"AWS": ["arn:aws:iam::p1:root"]});
        assert_eq!(
            looked(&mine, &json!(["s3:GetObject", "s3:PutObject"])).unwrap(),
            "statement 'theirs' lets the readers' project do s3:PutObject"
        );
        for action in ["s3:*", "*", "s3:Put*", "S3:DELETEOBJECT", "s3:?etObject"] {
            assert!(looked(&mine, &json!(action)).is_some(), "{action}");
        }
        for principal in [
            json!("*"),
            json!({"AWS": "*"}),
            json!({"AWS": "arn:aws:iam::p1:user/p1"}),
        ] {
            assert!(
                looked(&principal, &json!("s3:PutObject")).is_some(),
                "{principal}"
            );
        }
        let not =
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "NotAction": "s3:GetObject"});
        assert_eq!(
            look(&"p1".parse().unwrap(), &not).unwrap().to_string(),
            "a statement without Sid lets everybody but some do everything but s3:GetObject"
        );
    }

    #[test]
    fn what_does_not_concern_readers_is_not_told() {
        assert_eq!(
            looked(&json!({"AWS": "arn:aws:iam::p2:root"}), &json!("s3:*")),
            None
        );
        assert_eq!(
            looked(&json!({"AWS": "arn:aws:iam::p1:root"}), &json!("s3:Get*")),
            None
        );
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*"});
        assert_eq!(look(&"p1".parse().unwrap(), &deny), None);
        assert_eq!(look(&"p1".parse().unwrap(), &json!(7)), None);
    }

    #[test]
    fn a_public_bucket_is_told() {
        let told = looked(&json!("*"), &json!("s3:GetObject")).unwrap();
        assert!(
            told.ends_with("lets everybody do s3:GetObject, also without credentials"),
            "{told}"
        );
    }

    #[test]
    fn wildcards_match_as_in_policies() {
        for (pattern, text, expected) in [
            ("*", "sts:GetSessionToken", true),
            ("sts:*", "sts:GetSessionToken", true),
            ("STS:getsession*", "sts:GetSessionToken", true),
            ("sts:Get?essionToken", "sts:GetSessionToken", true),
            ("sts:*Token*", "sts:GetSessionToken", true),
            ("s3:*", "sts:GetSessionToken", false),
            ("sts:GetSession", "sts:GetSessionToken", false),
            ("", "sts:GetSessionToken", false),
            ("**", "", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }
}
