//! What uploads have in common: an upload's and a part's name, and a body on its way into the store.

use skykey_store::{ObjectWriter, UploadId};

use crate::checksum::{Checksums, Verifier};
use crate::fault::{Code, Fault, Result};
use crate::request::{Body, Request};

/// The largest body of one request
/// ([AWS](https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html)): 5 GiB.
const MAX_BODY_BYTES: u64 = 5 << 30;

/// The upload that the query names.
pub(super) fn upload_id(request: &Request<'_>) -> UploadId {
    UploadId::from_text(request.query.get("uploadId").unwrap_or_default())
}

/// The part that the query names.
pub(super) fn part_number(request: &Request<'_>) -> Result<u16> {
    let text = request.query.get("partNumber").unwrap_or_default();
    parse_part_number(text).ok_or_else(|| Fault::argument("a part's number is 1 to 10000"))
}

/// A whole number from 1 to 10,000.
pub(super) fn parse_part_number(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number)?;
    (1..=skykey_store::MAX_PARTS)
        .contains(&number)
        .then_some(number)
}

/// The announced length of an upload's body. S3 wants one, so that a body which breaks off is
/// never taken for a shorter object.
pub(super) fn announced_length(body: &Body) -> Result<u64> {
    let length = body.length().ok_or_else(|| {
        Fault::new(
            Code::MissingContentLength,
            "the request has a body but no length; send Content-Length",
        )
    })?;
    if length > MAX_BODY_BYTES {
        return Err(Fault::new(
            Code::EntityTooLarge,
            "a request takes at most 5 GiB; upload the object in parts",
        ));
    }
    Ok(length)
}

/// Writes the body and verifies its length, its signature and its checksums. Commits nothing.
pub(super) async fn receive(
    mut verifier: Verifier,
    body: &mut Body,
    writer: &mut dyn ObjectWriter,
) -> Result<Checksums> {
    let announced = body.length();
    let mut received = 0;
    while let Some(bytes) = body.next().await? {
        received += bytes.len() as u64;
        if announced.is_some_and(|announced| received > announced) {
            break;
        }
        verifier.update(&bytes);
        writer.write(bytes).await?;
    }
    if announced.is_some_and(|announced| announced != received) {
        return Err(Fault::new(
            Code::IncompleteBody,
            format!(
                "{received} bytes arrived, not as many as were announced; nothing was stored, send it again"
            ),
        ));
    }
    verifier.finish(body.trailers())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_number_is_a_plain_number() {
        assert_eq!(parse_part_number("1"), Some(1));
        assert_eq!(parse_part_number("10000"), Some(10_000));
        for bad in ["", "0", "-1", "+1", "10001", "70000", "1x", " 1"] {
            assert_eq!(parse_part_number(bad), None, "{bad}");
        }
    }
}
