//! The gate around `s3s`: what every request passes first, and every answer last.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpRequest, HttpResponse, S3Error, S3ErrorCode};
use skykey_broker::Broker;
use skykey_iam::Iam;
use skykey_serve::ClientAddr;
use skykey_store::ObjectStore;
use skykey_types::{Secret, random_token};

use crate::access::{Table, url_pairs};
use crate::explain::explained;
use crate::host::Domains;
use crate::identity::{Auth, NoKeys, REQUEST, RequestIdentity};
use crate::ops::Operations;
use crate::routes::Routes;
use crate::sts;

/// Seven days, the longest that a presigned URL may live (AWS, "Authenticating Requests: Using Query
/// Parameters").
const LONGEST_PRESIGN: u64 = 7 * 24 * 3600;
/// boto3 signs so in us-east-1, where it presigns a URL, unless it is told otherwise.
const SIGNATURE_2: &str = "Signature Version 2 is not accepted; sign with AWS4-HMAC-SHA256, in boto3 by \
                           Config(signature_version=\"s3v4\")";
/// Larger than any error that we write.
const LARGEST_ERROR: usize = 64 * 1024;

/// What the endpoint is told.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The region that it says it is in.
    pub region: String,
    /// The host names under which `bucket.NAME` means the bucket.
    pub domains: Vec<String>,
    /// Whose access tokens lease by `AssumeRoleWithWebIdentity`; nobody's without.
    pub web_identity: Option<Arc<Iam>>,
}

/// The S3 and STS endpoint, ready to be served by hyper.
#[derive(Clone)]
pub struct Endpoint {
    service: S3Service,
}

impl Endpoint {
    /// Serves `store` to whomever `broker` lets.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        broker: Arc<Broker>,
        settings: EndpointSettings,
    ) -> Self {
        let mut config = S3Config::default();
        config.xml_max_body_size = 2 << 20; // DeleteObjects of 1,000 keys of 1,024 bytes
        config.post_object_max_file_size = 0; // browser form uploads never get that far
        config.normalize_forward_slash_path = false; // keys are exact
        let config = Arc::new(StaticConfigProvider::new(Arc::new(config)));
        let operations = Operations {
            store,
            region: settings.region,
        };
        let builder = || {
            let mut builder = S3ServiceBuilder::new(operations.clone());
            builder.set_config(config.clone());
            builder.set_host(Domains(settings.domains.clone()));
            builder.set_access(Table);
            builder
        };
        let mut unsigned = builder();
        // Without an `auth`, `s3s` would not ask the table either.
        unsigned.set_auth(NoKeys);
        let unsigned = unsigned.build();
        let mut builder = builder();
        builder.set_auth(Auth(broker.clone()));
        builder.set_route(Routes {
            sts: sts::Route::new(broker, settings.web_identity),
            unsigned,
        });
        Self {
            service: builder.build(),
        }
    }

    /// Answers one request.
    pub async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let id = random_token(16);
        let is_sts = sts::is_sts(request.method(), request.uri(), request.headers());
        let response = match admit(&request) {
            Ok(token) => {
                let client = request.extensions().get::<ClientAddr>().copied();
                let identity = Arc::new(RequestIdentity::new(token, client));
                // Boxed: the future of an S3 request is large.
                REQUEST
                    .scope(identity, Box::pin(self.service.call(request)))
                    .await?
            }
            Err(error) => {
                tracing::info!(%id, code = error.code().as_str(), message = error.message(), "request refused at the gate");
                error
                    .to_http_response()
                    .map_err(|error| HttpError::new(Box::new(error)))?
            }
        };
        let response = explained(response);
        let mut response = if is_sts && !response.status().is_success() {
            in_sts_words(response, &id).await
        } else {
            response
        };
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-amz-request-id", id);
        }
        Ok(response)
    }
}

/// Refuses what `s3s` would let through, and finds the session token.
fn admit(request: &HttpRequest) -> Result<Option<Secret>, S3Error> {
    let headers = request.headers();
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    if request.method() == Method::POST && is_browser_form(headers) {
        return Err(refusal(
            S3ErrorCode::AccessDenied,
            "browser form uploads are not served; use PUT",
        ));
    }
    match signed_headers(headers, &query)? {
        // Unsigned: the table denies it, unless it is no operation at all.
        None => Ok(None),
        Some(signed) => {
            check_signed_headers(&signed, headers)?;
            session_token(headers, &query)
        }
    }
}

