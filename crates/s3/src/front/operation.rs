//! Which operation a request asks for, and what that operation may carry and needs: one table.
//!
//! A row names the method, what the address must be (the endpoint, a bucket or an object), the
//! query names or headers that select the operation, what else it may carry, and the right that it
//! needs. An operation that S3 has and this endpoint does not serve has a row too, whose need is
//! [`Need::Nobody`]. So a request that matches no row, or that carries a name which its row does
//! not list, is never taken for another operation: it is refused, and nothing is changed.
//!
//! The operations are those of the
//! [API reference](https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html).

use http::{HeaderMap, Method};
use skykey_sigv4::Query;

use super::address::Address;
use crate::fault::{Code, Fault, Result};

/// What the address of an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The endpoint.
    Service,
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// The right that an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Valid credentials; the answer is cut to what their owner may see.
    Key,
    /// Some right in the bucket.
    See,
    /// The right to read below the listing's prefix.
    List,
    /// The right to read the object.
    Read,
    /// The right to write the object.
    Write,
    /// The right to write the object, and to read the source of the copy.
    Copy,
    /// The right to write somewhere in the bucket; the operation checks each key.
    WriteSome,
    /// Nobody has the right: the operation is not served.
    Nobody,
}

/// An operation's row.
#[derive(Debug)]
pub struct Row {
    /// The operation.
    pub operation: Operation,
    /// The method.
    pub method: Method,
    /// What the address is.
    pub on: On,
    /// What selects it: query names, `name=value`, or a header (`x-amz-…`).
    pub selectors: &'static [&'static str],
    /// The query names that it may carry beside those of [`EVERYWHERE`].
    pub parameters: &'static [&'static [&'static str]],
    /// The headers that it may carry: every `x-amz-` header and every condition must be named.
    /// A name that ends in `*` stands for all names that begin so.
    pub headers: &'static [&'static [&'static str]],
    /// The right that it needs.
    pub need: Need,
}

/// Query names that any operation may carry: SDKs name the operation there, for their logs.
pub(crate) const EVERYWHERE: &[&str] = &["x-id"];

const VERSION: &[&str] = &["versionId"];
const RESPONSE: &[&str] = &[
    "response-content-type",
    "response-content-encoding",
    "response-content-disposition",
    "response-content-language",
    "response-cache-control",
    "response-expires",
];
const LISTING: &[&str] = &["prefix", "delimiter", "max-keys", "encoding-type"];

/// Conditions of a read (RFC 9110 §13.1).
const CONDITIONS: &[&str] = &[
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "x-amz-checksum-mode",
];
/// Conditions of a write.
const WRITE_CONDITIONS: &[&str] = &["if-match", "if-none-match"];
const DELETE_CONDITIONS: &[&str] = &["if-match"];
/// What an object keeps, and the ways of asking for nothing special.
const OBJECT: &[&str] = &[
    "x-amz-meta-*",
    "x-amz-acl",
    "x-amz-grant-*",
    "x-amz-storage-class",
    "x-amz-tagging",
];
/// Checksums of the body, in headers or after it.
const CHECKSUMS: &[&str] = &[
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-sdk-checksum-algorithm",
];
const TRAILERS: &[&str] = &["x-amz-trailer", "x-amz-decoded-content-length"];
const UPLOAD_CHECKSUMS: &[&str] = &["x-amz-checksum-algorithm", "x-amz-checksum-type"];
const COMPLETE: &[&str] = &["x-amz-checksum-type", "x-amz-mp-object-size"];
const COPY: &[&str] = &[
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-unmodified-since",
    // RGW's name for the first condition (16.2 knows no other).
    "x-amz-copy-if-match",
];
const COPY_OBJECT: &[&str] = &[
    "x-amz-metadata-directive",
    "x-amz-tagging-directive",
    "x-amz-checksum-algorithm",
];
const COPY_PART: &[&str] = &["x-amz-copy-source-range"];
const ATTRIBUTES: &[&str] = &[
    "x-amz-object-attributes",
    "x-amz-max-parts",
    "x-amz-part-number-marker",
];
/// Asks for a field that objects here never have.
const OPTIONAL: &[&str] = &["x-amz-optional-object-attributes"];

macro_rules! operations {
    ($($operation:ident $method:ident $on:ident [$($selector:literal)*] [$($parameters:tt)*] [$($headers:ident)*] $need:ident;)*) => {
        /// An operation of S3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are those of the API reference")]
        pub enum Operation {
            $($operation,)*
        }

        impl Operation {
            /// Its name in the API reference.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$operation => stringify!($operation),)*
                }
            }
        }

        /// Every operation.
        pub static TABLE: &[Row] = &[
            $(Row {
                operation: Operation::$operation,
                method: Method::$method,
                on: On::$on,
                selectors: &[$($selector),*],
                parameters: operations!(@parameters $($parameters)*),
                headers: &[$($headers),*],
                need: Need::$need,
            },)*
        ];
    };
    (@parameters) => { &[] };
    (@parameters $($set:ident)+ ; $($name:literal)*) => { &[$($set,)+ &[$($name),*]] };
    (@parameters $($set:ident)+) => { &[$($set),+] };
    (@parameters $($name:literal)+) => { &[&[$($name),+]] };
}

