//! [GetObjectAttributes](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html).

use s3s::dto::{Checksum, GetObjectAttributesInput, GetObjectAttributesOutput};
use s3s::{S3Request, S3Response, S3Result};

use super::Operations;
use super::get_object::no_such_key;
use super::words::{etag, size, time};
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<GetObjectAttributesInput>,
) -> S3Result<S3Response<GetObjectAttributesOutput>> {
    let input = request.input;
    let info = operations
        .store
        .head(&input.bucket, &input.key)
        .await
        .map_err(store)?
        .ok_or_else(no_such_key)?;
    // Clients send them in one header, joined by commas, which s3s takes for one value.
    let asked = |name: &str| {
        let mut words = input
            .object_attributes
            .iter()
            .flat_map(|words| words.as_str().split(','));
        words.any(|word| word.trim() == name)
    };
    let checksum = |name: &str| info.attributes.checksums.get(name).cloned();
    Ok(S3Response::new(GetObjectAttributesOutput {
        checksum: asked("Checksum").then(|| Checksum {
            checksum_crc32: checksum("CRC32"),
            checksum_crc32c: checksum("CRC32C"),
            checksum_crc64nvme: checksum("CRC64NVME"),
            checksum_sha1: checksum("SHA1"),
            checksum_sha256: checksum("SHA256"),
            ..Checksum::default()
        }),
        e_tag: asked("ETag").then(|| etag(&info.etag)),
        last_modified: Some(time(info.modified)),
        object_size: asked("ObjectSize").then(|| size(info.size)),
        ..GetObjectAttributesOutput::default()
    }))
}
