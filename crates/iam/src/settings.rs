//! What an operator says about the IAM.

use std::path::PathBuf;
use std::str::FromStr;

use skykey_types::Secret;
use skykey_upstream::Timeouts;

use crate::{GroupsClaim, Issuer};

/// What we are to the IAM, a registered client, and what we make of its answers.
#[derive(Debug, Clone)]
pub struct IamSettings {
    /// The issuer, exactly as its tokens spell it.
    pub issuer: Issuer,
    /// The client's id.
    pub client_id: String,
    /// The client's secret; none for a public client (RFC 6749 §2.1), which is told by its id alone.
    pub client_secret: Option<Secret>,
    /// Where groups stand in a person's claims.
    pub groups: GroupsClaim,
    /// Who is asked about a membership.
    pub membership: MembershipSource,
    /// Scopes that a login asks for beyond those which the two above need.
    pub scopes: Vec<String>,
    /// Audiences of access tokens that are taken as meant for us, beside the client's id.
    pub audiences: Vec<String>,
    /// The claim of userinfo that says when the account ends (RFC 3339, or seconds since 1970), if
    /// the provider has one. No standard names it.
    pub account_end: Option<String>,
    /// A PEM file of certificate authorities to believe beside those that the machine knows.
    pub authorities: Option<PathBuf>,
    /// How long calls wait, if not as long as usual.
    pub timeouts: Option<Timeouts>,
    /// Whether calls go by the proxy that the environment names, as a person's tools do.
    pub by_proxy: bool,
}

impl IamSettings {
    /// An INDIGO IAM with its profile `iam`; memberships by SCIM if there is SCIM.
    pub fn new(
        issuer: Issuer,
        client_id: impl Into<String>,
        client_secret: impl Into<Option<Secret>>,
    ) -> Self {
        Self {
            issuer,
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            groups: GroupsClaim::Iam,
            membership: MembershipSource::Auto,
            scopes: Vec::new(),
            audiences: Vec::new(),
            account_end: None,
            authorities: None,
            timeouts: None,
            by_proxy: false,
        }
    }
}

/// Who is asked whether somebody is in a group. A word: `auto`, `scim`, `userinfo`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MembershipSource {
    /// SCIM if the discovery document names a `scim_endpoint`, otherwise userinfo.
    #[default]
    Auto,
    /// SCIM, with the client's own token of scope `scim:read`.
    Scim,
    /// Userinfo, with an access token that is renewed by the person's refresh token.
    Userinfo,
}

/// A word that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{found}' is not a source of memberships: auto, scim or userinfo")]
pub struct ParseMembershipSourceError {
    /// What stood there.
    pub found: String,
}

impl FromStr for MembershipSource {
    type Err = ParseMembershipSourceError;

    fn from_str(text: &str) -> Result<Self, ParseMembershipSourceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "scim" => Ok(Self::Scim),
            "userinfo" => Ok(Self::Userinfo),
            _ => Err(ParseMembershipSourceError {
                found: text.chars().take(80).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_of_three_words() {
        assert_eq!("auto".parse(), Ok(MembershipSource::Auto));
        assert_eq!("scim".parse(), Ok(MembershipSource::Scim));
        assert_eq!("userinfo".parse(), Ok(MembershipSource::Userinfo));
        let error = "SCIM".parse::<MembershipSource>().unwrap_err();
        assert!(error.to_string().contains("auto, scim or userinfo"));
    }
}
