//! What a request may carry. A header or parameter that the operation does not honour is refused:
//! a client that sends one relies on it.

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_TYPE, EXPECT, EXPIRES, HOST, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, Method};
use skykey_sigv4::Query;

use super::operation::{Need, Row};
use super::rights::no_such_version;
use crate::fault::{Code, Fault, Result};

/// `x-amz-` headers that any request may carry: those of the signature, and those that promise nothing.
const HARMLESS: &[&str] = &[
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-user-agent",
    "x-amz-request-payer",
    "x-amz-te",
];
const IF_HEADERS: [&HeaderName; 5] = [
    &IF_MATCH,
    &IF_NONE_MATCH,
    &IF_MODIFIED_SINCE,
    &IF_UNMODIFIED_SINCE,
    &IF_RANGE,
];
/// The version of the S3 API, which the AWS SDK for C++ names in a header. There is one.
const API_VERSION: (&str, &[u8]) = ("x-amz-api-version", b"2006-03-01");
/// Further headers by which something is decided.
const DECIDING: [&HeaderName; 11] = [
    &AUTHORIZATION,
    &CACHE_CONTROL,
    &CONTENT_DISPOSITION,
    &CONTENT_ENCODING,
    &CONTENT_LANGUAGE,
    &CONTENT_LENGTH,
    &CONTENT_TYPE,
    &EXPECT,
    &EXPIRES,
    &HOST,
    &TRANSFER_ENCODING,
];

/// Refuses, before anything is read from the request, what could be read in two ways: headers that
/// decide something and are repeated, or that hold bytes outside ASCII; browser form uploads.
pub(crate) fn check_headers(method: &Method, headers: &HeaderMap) -> Result<()> {
    for (name, value) in headers {
        let decides = name.as_str().starts_with("x-amz-")
            || DECIDING.contains(&name)
            || IF_HEADERS.contains(&name)
            || name.as_str() == "content-md5";
        if decides
            && !value
                .as_bytes()
                .iter()
                .all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        {
            return Err(Fault::new(
                Code::InvalidRequest,
                format!("the header {name} has characters outside ASCII; percent-encode them"),
            ));
        }
        if decides
            && headers.len() != headers.keys_len()
            && headers.get_all(name).iter().nth(1).is_some()
        {
            return Err(Fault::new(
                Code::InvalidRequest,
                format!("the header {name} occurs more than once; send it once"),
            ));
        }
    }
    let is_form = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| contains_ignoring_case(value.as_bytes(), b"multipart/form-data"));
    if *method == Method::POST && is_form {
        return Err(Fault::denied(
            "browser form uploads are not served; use PUT",
        ));
    }
    Ok(())
}

fn contains_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

/// Refuses what the operation does not honour. To be asked once the operation has been allowed.
///
/// In a presigned URL, `x-amz-` parameters are among `headers` already ([`with_hoisted`]).
pub(crate) fn check_carried(
    row: &Row,
    query: &Query<'_>,
    headers: &HeaderMap,
    presigned: bool,
) -> Result<()> {
    let operation = row.operation.name();
    for (name, value) in query.iter() {
        if presigned && is_hoisted(name) {
            continue;
        }
        if !row.carries_parameter(name) {
            let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(Fault::not_implemented(format!(
                "{operation} does not take the parameter {name} here; nothing was done, leave it out"
            )));
        }
        if name == "versionId" && value != "null" {
            return Err(no_such_version());
        }
    }
    let writes = matches!(row.need, Need::Write | Need::Copy | Need::WriteSome);
    for (name, value) in headers {
        let name = name.as_str();
        let must_be_known = name.starts_with("x-amz-")
            || (writes || row.need == Need::Read) && IF_HEADERS.iter().any(|known| *known == name);
        let promises_nothing = HARMLESS.contains(&name) || (name, value.as_bytes()) == API_VERSION;
        if !must_be_known || promises_nothing {
            continue;
        }
        if !row.carries_header(name) {
            return Err(Fault::not_implemented(format!(
                "{operation} does not honour the header {name} here; nothing was done, leave it out"
            )));
        }
        check_value(name, value.as_bytes())?;
    }
    Ok(())
}

/// The parameters of a signature in the query.
fn is_of_presigning(name: &str) -> bool {
    matches!(
        name,
        "X-Amz-Algorithm"
            | "X-Amz-Credential"
            | "X-Amz-Date"
            | "X-Amz-Expires"
            | "X-Amz-SignedHeaders"
            | "X-Amz-Signature"
            | "X-Amz-Security-Token"
            | "X-Amz-Content-Sha256"
    )
}

