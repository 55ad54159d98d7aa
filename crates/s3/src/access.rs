//! What each operation needs. The table is the policy: an operation that it does not name is
//! denied, whoever asks.

use std::sync::Arc;

use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_broker::Principal;

use crate::identity::REQUEST;

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A valid key; the answer is cut to what its owner may see.
    Key,
    /// Some right in the bucket.
    See,
    /// The right to read below the listing's prefix.
    List,
    /// The right to read the object.
    Read,
    /// The right to write the object.
    Write,
    /// The right to write the object and to read the one that is copied.
    Copy,
    /// The right to write somewhere in the bucket; the operation checks each key itself.
    WriteSome,
}

/// Every operation that is served.
pub(crate) const TABLE: [(&str, Need); 21] = [
    ("ListBuckets", Need::Key),
    ("HeadBucket", Need::See),
    ("GetBucketLocation", Need::See),
    ("ListObjects", Need::List),
    ("ListObjectsV2", Need::List),
    ("GetObject", Need::Read),
    ("HeadObject", Need::Read),
    ("GetObjectAttributes", Need::Read),
    ("PutObject", Need::Write),
    ("DeleteObject", Need::Write),
    ("DeleteObjects", Need::WriteSome),
    ("CopyObject", Need::Copy),
    ("CreateMultipartUpload", Need::Write),
    ("UploadPart", Need::Write),
    ("UploadPartCopy", Need::Copy),
    ("CompleteMultipartUpload", Need::Write),
    ("AbortMultipartUpload", Need::Write),
    ("ListParts", Need::Write),
    ("ListMultipartUploads", Need::WriteSome),
    ("GetBucketVersioning", Need::See),
    ("GetObjectTagging", Need::Read),
];

/// Checks every operation against the table.
pub(crate) struct Table;

/// Goes with a request whose signature has been verified, where `s3s` no longer sees the signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verified;

#[async_trait::async_trait]
impl S3Access for Table {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = cx.s3_op().name().to_owned();
        let principal = REQUEST
            .try_with(|request| request.principal().cloned())
            .ok()
            .flatten();
        // Both or neither: a principal without a verified signature must never count.
        let verified =
            cx.credentials().is_some() || cx.extensions_mut().get::<Verified>().is_some();
        let Some(principal) = principal.filter(|_| verified) else {
            tracing::info!(operation, "request refused: it is not signed");
            return Err(deny(
                "the request is not signed; sign it with leased credentials",
            ));
        };
        let verdict = judge(
            &principal,
            &operation,
            cx.s3_path(),
            cx.uri().query(),
            cx.headers(),
        );
        if let Err(why) = verdict {
            if principal.trying {
                return Err(deny(why));
            }
            tracing::info!(operation, path = ?cx.s3_path(), lease = %principal.lease, username = principal.username,
                survey = %principal.survey, access = %principal.access, why, "request refused");
            return Err(deny(why));
        }
        if let Err(error) = refuse_acl(cx.headers(), cx.uri().query()) {
            tracing::info!(operation, path = ?cx.s3_path(), lease = %principal.lease, username = principal.username, "request refused: it sets an ACL");
            return Err(error);
        }
        tracing::debug!(operation, path = ?cx.s3_path(), lease = %principal.lease, username = principal.username, "request allowed");
        cx.extensions_mut().insert::<Arc<Principal>>(principal);
        Ok(())
    }
}

pub(crate) fn deny(why: &'static str) -> S3Error {
    S3Error::with_message(S3ErrorCode::AccessDenied, why)
}

fn judge(
    principal: &Principal,
    operation: &str,
    path: &S3Path,
    query: Option<&str>,
    headers: &hyper::HeaderMap,
) -> Result<(), &'static str> {
    let need = TABLE
        .iter()
        .find(|(name, _)| *name == operation)
        .map(|(_, need)| *need);
    let rights = &principal.rights;
    let bucket = path
        .as_bucket()
        .or_else(|| path.as_object().map(|(bucket, _)| bucket));
    let object = path.as_object();
    let allowed = match (need, bucket, object) {
        (None, _, _) => return Err("this endpoint does not serve the operation to anybody"),
        (Some(Need::Key), _, _) => true,
        (Some(Need::See), Some(bucket), None) => rights.see(bucket),
        (Some(Need::List), Some(bucket), None) => rights.list(bucket, &prefix(query)),
        (Some(Need::Read), _, Some((bucket, key))) => rights.read(bucket, key),
        (Some(Need::Write), _, Some((bucket, key))) => rights.write(bucket, key),
        (Some(Need::Copy), _, Some((bucket, key))) => {
            rights.write(bucket, key)
                && copy_source(headers).is_some_and(|(bucket, key)| rights.read(&bucket, &key))
        }
        (Some(Need::WriteSome), Some(bucket), None) => rights
            .0
            .iter()
            .any(|grant| rights.write(bucket, &grant.place.prefix)),
        _ => false,
    };
    if allowed {
        Ok(())
    } else {
        Err("these credentials do not give that right here")
    }
}

