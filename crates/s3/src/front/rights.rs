//! May they? What an operation needs, held against what the credentials give.

use std::sync::Arc;

use http::HeaderMap;
use skykey_broker::Principal;
use skykey_sigv4::Query;

use super::address::{Address, decode};
use super::operation::{Need, Row};
use crate::fault::{Code, Fault, Result};

/// Who signed a request, once the signature has been verified.
pub(crate) type Signer = Arc<Principal>;

/// Denies the operation unless `principal` has the right that its row asks for.
///
/// What is not granted is denied, and so is an operation that nobody may ask for.
pub(crate) fn judge(
    principal: &Principal,
    row: &Row,
    address: &Address,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> Result<()> {
    let rights = &principal.rights;
    let allowed = match (row.need, address) {
        (Need::Nobody, _) => {
            return Err(Fault::denied(
                "this endpoint does not serve the operation to anybody",
            ));
        }
        (Need::Key, _) => true,
        (Need::See, Address::Bucket(bucket)) => rights.see(bucket),
        (Need::List, Address::Bucket(bucket)) => {
            rights.list(bucket, query.get("prefix").unwrap_or_default())
        }
        (Need::Read, Address::Object(bucket, key)) => rights.read(bucket, key),
        (Need::Write, Address::Object(bucket, key)) => rights.write(bucket, key),
        (Need::Copy, Address::Object(bucket, key)) => {
            rights.write(bucket, key) && {
                let source = CopySource::of(headers)?;
                rights.read(&source.bucket, &source.key)
            }
        }
        (Need::WriteSome, Address::Bucket(bucket)) => rights
            .0
            .iter()
            .any(|grant| rights.write(bucket, &grant.place.prefix)),
        _ => false,
    };
    if allowed { Ok(()) } else { Err(no_right()) }
}

/// The denial of somebody whose credentials are good and do not reach here.
pub(crate) fn no_right() -> Fault {
    Fault::denied("these credentials do not give that right here")
}

/// The object that a copy is made from: `x-amz-copy-source: bucket/key`, percent-encoded, with or
/// without a leading slash
/// ([CopyObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopySource {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl CopySource {
    /// Reads the header. A version other than `null` does not exist here.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self> {
        let text = headers
            .get("x-amz-copy-source")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if text.starts_with("arn:") {
            return Err(Fault::not_implemented(
                "the source of a copy is written bucket/key here, not as an ARN",
            ));
        }
        let (path, version) = match text.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        if version.is_some_and(|version| version != "null") {
            return Err(no_such_version());
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        let parts = match path.split_once('/') {
            Some((bucket, key)) => (decode(bucket)?, decode(key)?),
            // Some SDKs encode the slash as well.
            None => match decode(path)?.split_once('/') {
                Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
                None => (String::new(), String::new()),
            },
        };
        let (bucket, key) = parts;
        if bucket.is_empty() || key.is_empty() {
            return Err(Fault::argument(
                "x-amz-copy-source cannot be read; write it bucket/key, percent-encoded",
            ));
        }
        Ok(Self { bucket, key })
    }
}

pub(crate) fn no_such_version() -> Fault {
    Fault::new(
        Code::NoSuchVersion,
        "objects have one version here, null; leave versionId out",
    )
}

#[cfg(test)]
mod tests {
    use http::Method;
    use skykey_broker::Kind;
    use skykey_types::{Access, AccessKeyId, LeaseId, Rights, Secret, SubjectId};

    use super::*;
    use crate::front::operation::Operation;

    fn principal(access: Access) -> Principal {
        Principal {
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
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "methods are constants here")]
    fn verdict(access: Access, method: Method, path: &str, source: Option<&str>) -> bool {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let address = Address::parse("localhost", path, &[]).unwrap();
        let query = Query::parse(query).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(source) = source {
            headers.insert("x-amz-copy-source", source.parse().unwrap());
        }
        let row = Operation::of(&method, &address, &query, &headers).unwrap();
        judge(&principal(access), row, &address, &query, &headers).is_ok()
    }

    #[test]
    fn a_listing_outside_the_prefix_is_denied() {
        let listed = |path: &str| verdict(Access::Read, Method::GET, path, None);
        assert!(listed("/demo?list-type=2&prefix=images%2Fa"));
        assert!(!listed("/demo?list-type=2"));
        assert!(!listed("/demo?prefix=stamps%2F"));
        assert!(!listed("/other?prefix=images%2F"));
    }

    #[test]
    fn a_reader_reads_and_a_curator_writes_within_the_prefix() {
        for (method, path) in [
            (Method::PUT, "/demo/images/a"),
            (Method::DELETE, "/demo/images/a"),
            (Method::POST, "/demo?delete"),
            (Method::POST, "/demo/images/a?uploads"),
            (Method::GET, "/demo?uploads"),
        ] {
            assert!(!verdict(Access::Read, method.clone(), path, None), "{path}");
            assert!(verdict(Access::Write, method, path, None), "{path}");
        }
        assert!(!verdict(Access::Write, Method::PUT, "/demo/stamps/a", None));
        assert!(verdict(Access::Read, Method::GET, "/demo/images/a", None));
        assert!(!verdict(Access::Read, Method::GET, "/demo/stamps/a", None));
    }

    #[test]
    fn a_copy_needs_its_source_too() {
        let copied = |source| verdict(Access::Write, Method::PUT, "/demo/images/b", Some(source));
        assert!(copied("demo/images/a"));
        assert!(copied("/demo/images%2Fa"));
        assert!(copied("demo%2Fimages%2Fa"));
        for bad in [
            "demo/stamps/a",
            "other/images/a",
            "demo",
            "",
            "arn:aws:s3:::demo/images/a",
        ] {
            assert!(!copied(bad), "{bad}");
        }
        assert!(!copied("demo/images/a?versionId=2") && copied("demo/images/a?versionId=null"));
    }

    #[test]
    fn what_nobody_may_is_denied_to_a_curator() {
        assert!(!verdict(Access::Write, Method::PUT, "/demo?policy", None));
        assert!(!verdict(Access::Write, Method::PUT, "/demo", None));
    }
}