/// Headers of which one value is honoured, since it says what holds anyway.
///
/// Groups decide who reads, never an object: as on AWS where ACLs are disabled, an ACL that would
/// change that is refused
/// ([Controlling ownership of objects](https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html)).
fn check_value(name: &str, value: &[u8]) -> Result<()> {
    match name {
        "x-amz-acl" if !matches!(value, b"private" | b"bucket-owner-full-control") => {
            Err(no_acl(name))
        }
        name if name.starts_with("x-amz-grant-") => Err(no_acl(name)),
        "x-amz-storage-class" if value != b"STANDARD" => Err(Fault::new(
            Code::InvalidStorageClass,
            "there is one storage class here, STANDARD",
        )),
        "x-amz-tagging" if !value.is_empty() => Err(Fault::not_implemented(
            "object tags are not kept here; leave x-amz-tagging out",
        )),
        "x-amz-tagging-directive" if !value.eq_ignore_ascii_case(b"COPY") => {
            Err(Fault::not_implemented(
                "object tags are not kept here; leave x-amz-tagging-directive out",
            ))
        }
        _ => Ok(()),
    }
}

fn no_acl(name: &str) -> Fault {
    Fault::new(
        Code::AccessControlListNotSupported,
        format!("objects here have no ACLs, the survey's groups say who reads; leave {name} out"),
    )
}

/// The headers of a presigned request with those that SDKs have put into its query: AWS takes
/// `x-amz-` parameters for headers.
///
/// They are signed, as the whole query is. One that is in both places must be the same in both.
pub(crate) fn with_hoisted(query: &Query<'_>, headers: &HeaderMap) -> Result<HeaderMap> {
    let mut merged = headers.clone();
    for (name, value) in query.iter() {
        if is_of_presigning(name) || !is_hoisted(name) {
            continue;
        }
        let bad = || {
            Fault::argument(format!(
                "the query parameter {name} cannot be taken for a header"
            ))
        };
        let header = HeaderName::try_from(name.to_ascii_lowercase()).map_err(|_| bad())?;
        let value = http::HeaderValue::from_str(value).map_err(|_| bad())?;
        if merged
            .insert(header, value.clone())
            .is_some_and(|before| before != value)
        {
            return Err(Fault::new(
                Code::InvalidRequest,
                format!("{name} has one value in the query and another in the headers"),
            ));
        }
    }
    Ok(merged)
}

