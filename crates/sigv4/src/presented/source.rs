//! Where a request carries its signature: in a header or in the query.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use skykey_types::Secret;

use super::{Head, MAX_PRESIGN_SECONDS, amz_time, http_time, once};
use crate::authorization::Parts;
use crate::{ALGORITHM, Query, Refusal};

/// The parts of a signature and where they were found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'r> {
    pub(super) parts: Parts<'r>,
    /// How long the request lives, if it is presigned.
    pub(super) lifetime: Option<SignedDuration>,
}

impl<'r> Source<'r> {
    /// Finds the one signature of a request; `None` if there is none.
    pub(super) fn find(head: &Head<'r>) -> Result<Option<Self>, Refusal> {
        let query = head.query;
        if query.contains("AWSAccessKeyId") || query.contains("Signature") {
            return Err(Refusal::SignatureV2);
        }
        let presigned = query.get("X-Amz-Signature");
        let mut authorizations = head.headers.get_all("authorization").iter();
        match (authorizations.next(), authorizations.next(), presigned) {
            (None, _, None) => Ok(None),
            (None, _, Some(signature)) => of_query(query, signature).map(Some),
            (Some(_), _, Some(_)) => Err(Refusal::SignedTwice),
            (Some(_), Some(_), None) => Err(Refusal::RepeatedHeader("Authorization")),
            (Some(header), None, None) => of_header(header.to_str().unwrap_or_default()).map(Some),
        }
    }

    pub(super) fn is_presigned(&self) -> bool {
        self.lifetime.is_some()
    }

    /// The refusal of a signature that cannot be read.
    pub(super) fn malformed(&self, why: &'static str) -> Refusal {
        if self.is_presigned() {
            Refusal::MalformedPresigned(why)
        } else {
            Refusal::MalformedAuthorization(why)
        }
    }

    /// Returns the request's time, as it is signed and as an instant.
    pub(super) fn time(&self, head: &Head<'r>) -> Result<(Cow<'r, str>, Timestamp), Refusal> {
        if self.is_presigned() {
            let text = head.query.get("X-Amz-Date");
            return text.ok_or(Refusal::TimeMissing).and_then(amz_time);
        }
        if let Some(text) = once(head.headers, "x-amz-date")? {
            return amz_time(text);
        }
        once(head.headers, "date")?
            .ok_or(Refusal::TimeMissing)
            .and_then(http_time)
    }
}

fn of_header(text: &str) -> Result<Source<'_>, Refusal> {
    if text.starts_with("AWS ") {
        return Err(Refusal::SignatureV2);
    }
    if text.starts_with("AWS4-ECDSA-P256-SHA256") {
        return Err(Refusal::SignatureV4A);
    }
    if !(text.strip_prefix(ALGORITHM)).is_some_and(|rest| rest.starts_with(' ')) {
        return Err(Refusal::UnknownAuthorization);
    }
    Ok(Source {
        parts: Parts::of_header(text).map_err(Refusal::MalformedAuthorization)?,
        lifetime: None,
    })
}

fn of_query<'r>(query: &'r Query<'r>, signature: &'r str) -> Result<Source<'r>, Refusal> {
    let seconds = query
        .get("X-Amz-Expires")
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<u32>().ok())
        .filter(|seconds| (1..=MAX_PRESIGN_SECONDS).contains(&u64::from(*seconds)))
        .ok_or(Refusal::PresignedLifetime)?;
    match query.get("X-Amz-Algorithm") {
        Some(ALGORITHM) => {}
        Some("AWS4-ECDSA-P256-SHA256") => return Err(Refusal::SignatureV4A),
        _ => {
            let why = "X-Amz-Algorithm is not AWS4-HMAC-SHA256";
            return Err(Refusal::MalformedPresigned(why));
        }
    }
    let parameter = |name, missing| query.get(name).ok_or(Refusal::MalformedPresigned(missing));
    Ok(Source {
        parts: Parts {
            credential: parameter("X-Amz-Credential", "X-Amz-Credential is missing")?,
            signed_headers: parameter("X-Amz-SignedHeaders", "X-Amz-SignedHeaders is missing")?,
            signature,
        },
        lifetime: Some(SignedDuration::from_secs(i64::from(seconds))),
    })
}

/// Returns the session token, from the header or the query, not both.
pub(super) fn session_token(head: &Head<'_>) -> Result<Option<Secret>, Refusal> {
    let in_header = once(head.headers, "x-amz-security-token").map_err(|why| match why {
        Refusal::HeaderNotAscii(_) => Refusal::SessionTokenNotAscii,
        _ => Refusal::RepeatedSessionToken,
    })?;
    let token = match (in_header, head.query.get("X-Amz-Security-Token")) {
        (Some(_), Some(_)) => return Err(Refusal::RepeatedSessionToken),
        (in_header, in_query) => in_header.or(in_query),
    };
    Ok(token.filter(|token| !token.is_empty()).map(Secret::new))
}
