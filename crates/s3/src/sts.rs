//! STS on the S3 endpoint: `POST /` with a form, as Ceph does it and as SDKs of Go's first version
//! expect it.

mod assume_role;
mod caller_identity;
mod session_token;

use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri};
use http_body_util::BodyExt;
use s3s::route::S3Route;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_broker::{Broker, Principal};
use skykey_sts::StsFault;

use crate::access::{deny, url_pairs};
use crate::identity::REQUEST;

/// Larger than any form that STS knows.
const LARGEST_FORM: usize = 16 * 1024;

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
pub(crate) fn fault(body: &str) -> StsFault {
    let mut fault = StsFault::parse(body);
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

/// The route that `s3s` takes for STS, after it has verified the signature.
pub(crate) struct Route {
    pub(crate) broker: Arc<Broker>,
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
            _ => Err(deny(
                "the request is not signed; sign it with an EC2 credential",
            )),
        }
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let principal = request
            .extensions
            .get::<Arc<Principal>>()
            .cloned()
            .ok_or_else(|| deny("the request is not signed"))?;
        let body = http_body_util::Limited::new(request.input, LARGEST_FORM)
            .collect()
            .await
            .map_err(|_| {
                S3Error::with_message(
                    S3ErrorCode::InvalidArgument,
                    "the form is too long or ended early",
                )
            })?
            .to_bytes();
        let body = std::str::from_utf8(&body).map_err(|_| {
            S3Error::with_message(S3ErrorCode::InvalidArgument, "the form is not UTF-8")
        })?;
        let form: Vec<(String, String)> = url_pairs(body).collect();
        let field = |name: &str| {
            form.iter()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.as_str())
        };
        let xml = match field("Action") {
            Some("GetSessionToken") => {
                session_token::answer(&self.broker, &principal, field).await?
            }
            Some("AssumeRole") => assume_role::answer(&self.broker, &principal, field).await?,
            Some("GetCallerIdentity") => caller_identity::answer(&principal),
            Some(other) => {
                let other: String = other.chars().take(60).collect();
                let mut error = S3Error::with_message(
                    S3ErrorCode::Custom("InvalidAction".into()),
                    format!(
                        "the action {other} is not served here; GetSessionToken, AssumeRole and GetCallerIdentity are"
                    ),
                );
                error.set_status_code(http::StatusCode::BAD_REQUEST);
                return Err(error);
            }
            None => {
                return Err(S3Error::with_message(
                    S3ErrorCode::InvalidArgument,
                    "the form has no Action",
                ));
            }
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
