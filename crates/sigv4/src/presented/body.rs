//! What a request presents about its body.

use super::headers::SignedHeaders;
use super::source::Source;
use super::{Head, Service, once};
use crate::{Payload, Refusal, UNSIGNED_PAYLOAD};

const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// The claim about the body and how it takes part in the signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'r> {
    pub(crate) payload: Payload,
    /// The last line of the canonical request; `None` for [`Payload::Undeclared`].
    pub(crate) signed_as: Option<&'r str>,
    /// The length of an aws-chunked body once decoded; 0 for others.
    pub(crate) decoded_length: u64,
}

impl<'r> Body<'r> {
    pub(super) fn read(
        head: &Head<'r>,
        source: &Source<'_>,
        signed: &SignedHeaders<'_>,
        service: Service,
    ) -> Result<Self, Refusal> {
        let header = once(head.headers, CONTENT_SHA256)?;
        let (payload, signed_as) = if source.is_presigned() {
            presigned(header, head.query.get("X-Amz-Content-Sha256"), signed)?
        } else {
            match (header, service) {
                (Some(value), _) => (Payload::parse(value)?, Some(value)),
                (None, Service::Sts) => (Payload::Undeclared, None),
                (None, Service::S3) => return Err(Refusal::PayloadMissing),
            }
        };
        let mut decoded_length = 0;
        if let Payload::Streaming { trailer, .. } = payload {
            decoded_length = once(head.headers, "x-amz-decoded-content-length")?
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|text| text.parse().ok())
                .ok_or(Refusal::DecodedLengthMissing)?;
            if trailer && !head.headers.contains_key("x-amz-trailer") {
                return Err(Refusal::TrailerMissing);
            }
        }
        Ok(Self {
            payload,
            signed_as,
            decoded_length,
        })
    }
}

/// The claim of a presigned request. A header that was added after signing does not take part in
/// the signature, but what it says about the body is checked.
fn presigned<'r>(
    header: Option<&'r str>,
    in_query: Option<&'r str>,
    signed: &SignedHeaders<'_>,
) -> Result<(Payload, Option<&'r str>), Refusal> {
    let signed_header = header.filter(|_| signed.contains(CONTENT_SHA256));
    let signed_as = signed_header.or(in_query).unwrap_or(UNSIGNED_PAYLOAD);
    let mut payload = Payload::parse(signed_as)?;
    for other in [header, in_query].into_iter().flatten() {
        match (payload, Payload::parse(other)?) {
            (claimed, other) if claimed == other => {}
            (Payload::Unsigned, more) => payload = more,
            (_, Payload::Unsigned) => {}
            _ => return Err(Refusal::PayloadContradiction),
        }
    }
    if payload.is_streaming() {
        return Err(Refusal::PresignedStreaming);
    }
    Ok((payload, Some(signed_as)))
}
