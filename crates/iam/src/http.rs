//! Requests to the IAM, bounded in time and size.

use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;
use skykey_types::Secret;
use url::Url;

use crate::IamError;

const CONNECT: Duration = Duration::from_secs(3);
const TOTAL: Duration = Duration::from_secs(10);
/// Larger than any discovery document, key set or SCIM resource.
const LARGEST: usize = 1 << 20;

/// The HTTP client. Redirects are not followed: an IAM that redirects its API is misconfigured, and
/// following would carry tokens elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new() -> Result<Self, IamError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| IamError::Unexpected {
                request: "anything",
                why: error.to_string(),
            })?;
        Ok(Self(client))
    }

    /// `GET url` with an optional bearer; the status and the JSON body, whatever the status.
    pub(crate) async fn get(
        &self,
        request: &'static str,
        url: Url,
        bearer: Option<&Secret>,
    ) -> Result<Answer, IamError> {
        let mut builder = self.0.get(url);
        if let Some(token) = bearer {
            builder = builder.bearer_auth(token.expose());
        }
        Answer::read(request, builder).await
    }

    /// `POST url` with a form and the client's own basic authentication.
    pub(crate) async fn post_form(
        &self,
        request: &'static str,
        url: Url,
        client: (&str, &Secret),
        form: &[(&str, &str)],
    ) -> Result<Answer, IamError> {
        let builder = self
            .0
            .post(url)
            .basic_auth(client.0, Some(client.1.expose()))
            .form(form);
        Answer::read(request, builder).await
    }
}

/// An answer that has been read whole.
pub(crate) struct Answer {
    request: &'static str,
    pub(crate) status: u16,
    body: Vec<u8>,
}

impl Answer {
    async fn read(
        request: &'static str,
        builder: reqwest::RequestBuilder,
    ) -> Result<Self, IamError> {
        let unreachable = |error: reqwest::Error| IamError::Unreachable {
            request,
            why: plain(error),
        };
        let mut response = builder.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(IamError::Unexpected {
                    request,
                    why: format!("more than {LARGEST} bytes"),
                });
            }
        }
        Ok(Self {
            request,
            status,
            body,
        })
    }

    /// The body as JSON, if the status was 2xx.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, IamError> {
        if !(200..300).contains(&self.status) {
            return Err(self.refusal());
        }
        serde_json::from_slice(&self.body).map_err(|error| IamError::Unexpected {
            request: self.request,
            why: error.to_string(),
        })
    }

    /// The status as an error, with what RFC 6749 §5.2 lets the server say.
    pub(crate) fn refusal(&self) -> IamError {
        #[derive(serde::Deserialize)]
        struct Words {
            #[serde(default)]
            error: String,
            #[serde(default)]
            error_description: String,
        }
        let why = match serde_json::from_slice::<Words>(&self.body) {
            Ok(words) => format!("{} {}", words.error, words.error_description)
                .trim()
                .to_owned(),
            Err(_) => String::new(),
        };
        IamError::Refused {
            request: self.request,
            status: self.status,
            why,
        }
    }
}

/// A network error without the URL, which may hold what must not be seen.
fn plain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Lets `openidconnect` use the same client.
impl<'c> AsyncHttpClient<'c> for Http {
    type Error = IamError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, IamError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let builder = self
                .0
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(body);
            let unexpected = |why: String| IamError::Unexpected {
                request: "an OpenID Connect request",
                why,
            };
            // The content type decides how the body is read, so it goes along.
            let mut response = builder
                .send()
                .await
                .map_err(|error| IamError::Unreachable {
                    request: "an OpenID Connect request",
                    why: plain(error),
                })?;
            let mut answer = ::http::Response::builder().status(response.status());
            if let Some(content_type) = response.headers().get(::http::header::CONTENT_TYPE) {
                answer = answer.header(::http::header::CONTENT_TYPE, content_type);
            }
            let mut body = Vec::new();
            while let Some(chunk) =
                response
                    .chunk()
                    .await
                    .map_err(|error| IamError::Unreachable {
                        request: "an OpenID Connect request",
                        why: plain(error),
                    })?
            {
                body.extend_from_slice(&chunk);
                if body.len() > LARGEST {
                    return Err(unexpected(format!("more than {LARGEST} bytes")));
                }
            }
            answer
                .body(body)
                .map_err(|error| unexpected(error.to_string()))
        })
    }
}
