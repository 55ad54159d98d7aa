//! Groups in claims: each profile of INDIGO IAM writes them in its own way.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use skykey_types::GroupPath;

/// Where groups stand in a person's claims, and how they are spelt. A word: `iam`, `wlcg`, `aarc`,
/// `aarc:URN` or `claim:NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GroupsClaim {
    /// INDIGO's own profile: `groups: ["lsst/dr1"]`.
    #[default]
    Iam,
    /// The WLCG token profile: `wlcg.groups: ["/lsst/dr1"]`.
    Wlcg,
    /// AARC-G069: `entitlements` or `eduperson_entitlement` with URNs
    /// `urn:<nid>:<namespace>:group:<group>[:<subgroup>…][:role=…][#authority]`. With a namespace
    /// (`urn:<nid>:<namespace>`) only its groups count; name it wherever the provider passes on
    /// entitlements of others.
    Aarc(Option<String>),
    /// A claim of this name that holds a list of group paths, or one.
    Claim(String),
}

/// A word that names no claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{found}' does not say where groups stand: iam, wlcg, aarc, aarc:urn:NID:NAMESPACE or claim:NAME"
)]
pub struct ParseGroupsClaimError {
    /// What stood there.
    pub found: String,
}

impl GroupsClaim {
    /// The groups in a person's claims. A claim that is not there holds no group; a name that is
    /// not a group path is left out, for no survey can name it. The error says what is wrong.
    pub(crate) fn read(&self, claims: &Map<String, Value>) -> Result<BTreeSet<GroupPath>, String> {
        let mut groups = BTreeSet::new();
        for name in self.claims() {
            for text in texts(name, claims.get(name))? {
                let group = self.group(text);
                if group.is_none() {
                    tracing::debug!(claim = name, "a value that is no group is left out");
                }
                groups.extend(group);
            }
        }
        Ok(groups)
    }

    /// The claims' names.
    fn claims(&self) -> Vec<&str> {
        match self {
            Self::Iam => vec!["groups"],
            Self::Wlcg => vec!["wlcg.groups"],
            Self::Aarc(_) => vec!["entitlements", "eduperson_entitlement"],
            Self::Claim(name) => vec![name],
        }
    }

    fn group(&self, text: &str) -> Option<GroupPath> {
        match self {
            Self::Aarc(namespace) => of_urn(text, namespace.as_deref()),
            Self::Iam | Self::Wlcg | Self::Claim(_) => text.parse().ok(),
        }
    }

    /// Whether a provider that says it has these claims and scopes has ours; nothing if it says neither.
    pub(crate) fn offered(&self, claims: &[String], scopes: &[String]) -> Option<bool> {
        let ours = self.claims();
        let has = |said: &[String]| said.iter().any(|word| ours.contains(&word.as_str()));
        match (claims.is_empty(), scopes.is_empty()) {
            (true, true) => None,
            // `profile` carries the groups of INDIGO's own profile; a scope need not be there for them.
            (true, false) if self.scopes(scopes).is_empty() => None,
            _ => Some(has(claims) || has(scopes)),
        }
    }

    /// What a login must ask for so that the claim is there, given what the provider says that it
    /// supports.
    pub(crate) fn scopes(&self, supported: &[String]) -> Vec<String> {
        match self {
            // Part of `profile` in the one, the provider's own affair in the other.
            Self::Iam | Self::Claim(_) => Vec::new(),
            Self::Wlcg => vec!["wlcg.groups".to_owned()],
            Self::Aarc(_) => {
                let mut scopes = self.claims();
                scopes.retain(|scope| supported.iter().any(|word| word == scope));
                if scopes.is_empty() {
                    scopes.push("eduperson_entitlement");
                }
                scopes.into_iter().map(str::to_owned).collect()
            }
        }
    }
}

impl FromStr for GroupsClaim {
    type Err = ParseGroupsClaimError;

    fn from_str(text: &str) -> Result<Self, ParseGroupsClaimError> {
        let error = || ParseGroupsClaimError {
            found: text.chars().take(80).collect(),
        };
        match text.split_once(':') {
            None => match text {
                "iam" => Ok(Self::Iam),
                "wlcg" => Ok(Self::Wlcg),
                "aarc" => Ok(Self::Aarc(None)),
                _ => Err(error()),
            },
            Some(("claim", name)) if !name.is_empty() => Ok(Self::Claim(name.to_owned())),
            Some(("aarc", urn)) if urn.starts_with("urn:") && !urn.ends_with(':') => {
                Ok(Self::Aarc(Some(urn.to_owned())))
            }
            Some(_) => Err(error()),
        }
    }
}

impl fmt::Display for GroupsClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iam => f.write_str("iam"),
            Self::Wlcg => f.write_str("wlcg"),
            Self::Aarc(None) => f.write_str("aarc"),
            Self::Aarc(Some(urn)) => write!(f, "aarc:{urn}"),
            Self::Claim(name) => write!(f, "claim:{name}"),
        }
    }
}

