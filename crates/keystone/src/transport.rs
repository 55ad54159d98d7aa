//! One request and its response, over [`Upstream`].

use std::path::PathBuf;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use skykey_types::Secret;
use skykey_upstream::{Repeat, Timeouts, Upstream, UpstreamMetrics};
use url::Url;

use crate::{Caller, Error, Keystone};

const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");
/// A login takes Keystone half a second of a core.
const MAX_CONCURRENT_REQUESTS: usize = 16;
const MAX_MESSAGE: usize = 300;

/// The connections to one Keystone. Clones share them.
#[derive(Clone)]
pub(crate) struct Transport {
    upstream: Upstream,
    base: Url,
}

/// A request without its caller's token.
pub(crate) struct Call<'a> {
    /// What it does, to follow "cannot …".
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// Below `/v3`, decoded.
    pub(crate) path: Vec<&'a str>,
    pub(crate) query: Vec<(&'a str, &'a str)>,
    /// The value of an `Authorization: Bearer` header.
    pub(crate) bearer: Option<&'a Secret>,
    /// The subject token (`X-Subject-Token`).
    pub(crate) subject: Option<&'a Secret>,
    pub(crate) body: Option<Value>,
    /// Secrets in the body, to be removed from messages.
    pub(crate) secrets: Vec<&'a Secret>,
    /// Whether the call is idempotent although its method is not.
    pub(crate) repeatable: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(operation: &'static str, method: Method, path: Vec<&'a str>) -> Self {
        Self {
            operation,
            method,
            path,
            query: Vec::new(),
            bearer: None,
            subject: None,
            body: None,
            secrets: Vec::new(),
            repeatable: false,
        }
    }

    /// Creates an idempotent POST: a login or a query.
    pub(crate) fn asking(operation: &'static str, path: Vec<&'a str>, body: Option<Value>) -> Self {
        let mut call = Self::new(operation, Method::POST, path);
        call.body = body;
        call.repeatable = true;
        call
    }

    fn refused(&self, message: &str) -> Error {
        Error::Refused {
            operation: self.operation,
            status: 401,
            message: message.to_owned(),
        }
    }

    /// Builds the request at `base` with `token`.
    fn request(&self, base: &Url, token: Option<&Secret>) -> Result<Request<Bytes>, Error> {
        // URLs drop such segments (RFC 3986 §5.2.4): the request would go elsewhere.
        if self
            .path
            .iter()
            .any(|part| matches!(*part, "" | "." | ".."))
        {
            let message = "a part of the path is empty or dots".to_owned();
            return Err(Error::NotFound {
                operation: self.operation,
                message,
            });
        }
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(url.as_str())
            .header(ACCEPT, "application/json");
        for (name, scheme, secret) in [
            (TOKEN, "", token),
            (SUBJECT_TOKEN, "", self.subject),
            (AUTHORIZATION, "Bearer ", self.bearer),
        ] {
            let Some(secret) = secret else { continue };
            let mut value =
                HeaderValue::try_from(format!("{scheme}{}", secret.expose())).map_err(|_| {
                    self.refused("a token has characters that are not valid in a header")
                })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let mut body = Bytes::new();
        if let Some(json) = &self.body {
            request = request.header(CONTENT_TYPE, "application/json");
            body = json.to_string().into();
        }
        request.body(body).map_err(|_| Error::Address(shown(base)))
    }
}

/// A successful response (2xx).
pub(crate) struct Answer {
    operation: &'static str,
    pub(crate) status: u16,
    pub(crate) subject_token: Option<Secret>,
    body: Bytes,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // The parser's message may quote the response, which may contain a secret: report the position only.
        serde_json::from_slice(&self.body).map_err(|error| {
            self.unusable(format!(
                "unexpected JSON, line {}, column {}",
                error.line(),
                error.column()
            ))
        })
    }

    pub(crate) fn unusable(&self, message: String) -> Error {
        Error::Unexpected {
            operation: self.operation,
            status: self.status,
            message,
        }
    }
}

impl Transport {
    pub(crate) fn new(
        url: &Url,
        authorities: Option<PathBuf>,
        metrics: UpstreamMetrics,
        timeouts: Option<Timeouts>,
    ) -> Result<Self, Error> {
        let limits = skykey_upstream::Settings {
            at_once: MAX_CONCURRENT_REQUESTS,
            authorities,
            metrics,
            ..skykey_upstream::Settings::of(crate::SYSTEM).with(timeouts)
        };
        Self::with(url, limits)
    }

    /// Uses the environment's proxy, as a person's tools do.
    pub(crate) fn by_proxy(url: &Url, authorities: Option<PathBuf>) -> Result<Self, Error> {
        let limits = skykey_upstream::Settings {
            authorities,
            ..skykey_upstream::Settings::of(crate::SYSTEM).by_proxy(url)
        };
        Self::with(url, limits)
    }

    fn with(url: &Url, limits: skykey_upstream::Settings) -> Result<Self, Error> {
        let base = parse_base(url)?;
        let upstream = Upstream::new(limits)?;
        Ok(Self { upstream, base })
    }

