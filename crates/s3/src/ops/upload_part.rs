//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html).

use s3s::dto::{UploadPartInput, UploadPartOutput};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_store::{Attributes, Precondition, UploadId};

use super::Operations;
use super::put_object::Upload;
use super::words::etag;
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let input = request.input;
    let upload = UploadId::from_text(input.upload_id);
    let number = part_number(input.part_number)?;
    let length = input.content_length.and_then(|size| size.try_into().ok());
    let mut writer = operations
        .store
        .begin_part(&input.bucket, &input.key, &upload, number, length)
        .await
        .map_err(store)?;
    let body = Upload {
        headers: &request.headers,
        length: input.content_length,
        trailers: request.trailing_headers,
    };
    let checksums = body.receive(input.body, writer.as_mut()).await?;
    let attributes = Attributes {
        checksums,
        ..Attributes::default()
    };
    let info = writer
        .commit(attributes, Precondition::None)
        .await
        .map_err(store)?;
    let checksum = |name: &str| info.attributes.checksums.get(name).cloned();
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(etag(&info.etag)),
        checksum_crc32: checksum("CRC32"),
        checksum_crc32c: checksum("CRC32C"),
        checksum_crc64nvme: checksum("CRC64NVME"),
        checksum_sha1: checksum("SHA1"),
        checksum_sha256: checksum("SHA256"),
        ..UploadPartOutput::default()
    }))
}

pub(super) fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number).map_err(|_| {
        S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            "a part's number is 1 to 10000",
        )
    })
}