/// Who reads is decided by groups, never by an object: as on AWS where ACLs are disabled, only an ACL
/// that says what holds anyway is taken (AWS, "Controlling ownership of objects and disabling ACLs").
/// SDKs put the headers of a presigned URL into its query.
fn refuse_acl(headers: &hyper::HeaderMap, query: Option<&str>) -> S3Result<()> {
    let in_headers = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()));
    let in_query = url_pairs(query.unwrap_or_default())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into_bytes()));
    for (name, value) in in_headers.chain(in_query) {
        let harmless = match name.as_str() {
            "x-amz-acl" => matches!(&value[..], b"private" | b"bucket-owner-full-control"),
            name => !name.starts_with("x-amz-grant-"),
        };
        if !harmless {
            return Err(S3Error::with_message(
                S3ErrorCode::AccessControlListNotSupported,
                format!(
                    "objects here have no ACLs, the survey's groups say who reads; leave {name} out"
                ),
            ));
        }
    }
    Ok(())
}

/// The `prefix` of a listing; the gate has seen to it that there is only one.
fn prefix(query: Option<&str>) -> String {
    url_pairs(query.unwrap_or_default())
        .find(|(name, _)| name == "prefix")
        .map(|(_, value)| value)
        .unwrap_or_default()
}

/// The decoded pairs of a query.
pub(crate) fn url_pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

pub(crate) fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// `x-amz-copy-source: bucket/key`, percent-encoded, with or without a leading slash.
pub(crate) fn copy_source(headers: &hyper::HeaderMap) -> Option<(String, String)> {
    let mut values = headers.get_all("x-amz-copy-source").iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let source = s3s::dto::CopySource::parse(value).ok()?;
    match source {
        s3s::dto::CopySource::Bucket { bucket, key, .. } => Some((bucket.into(), key.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skykey_broker::Kind;
    use skykey_types::{Access, AccessKeyId, LeaseId, Rights, Secret, SubjectId};

    use super::*;

    fn principal(access: Access) -> Arc<Principal> {
        Arc::new(Principal {
            lease: LeaseId::of(&AccessKeyId::new("A")),
            subject: SubjectId {
                issuer: "i".to_owned(),
                sub: "s".to_owned(),
            },
            username: "u".to_owned(),
            survey: "demo".parse().unwrap(),
            access,
            rights: Rights::to(&["demo/images/".parse().unwrap()], access),
            secret_access_key: Secret::new("s"),
            expires: None,
            kind: Kind::Session,
            trying: false,
        })
    }

    fn verdict(access: Access, operation: &str, path: &S3Path, query: &str) -> bool {
        judge(
            &principal(access),
            operation,
            path,
            Some(query),
            &hyper::HeaderMap::new(),
        )
        .is_ok()
    }

    #[test]
    fn a_listing_outside_the_prefix_is_denied() {
        let bucket = S3Path::Bucket {
            bucket: "demo".into(),
        };
        assert!(verdict(
            Access::Read,
            "ListObjectsV2",
            &bucket,
            "list-type=2&prefix=images%2Fa"
        ));
        assert!(!verdict(
            Access::Read,
            "ListObjectsV2",
            &bucket,
            "list-type=2"
        ));
        assert!(!verdict(
            Access::Read,
            "ListObjectsV2",
            &bucket,
            "prefix=stamps%2F"
        ));
        let other = S3Path::Bucket {
            bucket: "other".into(),
        };
        assert!(!verdict(Access::Write, "HeadBucket", &other, ""));
    }

    #[test]
    fn an_operation_that_the_table_does_not_name_is_denied_even_to_a_curator() {
        let bucket = S3Path::Bucket {
            bucket: "demo".into(),
        };
        for operation in [
            "PutBucketPolicy",
            "CreateBucket",
            "DeleteBucket",
            "Invented",
        ] {
            assert!(
                !verdict(Access::Write, operation, &bucket, ""),
                "{operation}"
            );
        }
    }

    #[test]
    fn an_acl_that_would_open_an_object_is_refused_in_a_header_and_in_the_query() {
        let refused = |name: &str, value: &str| {
            let headers = [(
                name.parse::<http::HeaderName>().unwrap(),
                value.parse().unwrap(),
            )];
            let headers: hyper::HeaderMap = headers.into_iter().collect();
            let by_header = refuse_acl(&headers, None).err();
            let query = format!("X-Amz-Expires=60&{name}={value}");
            let by_query = refuse_acl(&hyper::HeaderMap::new(), Some(&query)).err();
            let code = |error: S3Error| (error.code().as_str().to_owned(), error.status_code());
            let (by_header, by_query) = (by_header.map(code), by_query.map(code));
            assert_eq!(by_header, by_query);
            by_header
        };
        let refusal = (
            "AccessControlListNotSupported".to_owned(),
            Some(http::StatusCode::BAD_REQUEST),
        );
        for acl in ["public-read", "public-read-write", "authenticated-read", ""] {
            assert_eq!(refused("x-amz-acl", acl).as_ref(), Some(&refusal), "{acl}");
        }
        for grant in ["read", "write", "full-control", "read-acp"] {
            let name = format!("x-amz-grant-{grant}");
            assert_eq!(refused(&name, "id=1").as_ref(), Some(&refusal), "{name}");
        }
        for acl in ["private", "bucket-owner-full-control"] {
            assert_eq!(refused("x-amz-acl", acl), None, "{acl}");
        }
        assert_eq!(refused("x-amz-meta-acl", "public-read"), None);
    }

    #[test]
    fn the_shape_of_the_path_must_fit_the_operation() {
        assert!(!verdict(Access::Write, "GetObject", &S3Path::Root, ""));
        assert!(!verdict(
            Access::Write,
            "GetObject",
            &S3Path::Bucket {
                bucket: "demo".into()
            },
            ""
        ));
    }
}
