//! What a request says about its body.

use crate::{Refusal, UNSIGNED_PAYLOAD};

const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const STREAMING_SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const STREAMING_UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const STREAMING_SIGNATURE_4A: &str = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD";

/// What `x-amz-content-sha256` says about the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// The body is not signed: `UNSIGNED-PAYLOAD`, or a presigned request that says nothing.
    Unsigned,
    /// The body has this SHA-256.
    Sha256([u8; 32]),
    /// The body is aws-chunked.
    Streaming {
        /// Whether each chunk is signed.
        signed: bool,
        /// Whether trailers follow the last chunk.
        trailer: bool,
    },
    /// The header is absent, as boto leaves it out for STS: the body's SHA-256 takes part in the
    /// signature nevertheless.
    Undeclared,
}

impl Payload {
    /// Reads a value of `x-amz-content-sha256`.
    pub(crate) fn parse(value: &str) -> Result<Self, Refusal> {
        match value {
            UNSIGNED_PAYLOAD => Ok(Self::Unsigned),
            STREAMING_SIGNED => Ok(Self::Streaming {
                signed: true,
                trailer: false,
            }),
            STREAMING_SIGNED_TRAILER => Ok(Self::Streaming {
                signed: true,
                trailer: true,
            }),
            STREAMING_UNSIGNED_TRAILER => Ok(Self::Streaming {
                signed: false,
                trailer: true,
            }),
            other if other.starts_with(STREAMING_SIGNATURE_4A) => Err(Refusal::SignatureV4A),
            other => decode_hex(other)
                .map(Self::Sha256)
                .ok_or(Refusal::UnknownPayload),
        }
    }

    /// Returns whether the body is aws-chunked.
    pub fn is_streaming(self) -> bool {
        matches!(self, Self::Streaming { .. })
    }
}

/// Reads 32 bytes from 64 lower-case hexadecimal characters.
pub(crate) fn decode_hex(text: &str) -> Option<[u8; 32]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EMPTY_PAYLOAD;

    #[test]
    fn every_literal_value_is_known() {
        let streaming = |signed, trailer| Ok(Payload::Streaming { signed, trailer });
        assert_eq!(Payload::parse(UNSIGNED_PAYLOAD), Ok(Payload::Unsigned));
        assert_eq!(Payload::parse(STREAMING_SIGNED), streaming(true, false));
        assert_eq!(
            Payload::parse(STREAMING_SIGNED_TRAILER),
            streaming(true, true)
        );
        assert_eq!(
            Payload::parse(STREAMING_UNSIGNED_TRAILER),
            streaming(false, true)
        );
        assert_eq!(
            Payload::parse(EMPTY_PAYLOAD),
            Ok(Payload::Sha256(crate::sha256(b"")))
        );
    }

    #[test]
    fn signature_4a_is_refused() {
        for suffix in ["", "-TRAILER"] {
            let value = format!("{STREAMING_SIGNATURE_4A}{suffix}");
            assert_eq!(Payload::parse(&value), Err(Refusal::SignatureV4A));
        }
    }

    #[test]
    fn an_unknown_payload_is_refused() {
        let upper = EMPTY_PAYLOAD.to_uppercase();
        let long = format!("{EMPTY_PAYLOAD}00");
        for bad in [
            "",
            "unsigned-payload",
            "STREAMING-UNSIGNED-PAYLOAD",
            &EMPTY_PAYLOAD[1..],
            &upper,
            &long,
        ] {
            assert_eq!(Payload::parse(bad), Err(Refusal::UnknownPayload), "{bad}");
        }
    }
}
