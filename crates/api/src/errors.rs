//! The errors of the API: their bodies, and a table of all codes.

use serde::{Deserialize, Serialize};

use crate::described::api_types;

api_types! {
    /// The body of an error of the API.
    pub struct ErrorBody {
        /// What went wrong.
        pub error: ErrorDetails,
    }

    /// What went wrong, and what to do about it.
    pub struct ErrorDetails {
        /// The code, for programs.
        pub code: String,
        /// What went wrong, for people.
        pub message: String,
        /// What to do next.
        #[serde(default)]
        pub hint: String,
        /// The group whose membership would help; only with `not_a_member`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub group: Option<String>,
    }

    /// The body of an error for notebook servers, whose tools show it to people as it is.
    pub struct SentenceError {
        /// The code, for programs.
        pub code: String,
        /// What went wrong and what to do, in one line.
        pub message: String,
    }
}

/// Either body of an error, as a client reads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AnyError {
    /// Of the API.
    Api(ErrorBody),
    /// For notebook servers.
    Sentence(SentenceError),
}

impl AnyError {
    /// Returns the details; a sentence has no hint and no group.
    pub fn into_details(self) -> ErrorDetails {
        match self {
            Self::Api(body) => body.error,
            Self::Sentence(SentenceError { code, message }) => ErrorDetails {
                code,
                message,
                hint: String::new(),
                group: None,
            },
        }
    }
}

/// A code of an error, with what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The code.
    pub code: &'static str,
    /// When it is returned.
    pub when: &'static str,
    /// What the caller does next.
    pub next: &'static str,
}

/// All errors of the API, by status. A code may have several rows.
pub const ERRORS: &[ApiError] = &[
    error(
        400,
        "bad_request",
        "The body, the query or the headers cannot be read.",
        "Correct the request as the message says.",
    ),
    error(
        400,
        "bad_method",
        "There is no such method, or the survey does not offer it.",
        "Choose one that the survey lists.",
    ),
    error(
        400,
        "bad_access",
        "The access is neither `read` nor `write`.",
        "Leave it out to read.",
    ),
    error(
        400,
        "bad_key",
        "The key is neither `backend` nor `own`, or does not go with the method.",
        "Leave it out.",
    ),
    error(
        400,
        "bad_lifetime",
        "The lifetime is not a number of seconds, or outside the survey's limits, or the account ends first.",
        "Ask for a lifetime within the limits that the hint names.",
    ),
    error(
        400,
        "bad_role",
        "There is no such role.",
        "Take the ARN that `GET /api/v1/surveys` names.",
    ),
    error(
        400,
        "bad_policy",
        "A policy was given where none is possible.",
        "Leave it out.",
    ),
    error(
        401,
        "unauthorized",
        "There is no token, or it is not valid here, or it has expired.",
        "Log in again, and send a valid token.",
    ),
    error(
        401,
        "bad_keystone_token",
        "Keystone does not know the token, or the site takes none.",
        "Log in at Keystone again with the application credential.",
    ),
    error(
        403,
        "bad_keystone_token",
        "The token was not made with a restricted application credential of a federated user.",
        "Make one with `openstack application credential create`.",
    ),
    error(
        403,
        "not_a_member",
        "The person is in no group that may do this.",
        "Ask to join the group that the hint names.",
    ),
    error(
        403,
        "account_inactive",
        "The IAM has no active account of this person.",
        "Ask the IAM's managers.",
    ),
    error(
        403,
        "needs_login",
        "The IAM tells about this person only after a login at the portal.",
        "Log in at the portal once.",
    ),
    error(
        403,
        "needs_ec2",
        "The person has no EC2 credential of their own to exchange.",
        "Leave `key` out, or make one.",
    ),
    error(
        403,
        "machines_read",
        "A machine asked for access to write.",
        "Ask for access to read.",
    ),
    error(
        403,
        "not_a_server",
        "The JupyterHub token is not a notebook server's own.",
        "Use the server's `JUPYTERHUB_API_TOKEN`.",
    ),
    error(
        403,
        "bad_role",
        "The role belongs to another survey or access.",
        "Take the ARN that `GET /api/v1/surveys` names.",
    ),
    error(
        403,
        "unknown_key",
        "Nobody knows these credentials.",
        "Lease new credentials.",
    ),
    error(
        403,
        "bad_token",
        "The session token is not valid.",
        "Lease new credentials.",
    ),
    error(
        403,
        "expired",
        "The credentials have expired.",
        "Lease new credentials.",
    ),
    error(
        403,
        "revoked",
        "The lease was ended.",
        "Lease again, once you are a member.",
    ),
    error(
        404,
        "no_such_survey",
        "There is no survey of that name.",
        "List the surveys.",
    ),
    error(
        404,
        "no_such_lease",
        "The caller has no lease of that name.",
        "List your leases.",
    ),
    error(
        404,
        "no_hub",
        "No JupyterHub is configured at this portal.",
        "Ask the people who run the portal.",
    ),
    error(
        404,
        "no_such_page",
        "There is nothing at this address.",
        "Check the path.",
    ),
    error(
        405,
        "method_not_allowed",
        "The address does not take this HTTP method.",
        "Use one that the header `Allow` names.",
    ),
    error(
        413,
        "too_large",
        "The request is longer than 64 KiB.",
        "Send less.",
    ),
    error(
        429,
        "too_many",
        "Too many wrong tokens came from this address.",
        "Wait a minute.",
    ),
    error(
        500,
        "internal",
        "Something is wrong inside; it has been logged.",
        "Tell the people who run the portal.",
    ),
    error(
        502,
        "upstream_refused",
        "Keystone, the IAM or the object store refused what skykey asked.",
        "Tell the people who run the portal.",
    ),
    error(
        503,
        "upstream_away",
        "The IAM, Keystone, the JupyterHub or the object store does not answer.",
        "Try again in a few minutes; live credentials stay valid.",
    ),
    error(
        503,
        "not_read_only",
        "Credentials to read could write, so none are issued.",
        "Tell the people who run the portal.",
    ),
    error(
        503,
        "not_readable",
        "Credentials to read could not read, so none are issued.",
        "Tell the people who run the portal.",
    ),
];

const fn error(
    status: u16,
    code: &'static str,
    when: &'static str,
    next: &'static str,
) -> ApiError {
    ApiError {
        status,
        code,
        when,
        next,
    }
}

/// Whether the API documents this code with this status.
pub fn is_documented(status: u16, code: &str) -> bool {
    let mut errors = ERRORS.iter();
    errors.any(|error| error.status == status && error.code == code)
}