fn refusal(code: S3ErrorCode, message: &'static str) -> S3Error {
    S3Error::with_message(code, message)
}

/// A query in which no parameter occurs twice: of two, `s3s` takes none, and the table would judge
/// by the first.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Result<Self, S3Error> {
        let pairs: Vec<(String, String)> = url_pairs(text).collect();
        let mut names = std::collections::HashSet::new();
        match pairs.iter().find(|(name, _)| !names.insert(name.as_str())) {
            None => Ok(Self(pairs)),
            Some((twice, _)) => {
                let twice: String = twice.chars().take(60).collect();
                Err(S3Error::with_message(
                    S3ErrorCode::InvalidRequest,
                    format!("the query names {twice} twice"),
                ))
            }
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

fn is_browser_form(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("multipart/form-data")
        })
}

/// The names of the headers that are signed, by the header or by the query; `None` if nothing is.
fn signed_headers(headers: &HeaderMap, query: &Query) -> Result<Option<String>, S3Error> {
    if query.value("AWSAccessKeyId").is_some() || query.value("Signature").is_some() {
        return Err(refusal(S3ErrorCode::InvalidRequest, SIGNATURE_2));
    }
    let mut authorizations = headers.get_all(http::header::AUTHORIZATION).iter();
    let presigned = query.value("X-Amz-Signature").is_some();
    match (authorizations.next(), authorizations.next()) {
        (None, _) if presigned => {
            let expires = query
                .value("X-Amz-Expires")
                .and_then(|text| text.parse::<u64>().ok());
            if !expires.is_some_and(|seconds| (1..=LONGEST_PRESIGN).contains(&seconds)) {
                let message = "X-Amz-Expires must be 1 to 604800 seconds";
                return Err(refusal(
                    S3ErrorCode::AuthorizationQueryParametersError,
                    message,
                ));
            }
            Ok(Some(
                query
                    .value("X-Amz-SignedHeaders")
                    .unwrap_or_default()
                    .to_owned(),
            ))
        }
        (None, _) => Ok(None),
        (Some(_), _) if presigned => {
            let message = "the request is signed twice, in a header and in the query";
            Err(refusal(S3ErrorCode::InvalidRequest, message))
        }
        (Some(one), None) => {
            let text = one.to_str().unwrap_or_default();
            if text.starts_with("AWS ") {
                return Err(refusal(S3ErrorCode::InvalidRequest, SIGNATURE_2));
            }
            if !text.starts_with("AWS4-HMAC-SHA256 ") {
                return Err(refusal(
                    S3ErrorCode::InvalidRequest,
                    "the Authorization header is not one of S3; sign the request with AWS4-HMAC-SHA256",
                ));
            }
            let after = text
                .split_once("SignedHeaders=")
                .map_or("", |(_, after)| after);
            Ok(Some(
                after
                    .split(',')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
            ))
        }
        (Some(_), Some(_)) => Err(refusal(
            S3ErrorCode::InvalidRequest,
            "the request has more than one Authorization header",
        )),
    }
}

/// The session token, from the header or the query, not both.
fn session_token(headers: &HeaderMap, query: &Query) -> Result<Option<Secret>, S3Error> {
    let mut in_headers = headers.get_all("x-amz-security-token").iter();
    let token = match (
        in_headers.next(),
        in_headers.next(),
        query.value("X-Amz-Security-Token"),
    ) {
        (None, _, in_query) => in_query,
        (Some(one), None, None) => match one.to_str() {
            Ok(token) => Some(token),
            Err(_) => {
                return Err(refusal(
                    S3ErrorCode::InvalidToken,
                    "the session token is not text",
                ));
            }
        },
        _ => {
            let message = "the request has more than one session token";
            return Err(refusal(S3ErrorCode::InvalidToken, message));
        }
    };
    Ok(token.filter(|token| !token.is_empty()).map(Secret::new))
}

/// Every header that is said to be signed is there, and `host` and every `x-amz-` header is
/// signed: what nobody signed, anybody on the way could have added.
fn check_signed_headers(signed: &str, headers: &HeaderMap) -> Result<(), S3Error> {
    let error = |message: String| {
        Err(S3Error::with_message(
            S3ErrorCode::SignatureDoesNotMatch,
            message,
        ))
    };
    let signed: Vec<&str> = signed.split(';').collect();
    if !signed.contains(&"host") {
        return error("the host header is not signed".to_owned());
    }
    if let Some(missing) = signed
        .iter()
        .find(|name| **name != "host" && !headers.contains_key(**name))
    {
        let missing: String = missing.chars().take(60).collect();
        return error(format!(
            "the header {missing} is said to be signed but is not there"
        ));
    }
    let unsigned = headers.keys().map(http::HeaderName::as_str).find(|name| {
        name.starts_with("x-amz-") && *name != "x-amz-content-sha256" && !signed.contains(name)
    });
    match unsigned {
        Some(name) => error(format!("the header {name} is not signed")),
        None => Ok(()),
    }
}

