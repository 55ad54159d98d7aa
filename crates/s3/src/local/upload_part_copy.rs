//! [UploadPartCopy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).

use futures::StreamExt;
use http::{HeaderMap, Response};
use skykey_store::{Attributes, Precondition, StoreError};

use super::Local;
use super::condition::Conditions;
use super::range::ByteRange;
use super::time::in_xml;
use super::upload::{part_number, upload_id};
use crate::answer::{self, Body};
use crate::checksum::Verifier;
use crate::fault::{Fault, Result};
use crate::front::rights::CopySource;
use crate::request::Request;
use crate::words::no_such_key;
use crate::xml::Writer;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let source = CopySource::of(request.headers)?;
    let (upload, number) = (upload_id(request), part_number(request)?);
    let object = local
        .store
        .open(&source.bucket, &source.key)
        .await?
        .ok_or_else(no_such_key)?;
    let size = object.info.size;
    Conditions::of_source(request).check_source(&object.info)?;
    let range = match request.header("x-amz-copy-source-range") {
        None => 0..size,
        Some(text) => range_of(text, size)?,
    };
    let mut writer = local
        .store
        .begin_part(
            request.bucket,
            request.key,
            &upload,
            number,
            Some(range.end - range.start),
        )
        .await?;
    let no_headers = HeaderMap::new();
    let mut verifier = Verifier::new(&no_headers)?;
    let mut body = object.read(range);
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|source| StoreError::Io {
            action: "read",
            path: request.key.into(),
            source,
        })?;
        verifier.update(&bytes);
        writer.write(bytes).await?;
    }
    let attributes = Attributes {
        checksums: verifier.finish(&no_headers)?,
        ..Attributes::default()
    };
    let info = writer.commit(attributes, Precondition::None).await?;
    let mut xml = Writer::rooted("CopyPartResult");
    xml.text("LastModified", &in_xml(info.modified));
    xml.etag(&info.etag);
    Ok(answer::xml(xml.end("CopyPartResult")))
}

/// A range that lies within the source, both ends given: a client that asks for more must not be
/// given less.
fn range_of(text: &str, size: u64) -> Result<std::ops::Range<u64>> {
    match ByteRange::parse(text) {
        Some(ByteRange::From {
            first,
            last: Some(last),
        }) if last < size => Ok(first..last + 1),
        Some(ByteRange::From { last: Some(_), .. }) => Err(Fault::argument(format!(
            "x-amz-copy-source-range lies beyond the source, which has {size} bytes"
        ))),
        _ => Err(Fault::argument(
            "x-amz-copy-source-range cannot be read; write it like bytes=0-1048575",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_beyond_the_source_is_not_cut() {
        assert_eq!(range_of("bytes=0-9", 10).unwrap(), 0..10);
        for bad in [
            "bytes=0-10",
            "bytes=10-11",
            "bytes=5-",
            "bytes=-5",
            "bytes=3-2",
            "0-5",
        ] {
            assert!(range_of(bad, 10).is_err(), "{bad}");
        }
    }
}