operations! {
    // Served, to read.
    ListBuckets            GET    Service []              ["prefix" "max-buckets" "continuation-token" "bucket-region"] [] Key;
    HeadBucket             HEAD   Bucket  []              []                  []                     See;
    GetBucketLocation      GET    Bucket  ["location"]    []                  []                     See;
    GetBucketVersioning    GET    Bucket  ["versioning"]  []                  []                     See;
    ListObjects            GET    Bucket  []              [LISTING; "marker"] [OPTIONAL]             List;
    ListObjectsV2          GET    Bucket  ["list-type=2"] [LISTING; "continuation-token" "start-after" "fetch-owner"] [OPTIONAL] List;
    GetObject              GET    Object  []              [VERSION RESPONSE]  [CONDITIONS]           Read;
    HeadObject             HEAD   Object  []              [VERSION RESPONSE]  [CONDITIONS]           Read;
    GetObjectAttributes    GET    Object  ["attributes"]  [VERSION]           [ATTRIBUTES]           Read;
    GetObjectTagging       GET    Object  ["tagging"]     [VERSION]           []                     Read;
    // Served, to write.
    PutObject              PUT    Object  []              []                  [WRITE_CONDITIONS OBJECT CHECKSUMS TRAILERS] Write;
    DeleteObject           DELETE Object  []              [VERSION]           [DELETE_CONDITIONS]    Write;
    DeleteObjects          POST   Bucket  ["delete"]      []                  [CHECKSUMS]            WriteSome;
    CopyObject             PUT    Object  ["x-amz-copy-source"] []            [WRITE_CONDITIONS OBJECT COPY COPY_OBJECT] Copy;
    CreateMultipartUpload  POST   Object  ["uploads"]     []                  [OBJECT UPLOAD_CHECKSUMS] Write;
    UploadPart             PUT    Object  ["partNumber" "uploadId"] []        [CHECKSUMS TRAILERS]   Write;
    UploadPartCopy         PUT    Object  ["partNumber" "uploadId" "x-amz-copy-source"] [] [COPY COPY_PART] Copy;
    CompleteMultipartUpload POST  Object  ["uploadId"]    []                  [WRITE_CONDITIONS CHECKSUMS COMPLETE] Write;
    AbortMultipartUpload   DELETE Object  ["uploadId"]    []                  []                     Write;
    ListParts              GET    Object  ["uploadId"]    ["max-parts" "part-number-marker" "encoding-type"] [] Write;
    ListMultipartUploads   GET    Bucket  ["uploads"]     ["prefix" "delimiter" "max-uploads" "encoding-type" "key-marker" "upload-id-marker"] [] WriteSome;
    // Not served.
    CreateBucket           PUT    Bucket  []              [] [] Nobody;
    DeleteBucket           DELETE Bucket  []              [] [] Nobody;
    CreateSession          GET    Bucket  ["session"]     [] [] Nobody;
    ListDirectoryBuckets   GET    Service ["directory-bucket"] [] [] Nobody;
    GetBucketAcl           GET    Bucket  ["acl"]         [] [] Nobody;
    PutBucketAcl           PUT    Bucket  ["acl"]         [] [] Nobody;
    GetObjectAcl           GET    Object  ["acl"]         [] [] Nobody;
    PutObjectAcl           PUT    Object  ["acl"]         [] [] Nobody;
    GetBucketPolicy        GET    Bucket  ["policy"]      [] [] Nobody;
    PutBucketPolicy        PUT    Bucket  ["policy"]      [] [] Nobody;
    DeleteBucketPolicy     DELETE Bucket  ["policy"]      [] [] Nobody;
    GetBucketPolicyStatus  GET    Bucket  ["policyStatus"] [] [] Nobody;
    PutObjectTagging       PUT    Object  ["tagging"]     [] [] Nobody;
    DeleteObjectTagging    DELETE Object  ["tagging"]     [] [] Nobody;
    GetBucketTagging       GET    Bucket  ["tagging"]     [] [] Nobody;
    PutBucketTagging       PUT    Bucket  ["tagging"]     [] [] Nobody;
    DeleteBucketTagging    DELETE Bucket  ["tagging"]     [] [] Nobody;
    PutBucketVersioning    PUT    Bucket  ["versioning"]  [] [] Nobody;
    ListObjectVersions     GET    Bucket  ["versions"]    [] [] Nobody;
    GetBucketCors          GET    Bucket  ["cors"]        [] [] Nobody;
    PutBucketCors          PUT    Bucket  ["cors"]        [] [] Nobody;
    DeleteBucketCors       DELETE Bucket  ["cors"]        [] [] Nobody;
    GetBucketLifecycleConfiguration GET Bucket ["lifecycle"] [] [] Nobody;
    PutBucketLifecycleConfiguration PUT Bucket ["lifecycle"] [] [] Nobody;
    DeleteBucketLifecycle  DELETE Bucket  ["lifecycle"]   [] [] Nobody;
    GetBucketEncryption    GET    Bucket  ["encryption"]  [] [] Nobody;
    PutBucketEncryption    PUT    Bucket  ["encryption"]  [] [] Nobody;
    DeleteBucketEncryption DELETE Bucket  ["encryption"]  [] [] Nobody;
    GetBucketWebsite       GET    Bucket  ["website"]     [] [] Nobody;
    PutBucketWebsite       PUT    Bucket  ["website"]     [] [] Nobody;
    DeleteBucketWebsite    DELETE Bucket  ["website"]     [] [] Nobody;
    GetBucketLogging       GET    Bucket  ["logging"]     [] [] Nobody;
    PutBucketLogging       PUT    Bucket  ["logging"]     [] [] Nobody;
    GetBucketNotificationConfiguration GET Bucket ["notification"] [] [] Nobody;
    PutBucketNotificationConfiguration PUT Bucket ["notification"] [] [] Nobody;
    GetBucketReplication   GET    Bucket  ["replication"] [] [] Nobody;
    PutBucketReplication   PUT    Bucket  ["replication"] [] [] Nobody;
    DeleteBucketReplication DELETE Bucket ["replication"] [] [] Nobody;
    GetBucketRequestPayment GET   Bucket  ["requestPayment"] [] [] Nobody;
    PutBucketRequestPayment PUT   Bucket  ["requestPayment"] [] [] Nobody;
    GetPublicAccessBlock   GET    Bucket  ["publicAccessBlock"] [] [] Nobody;
    PutPublicAccessBlock   PUT    Bucket  ["publicAccessBlock"] [] [] Nobody;
    DeletePublicAccessBlock DELETE Bucket ["publicAccessBlock"] [] [] Nobody;
    GetBucketOwnershipControls GET Bucket ["ownershipControls"] [] [] Nobody;
    PutBucketOwnershipControls PUT Bucket ["ownershipControls"] [] [] Nobody;
    DeleteBucketOwnershipControls DELETE Bucket ["ownershipControls"] [] [] Nobody;
    GetBucketAccelerateConfiguration GET Bucket ["accelerate"] [] [] Nobody;
    PutBucketAccelerateConfiguration PUT Bucket ["accelerate"] [] [] Nobody;
    ListBucketAnalyticsConfigurations GET Bucket ["analytics"] [] [] Nobody;
    PutBucketAnalyticsConfiguration PUT Bucket ["analytics"] [] [] Nobody;
    DeleteBucketAnalyticsConfiguration DELETE Bucket ["analytics"] [] [] Nobody;
    ListBucketInventoryConfigurations GET Bucket ["inventory"] [] [] Nobody;
    PutBucketInventoryConfiguration PUT Bucket ["inventory"] [] [] Nobody;
    DeleteBucketInventoryConfiguration DELETE Bucket ["inventory"] [] [] Nobody;
    ListBucketMetricsConfigurations GET Bucket ["metrics"] [] [] Nobody;
    PutBucketMetricsConfiguration PUT Bucket ["metrics"] [] [] Nobody;
    DeleteBucketMetricsConfiguration DELETE Bucket ["metrics"] [] [] Nobody;
    ListBucketIntelligentTieringConfigurations GET Bucket ["intelligent-tiering"] [] [] Nobody;
    PutBucketIntelligentTieringConfiguration PUT Bucket ["intelligent-tiering"] [] [] Nobody;
    DeleteBucketIntelligentTieringConfiguration DELETE Bucket ["intelligent-tiering"] [] [] Nobody;
    GetObjectLockConfiguration GET Bucket ["object-lock"] [] [] Nobody;
    PutObjectLockConfiguration PUT Bucket ["object-lock"] [] [] Nobody;
    GetObjectLegalHold     GET    Object  ["legal-hold"]  [] [] Nobody;
    PutObjectLegalHold     PUT    Object  ["legal-hold"]  [] [] Nobody;
    GetObjectRetention     GET    Object  ["retention"]   [] [] Nobody;
    PutObjectRetention     PUT    Object  ["retention"]   [] [] Nobody;
    GetObjectTorrent       GET    Object  ["torrent"]     [] [] Nobody;
    RestoreObject          POST   Object  ["restore"]     [] [] Nobody;
    SelectObjectContent    POST   Object  ["select"]      [] [] Nobody;
    WriteGetObjectResponse POST   Service ["writeGetObjectResponse"] [] [] Nobody;
}