    pub(crate) fn base(&self) -> String {
        shown(&self.base)
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Sends `call` with `token`; any status but 2xx is an error.
    pub(crate) async fn send(
        &self,
        call: &Call<'_>,
        token: Option<&Secret>,
    ) -> Result<Answer, Error> {
        let request = call.request(&self.base, token)?;
        let mut sent = skykey_upstream::Call::new(call.operation, request);
        if call.repeatable {
            sent.repeat = Repeat::Safely;
        }
        let answer = self.upstream.send(&sent).await?;
        let status = answer.status;
        if answer.is_success() {
            let subject_token = answer
                .headers
                .get(SUBJECT_TOKEN)
                .and_then(|value| value.to_str().ok())
                .map(Secret::new);
            return Ok(Answer {
                operation: call.operation,
                status,
                subject_token,
                body: answer.body,
            });
        }
        let hidden = call
            .secrets
            .iter()
            .copied()
            .chain(call.bearer)
            .chain(call.subject)
            .chain(token);
        let said = message_of(&answer.body, hidden);
        let operation = call.operation;
        Err(match (status, said) {
            (401 | 403, said) => Error::Refused {
                operation,
                status,
                message: said.unwrap_or_else(no_reason),
            },
            // Keystone's own 404 is JSON; a proxy in front may send a 404 page of its own.
            (404, Some(message)) => Error::NotFound { operation, message },
            (404, None) => Error::Unexpected {
                operation,
                status,
                message: "the 404 does not come from Keystone".to_owned(),
            },
            (_, said) => Error::Unexpected {
                operation,
                status,
                message: said.unwrap_or_else(no_reason),
            },
        })
    }
}

fn no_reason() -> String {
    "no reason given".to_owned()
}

impl Keystone {
    /// Sends `call` with the token of `caller`. If our own token is rejected (revoked, or Keystone's keys
    /// changed), it retries once with a new one.
    pub(crate) async fn call(&self, caller: Caller<'_>, call: &Call<'_>) -> Result<Answer, Error> {
        let transport = &self.0.transport;
        match caller {
            Caller::Token(token) => transport.send(call, Some(token)).await,
            Caller::Own => {
                let token = self.own_token(None).await?.token;
                match transport.send(call, Some(&token)).await {
                    Err(Error::Refused { status: 401, .. }) => {
                        let token = self.own_token(Some(&token)).await?.token;
                        transport.send(call, Some(&token)).await
                    }
                    outcome => outcome,
                }
            }
        }
    }
}

/// Parses the address of a Keystone, and removes the slash at its end.
fn parse_base(url: &Url) -> Result<Url, Error> {
    let mut base = url.clone();
    let address = || Error::Address(shown(url));
    base.path_segments_mut()
        .map_err(|()| address())?
        .pop_if_empty();
    let is_plain = base.username().is_empty()
        && base.password().is_none()
        && base.query().is_none()
        && base.fragment().is_none();
    if matches!(base.scheme(), "http" | "https") && base.path().ends_with("/v3") && is_plain {
        Ok(base)
    } else {
        Err(address())
    }
}

/// Returns the address without user, password and query.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Returns Keystone's message, `{"error": {"message": …}}`, cleaned for a log.
fn message_of<'a>(body: &[u8], hidden: impl Iterator<Item = &'a Secret>) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        error: Words,
    }
    #[derive(Deserialize)]
    struct Words {
        message: String,
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let mut message = envelope.error.message;
    for secret in hidden
        .map(Secret::expose)
        .filter(|secret| !secret.is_empty())
    {
        message = message.replace(secret, "[redacted]");
    }
    let fit = message.chars().filter(|c| !c.is_control());
    Some(fit.take(MAX_MESSAGE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_keystone() {
        for good in [
            "https://openstack.example.org:5000/v3",
            "http://127.0.0.1/identity/v3/",
        ] {
            assert!(parse_base(&good.parse().unwrap()).is_ok(), "{good}");
        }
        for bad in [
            "https://openstack.example.org:5000/",
            "ftp://h/v3",
            "https://h/v3?a=b",
            "https://h/v3#a",
            "https://me@h/v3",
            "mailto:v3",
        ] {
            assert!(
                matches!(parse_base(&bad.parse().unwrap()), Err(Error::Address(_))),
                "{bad}"
            );
        }
        let error = parse_base(&"https://me:hunter2@h/v3?x=hunter2".parse().unwrap()).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn what_was_sent_in_secret_is_not_in_a_message() {
        let secret = Secret::new("hunter2");
        let body = br#"{"error":{"code":400,"message":"'hunter2' is not\n a password","title":"Bad Request"}}"#;
        assert_eq!(
            message_of(body, [&secret].into_iter()).unwrap(),
            "'[redacted]' is not a password"
        );
        assert_eq!(message_of(b"<html>hunter2", [].into_iter()), None);
    }

    #[test]
    fn a_token_that_fits_no_header_is_refused_before_it_is_sent() {
        let base = "http://127.0.0.1/v3".parse().unwrap();
        let call = Call::new("list", Method::GET, vec!["projects"]);
        let error = call
            .request(&base, Some(&Secret::new("hunter2\r\nx: y")))
            .unwrap_err();
        assert!(
            error.status() == Some(401) && !error.to_string().contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn names_are_encoded_in_path_and_query() {
        let base = "http://127.0.0.1/v3".parse().unwrap();
        let mut call = Call::new("look", Method::GET, vec!["users", "a/b ?"]);
        call.query = vec![("name", "x&y=z")];
        let request = call.request(&base, None).unwrap();
        assert_eq!(
            request.uri().to_string(),
            "http://127.0.0.1/v3/users/a%2Fb%20%3F?name=x%26y%3Dz"
        );
    }
}
