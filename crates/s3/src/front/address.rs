//! Which bucket and key a request is about: by its path, or by its host name and its path
//! ([virtual hosting](https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html)).

use percent_encoding::percent_decode_str;
use skykey_store::MAX_KEY_BYTES;
use skykey_types::BucketName;

use crate::fault::{Code, Fault, Result};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The endpoint itself.
    Service,
    /// A bucket.
    Bucket(String),
    /// An object: bucket and key. Keys are exact; nothing in them is normalised.
    Object(String, String),
}

impl Address {
    /// Reads it from the `Host` header and the raw path. `domains` are the host names of this
    /// endpoint: below them, `bucket.NAME` means the bucket. Any other host is path style, so
    /// that a request by IP address or through a proxy's name works.
    pub(crate) fn parse(host: &str, path: &str, domains: &[String]) -> Result<Self> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = match bucket_of_host(host, domains) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        if bucket.is_empty() && key.is_empty() {
            return Ok(Self::Service);
        }
        let (bucket, key) = (decode(bucket)?, decode(key)?);
        if bucket.parse::<BucketName>().is_err() {
            return Err(Fault::new(
                Code::InvalidBucketName,
                "that cannot be the name of a bucket; use 3 to 63 lower-case letters, digits, dots and hyphens",
            ));
        }
        if key.is_empty() {
            return Ok(Self::Bucket(bucket));
        }
        if key.len() > MAX_KEY_BYTES {
            return Err(Fault::new(
                Code::KeyTooLongError,
                "the key is longer than 1024 bytes in UTF-8; choose a shorter one",
            ));
        }
        Ok(Self::Object(bucket, key))
    }

    /// The bucket, if there is one.
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::Service => None,
            Self::Bucket(bucket) | Self::Object(bucket, _) => Some(bucket),
        }
    }
}

/// The bucket that stands before one of our own host names.
fn bucket_of_host<'h>(host: &'h str, domains: &[String]) -> Option<&'h str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    domains.iter().find_map(|domain| {
        let bucket = name.strip_suffix(domain.as_str())?.strip_suffix('.')?;
        (!bucket.is_empty()).then_some(bucket)
    })
}

/// Percent-decodes a part of the path, in which `+` is a plus.
pub(crate) fn decode(text: &str) -> Result<String> {
    let is_escape = |at: usize| {
        text.as_bytes()
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let whole = text.match_indices('%').all(|(at, _)| is_escape(at));
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .ok()
        .filter(|_| whole);
    decoded.map(std::borrow::Cow::into_owned).ok_or_else(|| {
        Fault::new(
            Code::InvalidURI,
            "the path or the query is not UTF-8 after percent-decoding; write the key in UTF-8, then percent-encode it",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(host: &str, path: &str) -> Result<Address, Code> {
        let domains = ["localhost".to_owned(), "s3.example.org".to_owned()];
        Address::parse(host, path, &domains).map_err(|fault| fault.code)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with an answer")]
    fn object(bucket: &str, key: &str) -> Result<Address, Code> {
        Ok(Address::Object(bucket.to_owned(), key.to_owned()))
    }

    #[test]
    fn a_bucket_is_taken_from_our_own_host_names_only() {
        assert_eq!(parse("m13.localhost:8083", "/k"), object("m13", "k"));
        assert_eq!(parse("a.b.s3.example.org", "/k/l"), object("a.b", "k/l"));
        assert_eq!(
            parse("m13.localhost", "/"),
            Ok(Address::Bucket("m13".to_owned()))
        );
        for other in [
            "localhost:8083",
            "m13.example.com",
            "notlocalhost",
            "[::1]:80",
        ] {
            assert_eq!(parse(other, "/bucket/k"), object("bucket", "k"), "{other}");
        }
    }

    const UNENCODED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'+');

    #[test]
    fn keys_are_exact() {
        assert_eq!(parse("h", "/"), Ok(Address::Service));
        assert_eq!(parse("h", "/abc"), Ok(Address::Bucket("abc".to_owned())));
        assert_eq!(parse("h", "/abc/"), Ok(Address::Bucket("abc".to_owned())));
        for key in ["/", "a//b", "../x", ".", "a+b", "a b/ü", "x/"] {
            let encoded: String = percent_encoding::utf8_percent_encode(key, UNENCODED).collect();
            assert_eq!(
                parse("h", &format!("/abc/{encoded}")),
                object("abc", key),
                "{key}"
            );
        }
    }

    #[test]
    fn a_path_that_cannot_be_read_is_refused() {
        for (path, code) in [
            ("/abc/%ff", Code::InvalidURI),
            ("/abc/%4", Code::InvalidURI),
            ("/abc/%zz", Code::InvalidURI),
            ("/a/k", Code::InvalidBucketName),
            ("/UPPER/k", Code::InvalidBucketName),
            ("//k", Code::InvalidBucketName),
        ] {
            assert_eq!(parse("h", path), Err(code), "{path}");
        }
        let long = format!("/abc/{}", "k".repeat(MAX_KEY_BYTES + 1));
        assert_eq!(parse("h", &long), Err(Code::KeyTooLongError));
    }
}
