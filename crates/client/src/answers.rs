//! What the portal answers, as far as a client needs it.

use serde::{Deserialize, Serialize};
use skykey_types::{Access, Credentials, Limits, LoginPorts, Timestamp};

/// `GET /api/v1/site`.
#[derive(Debug, Clone, Deserialize)]
pub struct Site {
    /// The portal's own address.
    pub portal: String,
    /// The IAM's issuer.
    pub issuer: String,
    /// The public client to log in with, if the site offers one.
    pub client_id: Option<String>,
    /// Where that client may have a browser sent back to, if it may log in with one.
    pub login_ports: Option<LoginPorts>,
    /// The S3 endpoint.
    pub s3: String,
    /// Its region.
    pub region: String,
    /// Whether machines may ask by an application credential of OpenStack; portals before there was this did not say.
    #[serde(default)]
    pub application_credentials: bool,
    /// The portal's version.
    pub version: String,
}

/// `GET /api/v1/me`.
#[derive(Debug, Clone, Deserialize)]
pub struct Me {
    /// The login name.
    pub username: String,
    /// The groups, all of them.
    pub groups: Vec<String>,
    /// When the account ends, if it does.
    pub account_end: Option<Timestamp>,
    /// The surveys.
    pub surveys: Vec<Standing>,
    /// Where to ask to join a group.
    pub join_at: String,
}

/// Where the person stands with a survey.
#[derive(Debug, Clone, Deserialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How far they may go, if at all.
    pub access: Option<Access>,
    /// The groups whose members may read.
    pub readers: Vec<String>,
}

impl From<&Survey> for Standing {
    fn from(survey: &Survey) -> Self {
        Self {
            name: survey.name.clone(),
            title: survey.title.clone(),
            access: survey.access,
            readers: survey.readers.clone(),
        }
    }
}

/// A survey, as the portal lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Survey {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How far the person may go, if at all.
    pub access: Option<Access>,
    /// How its credentials can be made; the first is the usual one.
    pub methods: Vec<String>,
    /// How long a lease may last, in seconds.
    pub lifetime: Limits,
    /// Where it is: `bucket/` or `bucket/prefix`.
    pub prefixes: Vec<String>,
    /// The groups whose members may read.
    pub readers: Vec<String>,
}

/// A lease, as the portal lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeaseSummary {
    /// Its name.
    pub id: String,
    /// Of which survey.
    pub survey: String,
    /// `read` or `write`.
    pub access: String,
    /// How its credentials were made.
    pub method: String,
    /// When it began.
    pub issued: Timestamp,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
    /// `live`, `expired`, `returned` or `removed`.
    pub state: String,
    /// What a removal does to it.
    pub after_removal: AfterRemoval,
}

/// What live credentials can still do once their owner has left the group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AfterRemoval {
    /// How long the portal takes to see a removal, in seconds.
    pub seen_within: i64,
    /// In words.
    pub words: String,
}

/// Where credentials are good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The S3 endpoint.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// What of it the survey is: `bucket/` or `bucket/prefix`.
    pub prefixes: Vec<String>,
}

/// Credentials with the lease that they belong to.
#[derive(Debug, Clone)]
pub struct GrantedLease {
    /// The lease.
    pub lease: LeaseSummary,
    /// Its credentials; `expiration` is the lease's end.
    pub credentials: Credentials,
    /// Where they are good.
    pub place: Place,
}
