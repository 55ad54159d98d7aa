//! STS on the S3 endpoint: `POST /` with a form, as Ceph does it and as SDKs of Go's first version
//! expect it.

mod assume_role;
mod caller_identity;
mod form;
mod role;
mod session_token;
mod web_identity;

use std::borrow::Cow;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, StatusCode, Uri};
use s3s::route::S3Route;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_broker::{Broker, Principal};
use skykey_iam::Iam;
use skykey_s3_client::Problem;

use self::form::Form;
use self::web_identity::WebIdentity;
use crate::access::deny;
use crate::identity::REQUEST;

/// Whether a request is meant for STS.
pub(crate) fn is_sts(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let form = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .to_ascii_lowercase()
                .starts_with("application/x-www-form-urlencoded")
        });
    method == Method::POST && uri.path() == "/" && form
}

/// An S3 error's code and message, translated into STS's codes.
pub(crate) fn fault(body: &str) -> Problem {
    let mut fault = Problem::parse(body);
    let code = match fault.code.as_str() {
        "InvalidAccessKeyId" | "InvalidToken" => "InvalidClientTokenId",
        "InvalidArgument" => "ValidationError",
        "RequestTimeTooSkewed" => "RequestExpired",
        "" => "InternalFailure",
        same => same,
    };
    fault.code = code.to_owned();
    fault
}

/// The route that `s3s` takes for STS, after it has verified the signature, if there is one.
pub(crate) struct Route {
    broker: Arc<Broker>,
    web_identity: Option<WebIdentity>,
}

impl Route {
    pub(crate) fn new(broker: Arc<Broker>, web_identity: Option<Arc<Iam>>) -> Self {
        Self {
            broker,
            web_identity: web_identity.map(WebIdentity::new),
        }
    }

    async fn by_signature(
        &self,
        action: Option<&str>,
        principal: Option<Arc<Principal>>,
        form: &Form,
    ) -> S3Result<String> {
        let principal = principal
            .ok_or_else(|| deny("the request is not signed; sign it with an EC2 credential"))?;
        match action {
            Some("GetSessionToken") => session_token::answer(&self.broker, &principal, form).await,
            Some("AssumeRole") => assume_role::answer(&self.broker, &principal, form).await,
            Some("GetCallerIdentity") => Ok(caller_identity::answer(&principal)),
            Some(other) => {
                let other: String = other.chars().take(60).collect();
                Err(bad_request(
                    "InvalidAction",
                    format!(
                        "the action {other} is not served here; GetSessionToken, AssumeRole, \
                         AssumeRoleWithWebIdentity and GetCallerIdentity are"
                    ),
                ))
            }
            None => Err(S3Error::with_message(
                S3ErrorCode::InvalidArgument,
                "the form has no Action",
            )),
        }
    }
}

/// An error with a code that S3 does not have.
fn custom(status: StatusCode, code: &'static str, why: impl Into<Cow<'static, str>>) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), why);
    error.set_status_code(status);
    error
}

fn bad_request(code: &'static str, why: impl Into<Cow<'static, str>>) -> S3Error {
    custom(StatusCode::BAD_REQUEST, code, why)
}

#[async_trait::async_trait]
impl S3Route for Route {
    fn is_match(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        _: &mut Extensions,
    ) -> bool {
        is_sts(method, uri, headers)
    }

    /// Both a principal and a verified signature, or neither: what an unsigned request may have, the
    /// action says.
    async fn check_access(&self, request: &mut S3Request<Body>) -> S3Result<()> {
        let principal = REQUEST
            .try_with(|request| request.principal().cloned())
            .ok()
            .flatten();
        match (principal, &request.credentials) {
            (Some(principal), Some(_)) => {
                request.extensions.insert::<Arc<Principal>>(principal);
                Ok(())
            }
            (None, None) => Ok(()),
            _ => Err(deny("the request's signature could not be verified")),
        }
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let principal = request.extensions.get::<Arc<Principal>>().cloned();
        let form = Form::read(request.input).await?;
        let action = form.field("Action");
        let xml = match (action, &self.web_identity) {
            (Some("AssumeRoleWithWebIdentity"), Some(web_identity)) => {
                let client = REQUEST.try_with(|request| request.client()).ok().flatten();
                web_identity.answer(&self.broker, client, &form).await?
            }
            _ => self.by_signature(action, principal, &form).await?,
        };
        let mut response = S3Response::new(Body::from(xml));
        response.headers.insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("text/xml"),
        );
        response.headers.insert(
            http::header::CACHE_CONTROL,
            http::HeaderValue::from_static("no-store"),
        );
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boto_and_go_are_recognised_by_their_content_type() {
        let matches = |method: Method, path: &str, content_type: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", content_type.parse().unwrap());
            is_sts(&method, &path.parse().unwrap(), &headers)
        };
        assert!(matches(
            Method::POST,
            "/",
            "application/x-www-form-urlencoded; charset=utf-8"
        ));
        assert!(matches(
            Method::POST,
            "/",
            "application/x-www-form-urlencoded"
        ));
        assert!(!matches(
            Method::POST,
            "/bucket",
            "application/x-www-form-urlencoded"
        ));
        assert!(!matches(
            Method::PUT,
            "/",
            "application/x-www-form-urlencoded"
        ));
        assert!(!matches(Method::POST, "/", "application/xml"));
    }

    #[test]
    fn codes_become_those_of_sts() {
        let code = |s3: &str| {
            fault(&format!(
                "<Error><Code>{s3}</Code><Message>m</Message></Error>"
            ))
            .code
        };
        assert_eq!(code("InvalidAccessKeyId"), "InvalidClientTokenId");
        assert_eq!(code("InvalidToken"), "InvalidClientTokenId");
        assert_eq!(code("ExpiredToken"), "ExpiredToken");
        assert_eq!(code("InvalidArgument"), "ValidationError");
        assert_eq!(fault("garbage").code, "InternalFailure");
    }
}
