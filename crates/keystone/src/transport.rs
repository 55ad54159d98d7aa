//! One request and its answer.

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, Method, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use skykey_types::Secret;
use url::Url;

use crate::{Caller, Error, Keystone};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(15);
const MAX_ANSWER: usize = 1024 * 1024;
const MAX_MESSAGE: usize = 300;

/// The connections to one Keystone.
pub(crate) struct Transport {
    client: Client,
    base: Url,
}

/// A request, but for the token of whoever makes it.
pub(crate) struct Call<'a> {
    /// "cannot …" reads well with it.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// Below `/v3`, decoded.
    pub(crate) path: Vec<&'a str>,
    pub(crate) query: Vec<(&'a str, &'a str)>,
    /// The value of an `Authorization: Bearer` header.
    pub(crate) bearer: Option<&'a Secret>,
    pub(crate) body: Option<Value>,
    /// What is in the body and must not come back in a message.
    pub(crate) secrets: Vec<&'a Secret>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(operation: &'static str, method: Method, path: Vec<&'a str>) -> Self {
        Self {
            operation,
            method,
            path,
            query: Vec::new(),
            bearer: None,
            body: None,
            secrets: Vec::new(),
        }
    }
}

/// A good answer (2xx).
pub(crate) struct Answer {
    operation: &'static str,
    status: u16,
    pub(crate) subject_token: Option<Secret>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // The parser's own words may quote the answer, which may hold a secret: only the place.
        serde_json::from_slice(&self.body).map_err(|error| {
            self.unusable(format!(
                "not the JSON it should be, line {}, column {}",
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
    pub(crate) fn new(url: &Url) -> Result<Self, Error> {
        let mut base = url.clone();
        let address = || Error::Address(shown(url));
        base.path_segments_mut()
            .map_err(|()| address())?
            .pop_if_empty();
        if !matches!(base.scheme(), "http" | "https")
            || !base.path().ends_with("/v3")
            || base.query().is_some()
        {
            return Err(address());
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("skykey/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Setup(error.to_string()))?;
        Ok(Self { client, base })
    }

    pub(crate) fn base(&self) -> String {
        shown(&self.base)
    }

    /// Sends `call` in the name of `token`; whatever is not 2xx is an error.
    pub(crate) async fn send(
        &self,
        call: &Call<'_>,
        token: Option<&Secret>,
    ) -> Result<Answer, Error> {
        // A URL has no such segments (RFC 3986 §5.2.4): the request would go somewhere else.
        if call
            .path
            .iter()
            .any(|part| matches!(*part, "" | "." | ".."))
        {
            let message = "a part of the path is empty or dots".to_owned();
            return Err(Error::NotFound {
                operation: call.operation,
                message,
            });
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(&call.path);
        }
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .header("accept", "application/json");
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(token) = token {
            request = request.header("x-auth-token", token.expose());
        }
        if let Some(bearer) = call.bearer {
            request = request.bearer_auth(bearer.expose());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            operation: call.operation,
            why: told(error),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let subject_token = response
            .headers()
            .get("x-subject-token")
            .and_then(|value| value.to_str().ok());
        let subject_token = subject_token.map(Secret::new);
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            if body.len() + part.len() > MAX_ANSWER {
                let message = format!("longer than {MAX_ANSWER} bytes");
                return Err(Error::Unexpected {
                    operation: call.operation,
                    status,
                    message,
                });
            }
            body.extend_from_slice(&part);
        }
        if (200..300).contains(&status) {
            return Ok(Answer {
                operation: call.operation,
                status,
                subject_token,
                body,
            });
        }
        let hidden = call.secrets.iter().copied().chain(call.bearer).chain(token);
        let message = message_of(&body, hidden);
        let operation = call.operation;
        Err(match status {
            401 | 403 => Error::Refused {
                operation,
                status,
                message,
            },
            404 => Error::NotFound { operation, message },
            _ => Error::Unexpected {
                operation,
                status,
                message,
            },
        })
    }
}

impl Keystone {
    /// Sends `call` in the name of `caller`. If our own token is refused (it may have been
    /// revoked, or Keystone's keys changed), once more with a new one.
    pub(crate) async fn call(&self, caller: Caller<'_>, call: &Call<'_>) -> Result<Answer, Error> {
        let transport = &self.0.transport;
        match caller {
            Caller::Token(token) => transport.send(call, Some(token)).await,
            Caller::Own => {
                let token = self.own_token(None).await?;
                match transport.send(call, Some(&token)).await {
                    Err(Error::Refused { status: 401, .. }) => {
                        let token = self.own_token(Some(&token)).await?;
                        transport.send(call, Some(&token)).await
                    }
                    outcome => outcome,
                }
            }
        }
    }
}

/// The address without what somebody may have written into it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

/// Keystone's words, `{"error": {"message": …}}`, made fit for a log.
fn message_of<'a>(body: &[u8], hidden: impl Iterator<Item = &'a Secret>) -> String {
    #[derive(Deserialize)]
    struct Envelope {
        error: Words,
    }
    #[derive(Deserialize)]
    struct Words {
        message: String,
    }
    let Ok(Envelope {
        error: Words { mut message },
    }) = serde_json::from_slice(body)
    else {
        return "no reason given".to_owned();
    };
    for secret in hidden
        .map(Secret::expose)
        .filter(|secret| !secret.is_empty())
    {
        message = message.replace(secret, "[redacted]");
    }
    message
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_MESSAGE)
        .collect()
}

/// The error with its causes, without the address: paths hold people's ids.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
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
            assert!(Transport::new(&good.parse().unwrap()).is_ok(), "{good}");
        }
        for bad in [
            "https://openstack.example.org:5000/",
            "ftp://h/v3",
            "https://h/v3?a=b",
            "mailto:v3",
        ] {
            assert!(
                matches!(
                    Transport::new(&bad.parse().unwrap()),
                    Err(Error::Address(_))
                ),
                "{bad}"
            );
        }
        let error = Transport::new(&"https://me:hunter2@h/?x=hunter2".parse().unwrap())
            .err()
            .unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn what_was_sent_in_secret_is_not_in_a_message() {
        let secret = Secret::new("hunter2");
        let body = br#"{"error":{"code":400,"message":"'hunter2' is not\n a password","title":"Bad Request"}}"#;
        assert_eq!(
            message_of(body, [&secret].into_iter()),
            "'[redacted]' is not a password"
        );
        assert_eq!(
            message_of(b"<html>hunter2", [].into_iter()),
            "no reason given"
        );
    }
}