/// A claim that holds a list of texts, or one.
fn texts<'v>(name: &str, value: Option<&'v Value>) -> Result<Vec<&'v str>, String> {
    let wrong = || format!("the claim '{name}' is neither a text nor a list of texts");
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// AARC-G069 §3. A role within a group implies that one is in it. Components are percent-encoded.
fn of_urn(urn: &str, namespace: Option<&str>) -> Option<GroupPath> {
    let urn = urn.split('#').next()?;
    let (found, path) = urn.split_once(":group:")?;
    // RFC 8141 §3.1: `urn` and the namespace identifier do not mind case.
    let in_namespace = match namespace {
        Some(wanted) => found.eq_ignore_ascii_case(wanted),
        None => found
            .get(..4)
            .is_some_and(|urn| urn.eq_ignore_ascii_case("urn:")),
    };
    if !in_namespace {
        return None;
    }
    let mut segments = Vec::new();
    for component in path.split(':') {
        if component.starts_with("role=") {
            break;
        }
        let segment = percent_decode_str(component).decode_utf8().ok()?;
        // An encoded slash must not make a level.
        if segment.contains('/') {
            return None;
        }
        segments.push(segment);
    }
    segments.join("/").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn try_read(claim: &str, claims: Value) -> Result<Vec<String>, String> {
        let Value::Object(claims) = claims else {
            panic!("claims are an object")
        };
        let groups = claim.parse::<GroupsClaim>().unwrap().read(&claims)?;
        Ok(groups.into_iter().map(String::from).collect())
    }

    fn read(claim: &str, claims: Value) -> Vec<String> {
        try_read(claim, claims).unwrap()
    }

    #[test]
    fn profile_iam() {
        let claims =
            json!({ "groups": ["lsst", "lsst/dr1", "not a group"], "wlcg.groups": ["/x"] });
        assert_eq!(read("iam", claims), ["lsst", "lsst/dr1"]);
    }

    #[test]
    fn profile_wlcg() {
        let claims = json!({ "wlcg.groups": ["/lsst", "/lsst/dr1", "/lsst/Role=production"], "groups": ["x"] });
        assert_eq!(read("wlcg", claims), ["lsst", "lsst/dr1"]);
    }

    #[test]
    fn profile_aarc() {
        let claims = json!({
            "entitlements": ["urn:geant:iris.ac.uk:group:lsst:dr1#iam.example"],
            "eduperson_entitlement": [
                "urn:geant:iris.ac.uk:group:lsst",
                "urn:geant:iris.ac.uk:group:ska:role=manager#iam.example",
                "urn:geant:iris.ac.uk:group:a%2Db",
                "urn:geant:iris.ac.uk:group:x%2Fy",
                "urn:geant:iris.ac.uk:res:other",
                "http://example.org:group:x",
                "",
            ],
        });
        let groups = ["a-b", "lsst", "lsst/dr1", "ska"];
        assert_eq!(read("aarc", claims), groups);
    }

    #[test]
    fn an_entitlement_of_another_namespace_opens_nothing_where_one_is_named() {
        let claims = json!({ "entitlements": [
            "urn:GEANT:iris.ac.uk:group:lsst", "urn:geant:iris.ac.uk.evil:group:x", "urn:mace:y:group:z",
        ] });
        let groups = ["lsst"];
        assert_eq!(read("aarc:urn:geant:iris.ac.uk", claims), groups);
    }

    #[test]
    fn another_claim() {
        let claims = json!({ "roles": "lsst" });
        assert_eq!(read("claim:roles", claims), ["lsst"]);
        let claims = json!({ "urn:x": ["lsst"] });
        assert_eq!(read("claim:urn:x", claims), ["lsst"]);
    }

    #[test]
    fn an_absent_claim_is_no_group_and_a_strange_one_an_error() {
        for claims in [
            json!({}),
            json!({ "groups": null }),
            json!({ "groups": [] }),
        ] {
            assert!(read("iam", claims).is_empty());
        }
        for claims in [
            json!({ "groups": 1 }),
            json!({ "groups": [{ "name": "lsst" }] }),
        ] {
            assert!(try_read("iam", claims).unwrap_err().contains("'groups'"));
        }
    }

    #[test]
    fn each_word_is_read_as_it_is_written() {
        for word in ["iam", "wlcg", "aarc", "aarc:urn:a:b", "claim:groups"] {
            assert_eq!(word.parse::<GroupsClaim>().unwrap().to_string(), word);
        }
        for word in [
            "",
            "IAM",
            "claim:",
            "claim",
            "aarc:x",
            "aarc:urn:",
            "other:x",
        ] {
            let error = word.parse::<GroupsClaim>().unwrap_err().to_string();
            assert!(error.contains("claim:NAME"), "{error}");
        }
    }

    #[test]
    fn a_provider_that_lists_neither_claims_nor_scopes_says_nothing() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let offered = |claims: &[&str], scopes: &[&str]| {
            GroupsClaim::Wlcg.offered(&words(claims), &words(scopes))
        };
        assert_eq!(offered(&[], &[]), None);
        assert_eq!(offered(&["sub"], &["openid", "wlcg.groups"]), Some(true));
        assert_eq!(offered(&["sub", "wlcg.groups"], &[]), Some(true));
        assert_eq!(offered(&["sub", "groups"], &["openid"]), Some(false));
        assert_eq!(GroupsClaim::Iam.offered(&[], &words(&["openid"])), None);
        assert_eq!(GroupsClaim::Iam.offered(&words(&["sub"]), &[]), Some(false));
    }

    #[test]
    fn a_login_asks_for_the_entitlements_that_the_provider_has() {
        let aarc = GroupsClaim::Aarc(None);
        assert_eq!(aarc.scopes(&[]), ["eduperson_entitlement"]);
        assert_eq!(aarc.scopes(&["entitlements".to_owned()]), ["entitlements"]);
        assert_eq!(GroupsClaim::Wlcg.scopes(&[]), ["wlcg.groups"]);
        assert!(GroupsClaim::Iam.scopes(&[]).is_empty());
    }
}
