//! A request as a server receives it, for the tests of verification.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use skykey_sigv4::*;
use skykey_types::{AccessKeyId, Credentials, Secret};

pub(crate) const ACCESS: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const TIME: &str = "20130524T000000Z";

pub(crate) fn now() -> Timestamp {
    parse_amz_date(TIME).unwrap()
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::new(ACCESS),
        secret_access_key: Secret::new(SECRET),
        session_token: None,
        expiration: None,
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
}

impl Received {
    pub(crate) fn new(method: &str, path: &str, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Self {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: map,
        }
    }

    /// Adds what [`sign_headers`] gives for the headers that are there.
    pub(crate) fn signed(mut self, credentials: &Credentials, service: &str, hash: &str) -> Self {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let added = sign_headers(
            credentials,
            "us-east-1",
            service,
            now(),
            &Request {
                method: self.method.as_str(),
                path: &self.path,
                query: &self.query,
                headers: &headers,
                payload_hash: hash,
            },
        );
        for (name, value) in added {
            self.headers.insert(name, value.parse().unwrap());
        }
        self
    }

    /// A `GET` of an object, signed.
    pub(crate) fn get() -> Self {
        Self::new("GET", "/bucket/key", "", &[("host", "h")]).signed(
            &credentials(),
            "s3",
            EMPTY_PAYLOAD,
        )
    }

    /// A presigned `GET` whose query has these parts replaced after signing.
    pub(crate) fn presigned(parts: &[(&str, &str)]) -> Self {
        let mut query = presigned_query("X-Amz-Expires=86400&X-Amz-SignedHeaders=host");
        for (from, to) in parts {
            assert!(query.contains(from), "{from} in {query}");
            query = query.replace(from, to);
        }
        Self::new("GET", "/bucket/key", &query, &[("host", "h")])
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name).unwrap();
        self
    }

    /// With a piece of the `Authorization` header replaced.
    pub(crate) fn authorization(self, from: &str, to: &str) -> Self {
        let header = self.headers["authorization"].to_str().unwrap().to_owned();
        assert!(header.contains(from), "{from} in {header}");
        self.with("authorization", &header.replace(from, to))
    }

    /// What it presents, if it may be read, and what comes of it under `secret` at `now`.
    pub(crate) fn verify_at(
        &self,
        secret: &str,
        now: Timestamp,
        body: Option<&[u8; 32]>,
    ) -> Result<Verified, Refusal> {
        let query = Query::parse(&self.query)?;
        let presented = Presented::read(Head {
            method: &self.method,
            path: &self.path,
            query: &query,
            headers: &self.headers,
        })?;
        presented
            .expect("the request is signed")
            .verify(&Secret::new(secret), now, body)
    }

    pub(crate) fn verify(&self) -> Result<Verified, Refusal> {
        self.verify_at(SECRET, now(), None)
    }

    pub(crate) fn refusal(&self) -> Refusal {
        self.verify().expect_err("the request is refused")
    }
}

/// A query signed for `GET /bucket/key` at `TIME`, with the parameters `more`.
pub(crate) fn presigned_query(more: &str) -> String {
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date={TIME}&{more}"
    );
    let canonical = canonical_request(&Request {
        method: "GET",
        path: "/bucket/key",
        query: &query,
        headers: &[("host", "h")],
        payload_hash: UNSIGNED_PAYLOAD,
    });
    let scope = Scope::at(now(), "us-east-1", "s3");
    let signature = SigningKey::derive(&Secret::new(SECRET), &scope)
        .sign(&string_to_sign(TIME, &scope, &canonical));
    format!("{query}&X-Amz-Signature={signature}")
}
