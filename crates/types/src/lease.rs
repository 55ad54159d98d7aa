//! A lease: the time-limited right of one subject to one survey.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Access, AccessKeyId, Lifetime, Limit, SubjectId, SurveyName};

/// A lease's name: a digest of the access key id of its credentials. Whoever sees a request
/// (the endpoint, the broker, somebody who reads Ceph's log) can tell whose lease it is
/// without having been told, and two leases never share credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(String);

impl LeaseId {
    /// The lease of the credentials with this access key id: `lease-` and the first 80 bits of
    /// its SHA-256, as 20 hexadecimal characters.
    pub fn of(access_key_id: &AccessKeyId) -> Self {
        let hash = digest(&SHA256, access_key_id.as_str().as_bytes());
        let mut id = String::from("lease-");
        for byte in &hash.as_ref()[..10] {
            id.push(
                char::from_digit(u32::from(byte >> 4), 16)
                    .expect("four bits are a hexadecimal digit"),
            );
            id.push(
                char::from_digit(u32::from(byte & 15), 16)
                    .expect("four bits are a hexadecimal digit"),
            );
        }
        Self(id)
    }

    /// A lease id as the database or a URL holds it; it may name no lease.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How credentials are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The person's own EC2 credential, made by Keystone.
    Ec2,
    /// An EC2 credential exchanged by `GetSessionToken`.
    StsLite,
    /// A role of the object store, assumed with an EC2 credential and narrowed to the survey by
    /// `AssumeRole`.
    AssumeRole,
    /// A token that the broker seals and skykey's own endpoint opens.
    Gateway,
}

impl Method {
    /// Every method there is.
    pub const ALL: [Self; 4] = [Self::Ec2, Self::StsLite, Self::AssumeRole, Self::Gateway];

    /// The word used in the API, the configuration, the database and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::StsLite => "sts-lite",
            Self::AssumeRole => "assume-role",
            Self::Gateway => "gateway",
        }
    }

    /// Whether its credentials can be narrowed to less than the survey's rights.
    pub fn narrows(self) -> bool {
        matches!(self, Self::AssumeRole | Self::Gateway)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A method that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a method: choose ec2, sts-lite, assume-role or gateway")]
pub struct ParseMethodError(pub String);

impl FromStr for Method {
    type Err = ParseMethodError;

    fn from_str(text: &str) -> Result<Self, ParseMethodError> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| ParseMethodError(text.chars().take(40).collect()))
    }
}

/// Why a lease ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseEnd {
    /// The person gave it back.
    Returned,
    /// The person left the group, or IAM has no such account any more.
    Removed,
}

impl LeaseEnd {
    /// The word used in the database and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Removed => "removed",
        }
    }
}

/// Where a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Its credentials work.
    Live,
    /// Its time is over.
    Expired,
    /// It was ended at that time, for that reason.
    Revoked(Timestamp, LeaseEnd),
}

/// The time-limited right of one subject to one survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its name.
    pub id: LeaseId,
    /// Whose it is.
    pub subject: SubjectId,
    /// The person's login name when it was issued.
    pub username: String,
    /// What it opens.
    pub survey: SurveyName,
    /// How far.
    pub access: Access,
    /// How its credentials were made.
    pub method: Method,
    /// The public half of its credentials.
    pub access_key_id: AccessKeyId,
    /// How long it was asked for.
    pub asked: Option<Lifetime>,
    /// Which limit decided its end.
    pub limit: Limit,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends by itself; `None` for an EC2 credential that the person made in OpenStack.
    pub expires: Option<Timestamp>,
    /// When and why it was ended, if it was.
    pub revoked: Option<(Timestamp, LeaseEnd)>,
}

impl Lease {
    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> LeaseState {
        match (self.revoked, self.expires) {
            (Some((at, why)), _) => LeaseState::Revoked(at, why),
            (None, Some(end)) if end <= now => LeaseState::Expired,
            (None, _) => LeaseState::Live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_id_follows_from_the_access_key_id() {
        let id = LeaseId::of(&AccessKeyId::new("AKIAIOSFODNN7EXAMPLE"));
        assert_eq!(id, LeaseId::of(&AccessKeyId::new("AKIAIOSFODNN7EXAMPLE")));
        assert_ne!(id, LeaseId::of(&AccessKeyId::new("AKIAIOSFODNN7EXAMPLF")));
        assert_eq!(id.as_str().len(), 26);
    }

    #[test]
    fn every_method_parses_back() {
        for method in Method::ALL {
            assert_eq!(method.as_str().parse(), Ok(method));
        }
        assert!("EC2".parse::<Method>().is_err());
    }
}
