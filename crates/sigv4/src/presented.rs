//! What a request presents before any secret is known.

mod body;
mod headers;
mod source;

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use skykey_types::{AccessKeyId, Secret};

use self::body::Body;
use self::headers::SignedHeaders;
use self::source::Source;
use crate::payload::decode_hex;
use crate::scope::ScopeText;
use crate::{Payload, Query, Refusal, amz_date, parse_amz_date};

/// How far a request's time may be from the server's, both ways (AWS: 15 minutes).
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Seven days, the longest lifetime of a presigned URL (AWS, "Authenticating Requests: Using Query
/// Parameters").
pub const MAX_PRESIGN_SECONDS: u64 = 7 * 24 * 3600;

/// A request's head as it arrived.
#[derive(Clone, Copy)]
pub struct Head<'r> {
    /// The method.
    pub method: &'r Method,
    /// The path as it stands on the wire, percent-encoded, without the query.
    pub path: &'r str,
    /// The decoded query.
    pub query: &'r Query<'r>,
    /// All headers; `host` is among them.
    pub headers: &'r HeaderMap,
}

/// The service that a request is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `s3`.
    S3,
    /// `sts`.
    Sts,
}

/// What a signed request presents: who claims to have signed what, when and how. Nothing of it is
/// verified. It borrows the request, so that what was read is what [`Presented::verify`] verifies.
#[derive(Clone)]
pub struct Presented<'r> {
    pub(crate) head: Head<'r>,
    pub(crate) scope: ScopeText<'r>,
    pub(crate) signed_headers: SignedHeaders<'r>,
    pub(crate) signature: [u8; 32],
    pub(crate) time_text: Cow<'r, str>,
    pub(crate) body: Body<'r>,
    access_key_id: AccessKeyId,
    session_token: Option<Secret>,
    service: Service,
    time: Timestamp,
    /// How long a presigned request lives.
    lifetime: Option<SignedDuration>,
}

impl<'r> Presented<'r> {
    /// Reads what `head` presents, in the `Authorization` header or presigned in the query. `None`
    /// if it carries no signature.
    ///
    /// Refuses what cannot be right under any secret: a malformed or a second signature, an
    /// unsigned `host` or `x-amz-` header, an absent signed header, an unknown payload.
    pub fn read(head: Head<'r>) -> Result<Option<Self>, Refusal> {
        let Some(source) = Source::find(&head)? else {
            return Ok(None);
        };
        let parts = source.parts;
        let (access_key_id, scope) = parts
            .credential
            .split_once('/')
            .ok_or_else(|| source.malformed("the credential has no scope"))?;
        if access_key_id.is_empty() {
            return Err(source.malformed("the credential has no access key id"));
        }
        let scope = ScopeText::parse(scope).ok_or_else(|| {
            source.malformed("the credential scope is not YYYYMMDD/region/service/aws4_request")
        })?;
        let service = match scope.service {
            "s3" => Service::S3,
            "sts" => Service::Sts,
            _ => {
                return Err(
                    source.malformed("the service in the credential scope is not s3 or sts")
                );
            }
        };
        let signature = decode_hex(parts.signature).ok_or_else(|| {
            source.malformed("the signature is not 64 lower-case hexadecimal digits")
        })?;
        let signed_headers = SignedHeaders::read(&source, head.headers)?;
        let (time_text, time) = source.time(&head)?;
        if !time_text.starts_with(scope.day) {
            return Err(Refusal::ScopeDay);
        }
        Ok(Some(Self {
            scope,
            signature,
            body: Body::read(&head, &source, &signed_headers, service)?,
            signed_headers,
            time_text,
            access_key_id: AccessKeyId::new(access_key_id),
            session_token: source::session_token(&head)?,
            service,
            time,
            lifetime: source.lifetime,
            head,
        }))
    }

    /// Returns the access key id of the claimed signer.
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// Returns the session token, from the header or the query. An empty one counts as none.
    pub fn session_token(&self) -> Option<&Secret> {
        self.session_token.as_ref()
    }

    /// Returns the region that the request is signed for.
    pub fn region(&self) -> &'r str {
        self.scope.region
    }

    /// Returns the service that the request is signed for.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Returns what the request says about its body.
    pub fn payload(&self) -> Payload {
        self.body.payload
    }

    /// Returns when the request says it was signed.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Returns whether the signature is in the query.
    pub fn is_presigned(&self) -> bool {
        self.lifetime.is_some()
    }

    /// Checks the request's time against the server's: at most [`MAX_CLOCK_SKEW`] apart; a
    /// presigned request not from the future by more than that, and not expired.
    ///
    /// [`Presented::verify`] checks it, too; ask before you look the secret up.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let age = now.duration_since(self.time);
        let skewed = match self.lifetime {
            Some(lifetime) if age > lifetime => {
                let until = self.time.checked_add(lifetime).unwrap_or(self.time);
                return Err(Refusal::Expired(until));
            }
            Some(_) => age < -MAX_CLOCK_SKEW,
            None => age.abs() > MAX_CLOCK_SKEW,
        };
        if skewed {
            return Err(Refusal::RequestTimeTooSkewed {
                signed: self.time,
                now,
            });
        }
        Ok(())
    }
}

// Headers and query hold signatures and tokens: neither shows itself.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("head", &self.head)
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope.text)
            .field("time", &self.time)
            .field("payload", &self.body.payload)
            .finish_non_exhaustive()
    }
}

/// Reads the time of a request: `YYYYMMDDThhmmssZ`, as it is signed.
fn amz_time(text: &str) -> Result<(Cow<'_, str>, Timestamp), Refusal> {
    let time = parse_amz_date(text).ok_or(Refusal::MalformedTime)?;
    Ok((Cow::Borrowed(text), time))
}

/// Reads a `Date` header: `YYYYMMDDThhmmssZ`, or the form of RFC 9110 §5.6.7.
fn http_time(text: &str) -> Result<(Cow<'_, str>, Timestamp), Refusal> {
    amz_time(text).or_else(|_| {
        let time = jiff::fmt::rfc2822::parse(text).map_err(|_| Refusal::MalformedTime)?;
        let time = time.timestamp();
        Ok((Cow::Owned(amz_date(time)), time))
    })
}

/// Returns the value of a header that must occur at most once and be ASCII.
fn once<'r>(headers: &'r HeaderMap, name: &'static str) -> Result<Option<&'r str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .map(|text| Some(text.trim()))
            .map_err(|_| Refusal::HeaderNotAscii(name)),
        (Some(_), Some(_)) => Err(Refusal::RepeatedHeader(name)),
    }
}
