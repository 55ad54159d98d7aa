//! What follows the last chunk.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::ChunkSignatures;
use crate::BodyError;

const SIGNATURE: &str = "x-amz-trailer-signature";

/// Reads all that follows the header of the last chunk: trailers, each on a line, and an empty line
/// at the end. Lines end in LF, mostly after a CR. `signatures` verifies the trailers; then their
/// signature is the last line before the empty one. An empty line before that signature is let
/// pass, since minio-go sends one; so is a second one at the end.
pub(super) fn read(
    tail: &[u8],
    allowed: bool,
    signatures: Option<&ChunkSignatures>,
) -> Result<HeaderMap, BodyError> {
    let mut trailers = HeaderMap::new();
    let mut signature = None;
    let mut empty_lines = 0;
    let lines = tail.strip_suffix(b"\n").ok_or(BodyError::Truncated)?;
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            empty_lines += 1;
            if empty_lines > 2 {
                return Err(BodyError::AfterEnd);
            }
            continue;
        }
        if !allowed || signature.is_some() {
            return Err(BodyError::AfterEnd);
        }
        let parsed = parse(line);
        let is_signature = matches!(&parsed, Ok((name, _)) if name == SIGNATURE);
        if empty_lines > 0 && !(is_signature && signatures.is_some()) {
            return Err(BodyError::AfterEnd);
        }
        let (name, value) = parsed?;
        if !is_signature {
            if trailers.insert(name, value).is_some() {
                return Err(BodyError::MalformedTrailer("a trailer occurs twice"));
            }
        } else if signatures.is_some() {
            signature = Some(value);
            empty_lines = 0;
        } else {
            let why = "they are signed, but the chunks are not";
            return Err(BodyError::MalformedTrailer(why));
        }
    }
    if empty_lines == 0 {
        return Err(BodyError::Truncated);
    }
    if let Some(signatures) = signatures.filter(|_| allowed) {
        let signature = signature.ok_or(BodyError::TrailerSignature)?;
        let signature = signature.to_str().unwrap_or_default();
        if !signatures.verify_trailers(&canonical(&trailers), signature) {
            return Err(BodyError::TrailerSignature);
        }
    }
    Ok(trailers)
}

fn parse(line: &[u8]) -> Result<(HeaderName, HeaderValue), BodyError> {
    let split = line.iter().position(|byte| *byte == b':');
    let (name, value) = split
        .and_then(|at| line.split_at_checked(at))
        .ok_or(BodyError::MalformedTrailer("a line is not name:value"))?;
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(BodyError::MalformedTrailer(
            "a name or a value has a character that headers cannot have",
        )),
    }
}

/// The trailers as they are signed: `name:value` and a line feed each, sorted by name.
fn canonical(trailers: &HeaderMap) -> Vec<u8> {
    let mut sorted: Vec<_> = trailers.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| name.as_str());
    let mut text = Vec::new();
    for (name, value) in sorted {
        text.extend_from_slice(name.as_str().as_bytes());
        text.push(b':');
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    text
}
