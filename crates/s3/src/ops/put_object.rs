//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).

use futures::StreamExt;
use http::HeaderMap;
use s3s::dto::{PutObjectInput, PutObjectOutput, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, TrailingHeaders};
use skykey_store::ObjectWriter;

use super::Operations;
use super::words::{attributes, etag, precondition, size};
use crate::checksum::{Checksums, Verifier};
use crate::error::store;

/// The largest body of one request, as S3 has it: 5 GiB.
const LARGEST: u64 = 5 << 30;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let input = request.input;
    let precondition = precondition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    if input
        .tagging
        .as_deref()
        .is_some_and(|tags| !tags.is_empty())
    {
        return Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "object tags are not kept here",
        ));
    }
    let mut attributes = attributes!(input);
    let length = input.content_length.and_then(|size| size.try_into().ok());
    let mut writer = operations
        .store
        .begin_write(&input.bucket, &input.key, length)
        .await
        .map_err(store)?;
    let upload = Upload {
        headers: &request.headers,
        length: input.content_length,
        trailers: request.trailing_headers,
    };
    attributes.checksums = upload.receive(input.body, writer.as_mut()).await?;
    let info = writer
        .commit(attributes, precondition)
        .await
        .map_err(store)?;
    let checksum = |name: &str| info.attributes.checksums.get(name).cloned();
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(etag(&info.etag)),
        checksum_crc32: checksum("CRC32"),
        checksum_crc32c: checksum("CRC32C"),
        checksum_crc64nvme: checksum("CRC64NVME"),
        checksum_sha1: checksum("SHA1"),
        checksum_sha256: checksum("SHA256"),
        size: None,
        ..PutObjectOutput::default()
    }))
}

/// A body on its way in, of an object or of a part.
pub(super) struct Upload<'r> {
    pub(super) headers: &'r HeaderMap,
    pub(super) length: Option<i64>,
    pub(super) trailers: Option<TrailingHeaders>,
}

impl Upload<'_> {
    /// Writes the body and verifies it: its length, its signature (`s3s` does, as it comes by), its
    /// checksums. Nothing is committed here.
    pub(super) async fn receive(
        self,
        body: Option<StreamingBlob>,
        writer: &mut dyn ObjectWriter,
    ) -> S3Result<Checksums> {
        let mut verifier = Verifier::new(self.headers)?;
        let mut received = 0;
        if let Some(mut body) = body {
            while let Some(bytes) = body.next().await {
                let bytes = bytes.map_err(|error| broken_body(error.as_ref()))?;
                received += bytes.len() as u64;
                if received > LARGEST {
                    return Err(S3Error::with_message(
                        S3ErrorCode::EntityTooLarge,
                        "a request takes at most 5 GiB; upload the object in parts",
                    ));
                }
                verifier.update(&bytes);
                writer.write(bytes).await.map_err(store)?;
            }
        }
        if self.length.is_some_and(|length| length != size(received)) {
            return Err(S3Error::with_message(
                S3ErrorCode::IncompleteBody,
                format!(
                    "{received} bytes arrived, not as many as were announced; nothing was stored"
                ),
            ));
        }
        let trailers = self.trailers.and_then(|trailers| trailers.take());
        verifier.finish(self.headers, trailers.as_ref())
    }
}

/// A body that broke off or whose signature is wrong. The types of these errors are private to
/// `s3s`, their names are not.
fn broken_body(error: &(dyn std::error::Error + Send + Sync + 'static)) -> S3Error {
    let text = error.to_string();
    let (code, message) = if text.contains("Sha256Mismatch") {
        (
            S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()),
            "the body is not the one whose SHA-256 was signed; nothing was stored",
        )
    } else if text.contains("SignatureMismatch") {
        let mut error = S3Error::new(S3ErrorCode::SignatureDoesNotMatch);
        error.set_message("a chunk's signature is wrong; nothing was stored");
        return error;
    } else {
        (
            S3ErrorCode::IncompleteBody,
            "the body broke off or is malformed; nothing was stored",
        )
    };
    tracing::debug!(error = text, "an upload broke off");
    let mut error = S3Error::with_message(code, message);
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}
