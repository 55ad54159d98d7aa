//! Signing many requests: the keys are kept, and the canonical request is written in one pass.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use skykey_types::{AccessKeyId, Credentials, Secret};

use crate::canonical::{canonical_query, push_path};
use crate::{ALGORITHM, Scope, SigningKey, amz_date, sha256_hex};

/// So many keys are kept; then all are forgotten, and derived again when they are needed.
const MAX_KEYS: usize = 4096;
/// A signing key is good for a day (UTC).
const SECONDS_OF_A_DAY: i64 = 86_400;

/// A request whose headers are sorted, for [`Signer::authorization`].
#[derive(Debug, Clone, Copy)]
pub struct SortedRequest<'a> {
    /// `GET`, in capitals.
    pub method: &'a str,
    /// The path as it stands on the wire, percent-encoded, without the query.
    pub path: &'a str,
    /// The query as it stands on the wire, without the `?`; empty if there is none.
    pub query: &'a str,
    /// The headers that are signed: names in lower case, sorted, each once. `host`, `x-amz-date`
    /// and, with a session token, `x-amz-security-token` are among them.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// What `x-amz-content-sha256` says.
    pub payload_hash: &'a [u8],
}

/// Signs requests of one region. The signing key of each credential is derived once a day; signing
/// takes one HMAC then.
pub struct Signer {
    region: String,
    keys: RwLock<HashMap<AccessKeyId, Arc<DayKey>>>,
}

struct DayKey {
    secret: Secret,
    service: String,
    day: i64,
    /// As it is written.
    scope: String,
    key: SigningKey,
}

impl Signer {
    /// A signer for `region`.
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            keys: RwLock::default(),
        }
    }

    /// The `Authorization` header of a request that is made at `now`, which its header `x-amz-date`
    /// says, too. Do not log it.
    pub fn authorization(
        &self,
        credentials: &Credentials,
        service: &str,
        now: Timestamp,
        request: &SortedRequest<'_>,
    ) -> String {
        let key = self.key(credentials, service, now);
        let digest = sha256_hex(&canonical(request));
        let time = amz_date(now);
        let scope = &key.scope;
        let signature = key
            .key
            .sign(&format!("{ALGORITHM}\n{time}\n{scope}\n{digest}"));

        let access = credentials.access_key_id.as_str();
        let mut header = String::with_capacity(160 + access.len() + request.headers.len() * 24);
        for part in [ALGORITHM, " Credential=", access, "/", scope] {
            header.push_str(part);
        }
        header.push_str(", SignedHeaders=");
        for (index, (name, _)) in request.headers.iter().enumerate() {
            if index > 0 {
                header.push(';');
            }
            header.push_str(name);
        }
        header.push_str(", Signature=");
        header.push_str(&signature);
        header
    }

    fn key(&self, credentials: &Credentials, service: &str, now: Timestamp) -> Arc<DayKey> {
        let id = &credentials.access_key_id;
        let day = now.as_second().div_euclid(SECONDS_OF_A_DAY);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(id)
            && key.day == day
            && key.service == service
            && key.secret == credentials.secret_access_key
        {
            return Arc::clone(key);
        }
        drop(keys);
        let scope = Scope::at(now, self.region.as_str(), service);
        let key = Arc::new(DayKey {
            secret: credentials.secret_access_key.clone(),
            service: service.to_owned(),
            day,
            scope: scope.to_string(),
            key: SigningKey::derive(&credentials.secret_access_key, &scope),
        });
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(id.clone(), Arc::clone(&key));
        key
    }
}

/// Keys do not show themselves.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

fn canonical(request: &SortedRequest<'_>) -> Vec<u8> {
    let mut text = String::with_capacity(1024);
    text.push_str(request.method);
    text.push('\n');
    push_path(&mut text, request.path);
    text.push('\n');
    if !request.query.is_empty() {
        text.push_str(&canonical_query(request.query));
    }
    text.push('\n');
    // Values need not be UTF-8.
    let mut text = text.into_bytes();
    for (name, value) in request.headers {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        let begin = text.len();
        for word in value
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
        {
            if text.len() > begin {
                text.push(b' ');
            }
            text.extend_from_slice(word);
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    for (index, (name, _)) in request.headers.iter().enumerate() {
        if index > 0 {
            text.push(b';');
        }
        text.extend_from_slice(name.as_bytes());
    }
    text.push(b'\n');
    text.extend_from_slice(request.payload_hash);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, sign_headers};

    fn credentials(secret: &str) -> Credentials {
        Credentials {
            access_key_id: AccessKeyId::new("ak"),
            secret_access_key: Secret::new(secret),
            session_token: None,
            expiration: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// What the general signer makes of the same request.
    fn general(
        credentials: &Credentials,
        service: &str,
        now: Timestamp,
        path: &str,
        query: &str,
    ) -> String {
        let request = Request {
            method: "GET",
            path,
            query,
            headers: &[("host", "h"), ("range", " bytes=0-1   x ")],
            payload_hash: "hash",
        };
        let headers = sign_headers(credentials, "us-east-1", service, now, &request);
        headers.into_iter().next_back().unwrap().1
    }

    fn ours(
        signer: &Signer,
        credentials: &Credentials,
        service: &str,
        now: Timestamp,
        path: &str,
        query: &str,
    ) -> String {
        let time = amz_date(now);
        let request = SortedRequest {
            method: "GET",
            path,
            query,
            headers: &[
                ("host", b"h"),
                ("range", b" bytes=0-1   x "),
                ("x-amz-content-sha256", b"hash"),
                ("x-amz-date", time.as_bytes()),
            ],
            payload_hash: b"hash",
        };
        signer.authorization(credentials, service, now, &request)
    }

    #[test]
    fn it_signs_what_the_general_signer_signs() {
        let signer = Signer::new("us-east-1");
        let now = at("2026-11-30T20:00:00Z");
        for (path, query) in [
            ("/m13/a.fits", ""),
            ("/m13/a%20b/%C3%A9", "b=2&a=x%20y"),
            ("/m13/a%2fb%41/%zz", "uploads"),
            ("/m13/a b+c", "a=+"),
            ("", ""),
            ("/", ""),
        ] {
            let credentials = credentials("sk");
            assert_eq!(
                ours(&signer, &credentials, "s3", now, path, query),
                general(&credentials, "s3", now, path, query),
                "{path} {query}"
            );
        }
    }

    #[test]
    fn a_kept_key_is_used_for_its_day_service_and_secret_only() {
        let signer = Signer::new("us-east-1");
        for (secret, service, now) in [
            ("sk", "s3", "2026-11-30T00:00:00Z"),
            ("sk", "s3", "2026-11-30T23:59:59Z"),
            ("sk", "s3", "2026-12-01T00:00:00Z"),
            ("sk", "sts", "2026-12-01T00:00:00Z"),
            ("other", "sts", "2026-12-01T00:00:00Z"),
            ("other", "sts", "1969-12-31T23:59:59Z"),
            ("other", "sts", "1970-01-01T00:00:00Z"),
        ] {
            let (credentials, now) = (credentials(secret), at(now));
            assert_eq!(
                ours(&signer, &credentials, service, now, "/a", ""),
                general(&credentials, service, now, "/a", ""),
                "{secret} {service} {now}"
            );
        }
        assert!(!format!("{signer:?}").contains("sk"));
    }
}
