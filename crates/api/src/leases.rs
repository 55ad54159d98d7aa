//! Leases: asked for, issued, listed.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};
use skykey_types::{Secret, Timestamp};

use crate::described::api_types;
use crate::{AfterRemoval, Described, Objects};

api_types! {
    /// A request for a lease.
    #[serde(deny_unknown_fields)]
    pub struct LeaseRequest {
        /// Of which survey.
        pub survey: String,
        /// For how many seconds; if missing, the survey's shortest lifetime.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lifetime: Option<LifetimeText>,
        /// How the credentials are made: `ec2`, `sts-lite`, `assume-role` or `gateway`; if missing, the
        /// survey's first method.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub method: Option<String>,
        /// `read` or `write`; if missing, `read`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub access: Option<String>,
        /// Whose EC2 credential is exchanged: `backend`, or `own` for the person's own; if missing,
        /// `backend`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub key: Option<String>,
    }

    /// A lease, its credentials, and where they are valid. The credentials are shown once.
    pub struct IssuedLease {
        /// The lease.
        pub lease: Lease,
        /// Its credentials.
        pub credentials: AwsCredentials,
        /// Where they are valid.
        pub s3: S3Location,
    }

    /// Credentials in the spelling of AWS.
    pub struct AwsCredentials {
        /// Names the credentials.
        pub access_key_id: String as "AccessKeyId",
        /// Signs requests.
        #[serde(serialize_with = "shown")]
        pub secret_access_key: Secret as "SecretAccessKey",
        /// Goes with every request; missing in an EC2 credential.
        #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "shown_if_any")]
        pub session_token: Option<Secret> as "SessionToken",
        /// When the lease ends, to the second; missing if it does not end by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expiration: Option<String> as "Expiration",
    }

    /// Where credentials are valid.
    #[derive(PartialEq, Eq)]
    pub struct S3Location {
        /// The S3 endpoint.
        pub endpoint: String,
        /// Its region.
        pub region: String,
        /// What of it the survey is: `bucket/` or `bucket/prefix`.
        pub prefixes: Vec<String>,
    }

    /// The caller's leases.
    pub struct LeaseList {
        /// The leases, the newest first.
        pub leases: Vec<Lease>,
    }

    /// A lease, without its credentials.
    #[derive(Default)]
    pub struct Lease {
        /// Its name.
        pub id: String,
        /// Of which survey.
        pub survey: String,
        /// `read` or `write`.
        pub access: String,
        /// How its credentials were made: `ec2`, `sts-lite`, `assume-role` or `gateway`.
        pub method: String,
        /// The public half of its credentials.
        #[serde(default)]
        pub access_key_id: String,
        /// How many seconds were asked for; null if none were.
        #[serde(default)]
        pub asked: Option<u32>,
        /// How many seconds were granted; null if it does not end by itself.
        #[serde(default)]
        pub lifetime: Option<i64>,
        /// What decided how long it lasts.
        #[serde(default)]
        pub limit: String,
        /// When it began.
        pub issued: Timestamp,
        /// When it ends by itself; null if it does not.
        pub expires: Option<Timestamp>,
        /// `live`, `expired`, `returned` or `removed`.
        pub state: String,
        /// What its credentials can still do after their owner left the group.
        pub after_removal: AfterRemoval,
    }
}

/// A lifetime as a client may write it: a number of seconds, or its digits as a string. The broker
/// parses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "lifetime must be a number of seconds")]
pub enum LifetimeText {
    /// A number.
    Number(Number),
    /// Digits.
    Text(String),
}

impl LifetimeText {
    /// Returns the digits, or whatever stands there.
    pub fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl Described for LifetimeText {
    fn schema() -> Value {
        json!({ "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": "^[0-9]+$" }] })
    }

    fn words() -> String {
        "number, or its digits as a string".to_owned()
    }

    fn collect(_: &mut Objects) {}
}

impl LeaseRequest {
    /// A request for the defaults of `survey`.
    pub fn of(survey: impl Into<String>) -> Self {
        Self {
            survey: survey.into(),
            lifetime: None,
            method: None,
            access: None,
            key: None,
        }
    }
}

/// Writes a secret out: here it goes to its owner.
pub(crate) fn shown<S: serde::Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn shown_if_any<S: serde::Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(to)
}