/// An S3 error as STS says it.
async fn in_sts_words(response: HttpResponse, id: &str) -> HttpResponse {
    let (mut parts, body) = response.into_parts();
    let body = http_body_util::Limited::new(body, LARGEST_ERROR)
        .collect()
        .await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let fault = sts::fault(&String::from_utf8_lossy(&body));
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts.headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("text/xml"),
    );
    Response::from_parts(
        parts,
        Body::from(skykey_sts::error_xml(&fault.code, &fault.message, id)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let mut builder = http::Request::builder().method("GET").uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).unwrap()
    }

    fn code(uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        admit(&request(uri, headers))
            .err()
            .map(|error| error.code().as_str().to_owned())
    }

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=A/20260101/r/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0";

    #[test]
    fn signature_2_is_refused_in_every_form() {
        assert_eq!(
            code("/b", &[("authorization", "AWS A:sig")]).as_deref(),
            Some("InvalidRequest")
        );
        assert_eq!(
            code("/b?AWSAccessKeyId=A&Signature=s&Expires=1", &[]).as_deref(),
            Some("InvalidRequest")
        );
        assert_eq!(
            code("/b?%41WSAccessKeyId=A", &[]).as_deref(),
            Some("InvalidRequest")
        );
    }

    #[test]
    fn the_refusal_of_signature_2_says_what_to_set_in_boto3() {
        for (uri, headers) in [
            ("/b", vec![("authorization", "AWS A:sig")]),
            ("/b?AWSAccessKeyId=A&Signature=s&Expires=1", vec![]),
        ] {
            let error = admit(&request(uri, &headers)).unwrap_err();
            let message = error.message().unwrap().to_owned();
            assert!(message.contains("signature_version=\"s3v4\""), "{message}");
        }
        let other = admit(&request("/b", &[("authorization", "Bearer x")])).unwrap_err();
        assert!(!other.message().unwrap().contains("Version 2"));
    }

    #[test]
    fn a_presigned_url_lives_seven_days_at_the_most() {
        let url = |expires: &str| {
            format!("/b/k?X-Amz-Signature=0&X-Amz-SignedHeaders=host&X-Amz-Expires={expires}")
        };
        assert_eq!(code(&url("604800"), &[]), None);
        for bad in ["604801", "0", "-1", "x", ""] {
            assert_eq!(
                code(&url(bad), &[]).as_deref(),
                Some("AuthorizationQueryParametersError"),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_query_that_names_a_parameter_twice_is_refused() {
        assert_eq!(
            code("/b?prefix=a&prefix=b", &[]).as_deref(),
            Some("InvalidRequest")
        );
        assert_eq!(
            code("/b?prefix=a&%70refix=b", &[]).as_deref(),
            Some("InvalidRequest")
        );
        assert_eq!(code("/b?prefix=a&delimiter=/", &[]), None);
    }

    #[test]
    fn an_unsigned_amz_header_is_refused() {
        let date = ("x-amz-date", "20260101T000000Z");
        assert_eq!(code("/b", &[("authorization", SIGNED), date]), None);
        let extra = ("x-amz-copy-source", "/b/k");
        assert_eq!(
            code("/b", &[("authorization", SIGNED), date, extra]).as_deref(),
            Some("SignatureDoesNotMatch")
        );
        assert_eq!(
            code("/b", &[("authorization", SIGNED)]).as_deref(),
            Some("SignatureDoesNotMatch")
        );
    }

    #[test]
    fn two_session_tokens_or_two_signatures_are_refused() {
        let date = ("x-amz-date", "20260101T000000Z");
        assert_eq!(
            code("/b?X-Amz-Signature=0", &[("authorization", SIGNED), date]).as_deref(),
            Some("InvalidRequest")
        );
        let url = "/b?X-Amz-Signature=0&X-Amz-SignedHeaders=host;x-amz-security-token&X-Amz-Expires=60&X-Amz-Security-Token=a";
        assert_eq!(
            code(url, &[("x-amz-security-token", "b")]).as_deref(),
            Some("InvalidToken")
        );
    }
}