impl Operation {
    /// The operation that a request asks for: among the rows of its method and address whose
    /// selectors are all there, the one with the most. `405` if there is none.
    pub fn of(
        method: &Method,
        address: &Address,
        query: &Query<'_>,
        headers: &HeaderMap,
    ) -> Result<&'static Row> {
        let on = match address {
            Address::Service => On::Service,
            Address::Bucket(_) => On::Bucket,
            Address::Object(..) => On::Object,
        };
        let is_there = |selector: &&str| match selector.split_once('=') {
            Some((name, value)) => query.get(name) == Some(value),
            None if selector.starts_with("x-amz-") => headers.contains_key(*selector),
            None => query.get(selector).is_some(),
        };
        TABLE
            .iter()
            .filter(|row| {
                row.on == on && row.method == *method && row.selectors.iter().all(is_there)
            })
            .max_by_key(|row| row.selectors.len())
            .ok_or_else(|| {
                Fault::new(
                    Code::MethodNotAllowed,
                    "the method does not go with this address; check both",
                )
            })
    }
}

impl Row {
    /// Whether the operation may carry this query name.
    pub(crate) fn carries_parameter(&self, name: &str) -> bool {
        let selects =
            |selector: &&str| selector.split_once('=').map_or(*selector, |(name, _)| name) == name;
        EVERYWHERE.contains(&name)
            || self.selectors.iter().any(selects)
            || self.parameters.iter().any(|set| set.contains(&name))
    }

