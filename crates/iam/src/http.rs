//! Requests to the IAM, as a thin layer over [`Upstream`].

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use ::http::{HeaderValue, Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use skykey_types::Secret;
use skykey_upstream::{Call, Settings, Upstream, UpstreamMetrics};
use url::{Url, form_urlencoded};

use crate::{IamError, IamSettings};

/// The longest explanation that is passed on, in characters.
const MAX_REASON_CHARS: usize = 300;

#[derive(Debug, Clone)]
pub(crate) struct Http(Upstream);

impl Http {
    pub(crate) fn new(settings: &IamSettings, metrics: &UpstreamMetrics) -> Result<Self, IamError> {
        let setup = |error: &dyn ToString| IamError::Setup(error.to_string());
        let mut limits = Settings {
            authorities: settings.authorities.clone(),
            metrics: metrics.clone(),
            ..Settings::of("the IAM").with(settings.timeouts)
        };
        if settings.by_proxy {
            let url = Url::parse(settings.issuer.as_str()).map_err(|error| setup(&error))?;
            limits = limits.by_proxy(&url);
        }
        let upstream = Upstream::new(limits);
        upstream.map(Self).map_err(|error| setup(&error))
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.0
    }
}

/// A request in the making. `operation` goes after "cannot".
pub(crate) struct Ask {
    operation: &'static str,
    method: Method,
    url: Url,
    headers: Vec<(::http::HeaderName, String)>,
    /// Encoded as far as it goes.
    form: Option<String>,
    json: Vec<u8>,
    repeatable: bool,
    /// What the answer's words must not repeat.
    secrets: Vec<Secret>,
}

impl Ask {
    pub(crate) fn new(operation: &'static str, method: Method, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: vec![(ACCEPT, "application/json, application/scim+json".to_owned())],
            form: None,
            json: Vec::new(),
            repeatable: false,
            secrets: Vec::new(),
        }
    }

    pub(crate) fn get(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::GET, url)
    }

    pub(crate) fn post(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::POST, url)
    }

    /// As somebody with a token (RFC 6750 §2.1).
    pub(crate) fn bearer(mut self, token: &Secret) -> Self {
        let value = format!("Bearer {}", token.expose());
        self.headers.push((AUTHORIZATION, value));
        self.secrets.push(token.clone());
        self
    }

    /// As a client with a secret (RFC 6749 §2.3.1, which has both encoded as in a form).
    pub(crate) fn basic(mut self, client_id: &str, secret: &Secret) -> Self {
        let encode =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(client_id), encode(secret.expose()));
        let value = format!("Basic {}", STANDARD.encode(pair));
        self.headers.push((AUTHORIZATION, value));
        self.secrets.push(secret.clone());
        self
    }

    /// A field of the form.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        let so_far = self.form.take().unwrap_or_default();
        let mut form = form_urlencoded::Serializer::new(so_far);
        self.form = Some(form.append_pair(name, value).finish());
        self
    }

    /// A field of the form that must not be seen.
    pub(crate) fn secret(mut self, name: &str, value: &Secret) -> Self {
        self.secrets.push(value.clone());
        self.field(name, value.expose())
    }

    /// A JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.json = serde_json::to_vec(body).expect("what we send is plain data");
        self.headers
            .push((CONTENT_TYPE, "application/json".to_owned()));
        self
    }

    /// Twice does no harm, although the method does not say so.
    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(crate) async fn send(self, http: &Http) -> Result<Answer, IamError> {
        let Self {
            operation,
            mut headers,
            secrets,
            ..
        } = self;
        let body = match self.form {
            Some(form) => {
                let form_type = "application/x-www-form-urlencoded".to_owned();
                headers.push((CONTENT_TYPE, form_type));
                form.into_bytes()
            }
            None => self.json,
        };
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.url.as_str());
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| IamError::token("it holds characters that no token has"))?;
            value.set_sensitive(name == AUTHORIZATION);
            request = request.header(name, value);
        }
        let request = request
            .body(Bytes::from(body))
            .map_err(|_| IamError::Unexpected {
                operation,
                why: "its address cannot be called".to_owned(),
            })?;
        let mut call = Call::new(operation, request);
        if self.repeatable {
            call = call.repeatable();
        }
        Ok(Answer {
            operation,
            inner: http.0.send(&call).await?,
            secrets,
        })
    }
}

/// An answer that has been read whole.
pub(crate) struct Answer {
    operation: &'static str,
    inner: skykey_upstream::Answer,
    secrets: Vec<Secret>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.inner.status
    }

    /// The body as JSON, if the status was 2xx.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, IamError> {
        self.success()?;
        self.inner.json().map_err(|why| IamError::Unexpected {
            operation: self.operation,
            why,
        })
    }

    /// The body as JSON, whatever the status.
    pub(crate) fn any_json<T: DeserializeOwned>(&self) -> Option<T> {
        self.inner.json().ok()
    }

    /// Nothing, if the status was 2xx.
    pub(crate) fn success(&self) -> Result<(), IamError> {
        if self.inner.is_success() {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }

    /// The status as an error, with what RFC 6749 §5.2, RFC 6750 §3, RFC 7644 §3.12 and INDIGO's own
    /// API let the server say. Some servers quote the token that they refuse.
    fn refusal(&self) -> IamError {
        let body: Value = self.inner.json().unwrap_or_default();
        let word = |name: &str| body[name].as_str().unwrap_or_default();
        let mut code = word("error").to_owned();
        if code.is_empty() {
            code = self.challenge();
        }
        let mut why = word("error_description").to_owned();
        if why.is_empty() {
            word("detail").clone_into(&mut why);
        }
        // INDIGO's own API gives a sentence where others give a code.
        if code.contains(' ') && why.is_empty() {
            why = std::mem::take(&mut code);
        }
        IamError::Refused {
            operation: self.operation,
            status: self.inner.status,
            code: self.plain(&code),
            why: self.plain(&why),
        }
    }

    /// The `error` of `WWW-Authenticate`.
    fn challenge(&self) -> String {
        let header = self.inner.headers.get(WWW_AUTHENTICATE);
        let text = header.and_then(|value| value.to_str().ok());
        text.and_then(|text| text.split_once("error=\""))
            .and_then(|(_, rest)| rest.split('"').next())
            .unwrap_or_default()
            .to_owned()
    }

    /// The server's words without our secrets, in one line, not too long.
    fn plain(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if !secret.expose().is_empty() {
                text = text.replace(secret.expose(), "[redacted]");
            }
        }
        text.chars()
            .take(MAX_REASON_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect()
    }
}
