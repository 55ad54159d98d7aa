//! What a person receives.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Secret;

/// The public half of a key pair. Opaque: ours have 20 characters, Keystone's 32, Ceph's 19 or 20.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// Takes an access key id as some system gave it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// S3 credentials, in AWS's four parts.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The public half.
    pub access_key_id: AccessKeyId,
    /// The half that signs.
    pub secret_access_key: Secret,
    /// What goes into `x-amz-security-token`; an EC2 credential has none.
    pub session_token: Option<Secret>,
    /// When they end by themselves; an EC2 credential does not.
    pub expiration: Option<Timestamp>,
}