    /// Whether the operation may carry this header.
    pub(crate) fn carries_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .copied()
            .flatten()
            .any(|listed| match listed.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => *listed == name,
            })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "methods are constants here")]
    fn of(method: Method, path: &str, headers: &[&'static str]) -> Result<Operation, Code> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let address = Address::parse("localhost", path, &[]).unwrap();
        let headers = headers
            .iter()
            .map(|name| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static("x"),
                )
            })
            .collect();
        Operation::of(&method, &address, &Query::parse(query).unwrap(), &headers)
            .map(|row| row.operation)
            .map_err(|fault| fault.code)
    }

    #[test]
    fn requests_are_told_apart() {
        for (method, path, operation) in [
            (Method::GET, "/", Operation::ListBuckets),
            (Method::GET, "/abc?prefix=a", Operation::ListObjects),
            (Method::GET, "/abc?list-type=2", Operation::ListObjectsV2),
            (Method::GET, "/abc/k", Operation::GetObject),
            (Method::GET, "/abc/k?uploadId=1", Operation::ListParts),
            (
                Method::PUT,
                "/abc/k?partNumber=1&uploadId=2",
                Operation::UploadPart,
            ),
            (
                Method::POST,
                "/abc/k?uploads",
                Operation::CreateMultipartUpload,
            ),
            (
                Method::POST,
                "/abc/k?uploadId=1",
                Operation::CompleteMultipartUpload,
            ),
            (Method::POST, "/abc?delete=", Operation::DeleteObjects),
            (Method::PUT, "/abc?policy", Operation::PutBucketPolicy),
            (Method::DELETE, "/abc?policy", Operation::DeleteBucketPolicy),
        ] {
            assert_eq!(of(method, path, &[]), Ok(operation), "{path}");
        }
        let copy = ["x-amz-copy-source"];
        assert_eq!(of(Method::PUT, "/abc/k", &copy), Ok(Operation::CopyObject));
        let part = "/abc/k?partNumber=1&uploadId=2";
        assert_eq!(of(Method::PUT, part, &copy), Ok(Operation::UploadPartCopy));
        for (method, path) in [
            (Method::POST, "/abc"),
            (Method::PATCH, "/abc/k"),
            (Method::PUT, "/"),
        ] {
            assert_eq!(of(method, path, &[]), Err(Code::MethodNotAllowed), "{path}");
        }
    }

    #[test]
    fn no_two_rows_are_selected_by_the_same_request() {
        let mut seen = HashSet::new();
        for row in TABLE {
            let mut selectors: Vec<_> = row.selectors.to_vec();
            selectors.sort_unstable();
            assert!(
                seen.insert(format!("{} {:?} {selectors:?}", row.method, row.on)),
                "{:?}",
                row.operation
            );
        }
        let names: HashSet<_> = TABLE.iter().map(|row| row.operation).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn an_operation_carries_what_its_row_names_and_no_more() {
        let row = |operation| TABLE.iter().find(|row| row.operation == operation).unwrap();
        assert!(row(Operation::GetObject).carries_parameter("response-content-type"));
        assert!(row(Operation::ListObjectsV2).carries_parameter("list-type"));
        assert!(!row(Operation::ListObjects).carries_parameter("list-type"));
        assert!(!row(Operation::PutObject).carries_parameter("annotation"));
        assert!(!row(Operation::PutObject).carries_parameter("versionId"));
        assert!(row(Operation::PutObject).carries_header("x-amz-meta-a"));
        assert!(!row(Operation::PutObject).carries_header("x-amz-write-offset-bytes"));
        assert!(!row(Operation::UploadPart).carries_header("if-match"));
    }
}