/// Whether a query parameter stands for a header.
fn is_hoisted(name: &str) -> bool {
    name.get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::front::operation::{Operation, TABLE};

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn carried(operation: Operation, query: &str, pairs: &[(&'static str, &[u8])]) -> Option<Code> {
        let row = TABLE.iter().find(|row| row.operation == operation).unwrap();
        check_carried(row, &Query::parse(query).unwrap(), &headers(pairs), false)
            .err()
            .map(|fault| fault.code)
    }

    #[test]
    fn a_form_is_refused_however_its_type_is_spelled() {
        let code = |pairs: &[(&'static str, &[u8])]| {
            check_headers(&Method::POST, &headers(pairs))
                .err()
                .map(|fault| fault.code)
        };
        let form: &[u8] = b"Multipart/Form-Data; boundary=abc";
        assert_eq!(code(&[("content-type", form)]), Some(Code::AccessDenied));
        assert_eq!(
            code(&[("content-type", b" multipart/form-data")]),
            Some(Code::AccessDenied)
        );
        let accented = "multipart/form-data; boundary=abc; x=\"é\"".as_bytes();
        assert_eq!(
            code(&[("content-type", accented)]),
            Some(Code::InvalidRequest)
        );
        let twice: [(&'static str, &[u8]); 2] =
            [("content-type", b"text/plain"), ("content-type", form)];
        assert_eq!(code(&twice), Some(Code::InvalidRequest));
        assert_eq!(code(&[("content-type", b"application/xml")]), None);
    }

    #[test]
    fn a_header_that_decides_something_comes_once_and_in_ascii() {
        let code = |pairs: &[(&'static str, &[u8])]| {
            check_headers(&Method::PUT, &headers(pairs))
                .err()
                .map(|fault| fault.code)
        };
        for name in [
            "x-amz-copy-source",
            "if-match",
            "content-encoding",
            "host",
            "content-md5",
        ] {
            assert_eq!(
                code(&[(name, b"a"), (name, b"a")]),
                Some(Code::InvalidRequest),
                "{name}"
            );
            assert_eq!(
                code(&[(name, "é".as_bytes())]),
                Some(Code::InvalidRequest),
                "{name}"
            );
            assert_eq!(code(&[(name, b"a")]), None, "{name}");
        }
        assert_eq!(
            code(&[
                ("user-agent", "é".as_bytes()),
                ("accept", b"a"),
                ("accept", b"b")
            ]),
            None
        );
    }

    #[test]
    fn an_operation_that_we_do_not_know_is_not_another_one() {
        let unknown = Some(Code::NotImplemented);
        assert_eq!(
            carried(Operation::PutObject, "annotation&annotationName=x", &[]),
            unknown
        );
        assert_eq!(carried(Operation::PutObject, "renameObject", &[]), unknown);
        assert_eq!(carried(Operation::PutObject, "x", &[]), unknown);
        assert_eq!(carried(Operation::DeleteObject, "x", &[]), unknown);
        assert_eq!(carried(Operation::PutObject, "x-id=PutObject", &[]), None);
    }

    #[test]
    fn a_promise_that_is_not_kept_is_refused() {
        let unknown = Some(Code::NotImplemented);
        for name in [
            "x-amz-write-offset-bytes",
            "x-amz-server-side-encryption",
            "x-amz-server-side-encryption-customer-key",
            "x-amz-object-lock-mode",
            "x-amz-website-redirect-location",
            "x-amz-checksum-sha512",
            "x-amz-checksum-xxhash3",
            "x-amz-expected-bucket-owner",
        ] {
            assert_eq!(
                carried(Operation::PutObject, "", &[(name, b"x")]),
                unknown,
                "{name}"
            );
        }
        assert_eq!(
            carried(Operation::PutObject, "", &[("if-modified-since", b"x")]),
            unknown
        );
        assert_eq!(
            carried(
                Operation::UploadPart,
                "partNumber=1&uploadId=u",
                &[("if-match", b"x")]
            ),
            unknown
        );
        assert_eq!(
            carried(
                Operation::CreateMultipartUpload,
                "uploads",
                &[("x-amz-tagging", b"a=b")]
            ),
            unknown
        );
        assert_eq!(
            carried(Operation::CopyObject, "", &[("x-amz-tagging", b"a=b")]),
            unknown
        );
    }

    #[test]
    fn the_aws_sdk_for_cpp_names_the_version_of_the_api() {
        let get = |version| carried(Operation::GetObject, "", &[("x-amz-api-version", version)]);
        assert_eq!(get(b"2006-03-01"), None);
        assert_eq!(get(b"2030-01-01"), Some(Code::NotImplemented));
    }

    #[test]
    fn a_version_other_than_null_does_not_exist() {
        for operation in [
            Operation::GetObject,
            Operation::HeadObject,
            Operation::DeleteObject,
        ] {
            assert_eq!(
                carried(operation, "versionId=abc", &[]),
                Some(Code::NoSuchVersion)
            );
            assert_eq!(carried(operation, "versionId=null", &[]), None);
        }
    }

    #[test]
    fn an_acl_that_would_open_an_object_is_refused() {
        let put = |name, value| carried(Operation::PutObject, "", &[(name, value)]);
        assert_eq!(put("x-amz-acl", b"private"), None);
        assert_eq!(
            put("x-amz-acl", b"public-read"),
            Some(Code::AccessControlListNotSupported)
        );
        assert_eq!(
            put("x-amz-grant-read", b"x"),
            Some(Code::AccessControlListNotSupported)
        );
        assert_eq!(
            put("x-amz-storage-class", b"GLACIER"),
            Some(Code::InvalidStorageClass)
        );
    }

    #[test]
    fn headers_in_the_query_of_a_presigned_url_count_as_headers() {
        let query = Query::parse("X-Amz-Signature=0&x-amz-acl=public-read&X-Amz-Meta-a=b").unwrap();
        let merged = with_hoisted(&query, &HeaderMap::new()).unwrap();
        assert_eq!(merged.get("x-amz-acl").unwrap(), "public-read");
        assert_eq!(merged.get("x-amz-meta-a").unwrap(), "b");
        assert_eq!(merged.len(), 2);
        assert!(with_hoisted(&query, &headers(&[("x-amz-acl", b"private")])).is_err());
    }
}
