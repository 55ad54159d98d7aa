//! The headers that an object keeps: read from a write, written to a read.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use skykey_sigv4::Query;
use skykey_store::{Attributes, ObjectInfo};

use super::time::http_date;
use crate::checksum::{Algorithm, Checksums};
use crate::fault::{Code, Fault, Result};
use crate::request::Request;

/// The largest user metadata of an object, names and values together, in bytes
/// ([AWS](https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html)).
const MAX_USER_METADATA_BYTES: usize = 2048;
const USER_PREFIX: &str = "x-amz-meta-";
const DEFAULT_CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What the writer of an object says about it.
pub(super) fn attributes_of(request: &Request<'_>) -> Result<Attributes> {
    let text = |name: HeaderName| request.header(name).map(str::to_owned);
    let mut attributes = Attributes {
        content_type: text(CONTENT_TYPE),
        content_encoding: request
            .header(CONTENT_ENCODING)
            .and_then(without_transfer_coding),
        content_disposition: text(CONTENT_DISPOSITION),
        content_language: text(CONTENT_LANGUAGE),
        cache_control: text(CACHE_CONTROL),
        expires: text(EXPIRES),
        ..Attributes::default()
    };
    let mut bytes = 0;
    for (name, value) in request.headers {
        if let Some(name) = name.as_str().strip_prefix(USER_PREFIX) {
            let value = value.to_str().unwrap_or_default();
            bytes += name.len() + value.len();
            attributes.user.insert(name.to_owned(), value.to_owned());
        }
    }
    if bytes > MAX_USER_METADATA_BYTES {
        return Err(Fault::new(
            Code::MetadataTooLarge,
            format!(
                "the x-amz-meta- headers take {bytes} bytes: at most {MAX_USER_METADATA_BYTES}"
            ),
        ));
    }
    Ok(attributes)
}

/// `aws-chunked` describes the transfer, not the object.
fn without_transfer_coding(text: &str) -> Option<String> {
    let codings: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked") && !coding.is_empty())
        .collect();
    (!codings.is_empty()).then(|| codings.join(","))
}

/// The headers of an object's answer, but for its length. A checksum is of the whole object: with a
/// part of it, a client would find it wrong.
pub(super) fn write(
    headers: &mut HeaderMap,
    info: &ObjectInfo,
    query: &Query<'_>,
    with_checksums: bool,
) -> Result<()> {
    let attributes = &info.attributes;
    headers.reserve(12);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, etag(&info.etag));
    insert(headers, LAST_MODIFIED, &http_date(info.modified));
    headers.insert(CONTENT_TYPE, DEFAULT_CONTENT_TYPE);
    let kept = [
        (
            CONTENT_TYPE,
            &attributes.content_type,
            "response-content-type",
        ),
        (
            CONTENT_ENCODING,
            &attributes.content_encoding,
            "response-content-encoding",
        ),
        (
            CONTENT_DISPOSITION,
            &attributes.content_disposition,
            "response-content-disposition",
        ),
        (
            CONTENT_LANGUAGE,
            &attributes.content_language,
            "response-content-language",
        ),
        (
            CACHE_CONTROL,
            &attributes.cache_control,
            "response-cache-control",
        ),
        (EXPIRES, &attributes.expires, "response-expires"),
    ];
    for (name, value, parameter) in kept {
        if let Some(wanted) = query.get(parameter) {
            let value = HeaderValue::from_str(wanted).map_err(|_| {
                Fault::argument(format!("{parameter} cannot be the value of a header"))
            })?;
            headers.insert(name, value);
        } else if let Some(value) = value {
            insert(headers, name, value);
        }
    }
    for (name, value) in &attributes.user {
        if let Ok(name) = HeaderName::try_from(format!("{USER_PREFIX}{name}")) {
            insert(headers, name, value);
        }
    }
    if with_checksums {
        checksums(headers, &attributes.checksums);
    }
    Ok(())
}

/// The checksums that an object or a part was stored with.
pub(super) fn checksums(headers: &mut HeaderMap, checksums: &Checksums) {
    for algorithm in Algorithm::ALL {
        if let Some(value) = checksums.get(algorithm.name()) {
            insert(headers, HeaderName::from_static(algorithm.header()), value);
        }
    }
}

/// An ETag in its quotes.
pub(super) fn etag(etag: &str) -> HeaderValue {
    let mut quoted = String::with_capacity(etag.len() + 2);
    quoted.push('"');
    quoted.push_str(etag);
    quoted.push('"');
    HeaderValue::from_maybe_shared(bytes::Bytes::from(quoted))
        .expect("an ETag is hexadecimal digits and a hyphen")
}

/// What was stored was a header once, so it can be one again; an object that an earlier version
/// imported with something else goes without it.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_chunked_is_not_kept() {
        assert_eq!(without_transfer_coding("aws-chunked"), None);
        assert_eq!(
            without_transfer_coding("gzip, AWS-chunked"),
            Some("gzip".to_owned())
        );
        assert_eq!(
            without_transfer_coding("gzip,br"),
            Some("gzip,br".to_owned())
        );
    }
}
