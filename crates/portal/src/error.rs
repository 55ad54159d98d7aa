//! Errors as HTTP responses: a status, and a message as JSON or as a page.

use askama::Template;
use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use skykey_api::{ErrorBody, ErrorDetails, SentenceError};
use skykey_broker::{Denied, NotAMachine};
use skykey_iam::IamError;
use skykey_serve::TooManyWrong;

/// An error as the API and the pages tell it: a code for programs, a message and a hint for people.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
    /// The group to join, for programs that can ask for it.
    pub(crate) group: Option<String>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: hint.into(),
            group: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message, hint)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            message,
            "send 'Authorization: Bearer …' with an access token of the IAM",
        )
    }

    /// Returns the response for that address: JSON for the API, a sentence for notebooks, a page for people.
    fn at(self, uri: &Uri) -> Response {
        if uri.path().starts_with("/api/") {
            self.into_response()
        } else if uri.path().starts_with("/jupyter/") {
            self.in_a_sentence()
        } else {
            self.page()
        }
    }

    /// Builds the response for a client that shows the body as it is: `{"code","message"}`, in one
    /// line.
    pub(crate) fn in_a_sentence(self) -> Response {
        self.check_documented();
        let body = SentenceError {
            code: self.code.to_owned(),
            message: format!("{}; {}", self.message, self.hint),
        };
        (self.status, Json(body)).into_response()
    }

    /// Fails the tests if the reference of the API does not have this error.
    fn check_documented(&self) {
        debug_assert!(
            skykey_api::is_documented(self.status.as_u16(), self.code),
            "the reference of the API lacks {} {}",
            self.status,
            self.code
        );
    }

    /// The answer of a page.
    pub(crate) fn page(self) -> Response {
        // Some hints are for programs; the next step of a page is a link.
        let hint = if self.hint.contains("/api/v1/") || self.hint.starts_with("leave it out") {
            String::new()
        } else {
            self.hint
        };
        let page = ProblemPage {
            message: sentence(&self.message),
            hint: sentence(&hint),
        };
        match page.render() {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(_) => (self.status, self.message).into_response(),
        }
    }
}

/// The API's response: `{"error":{"code","message","hint"}}`, of a missing membership with `group` too.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.check_documented();
        let Self {
            status,
            code,
            message,
            hint,
            group,
        } = self;
        let mut response = (
            status,
            Json(ErrorBody {
                error: ErrorDetails {
                    code: code.to_owned(),
                    message,
                    hint,
                    group,
                },
            }),
        )
            .into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                header::HeaderValue::from_static("Bearer"),
            );
        }
        response
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::from(&denied)
    }
}

impl From<&Denied> for Problem {
    fn from(denied: &Denied) -> Self {
        let status = match denied {
            Denied::NotAMachine(NotAMachine::NotTaken | NotAMachine::Unknown) => {
                StatusCode::UNAUTHORIZED
            }
            Denied::NoSuchSurvey(_) | Denied::NoSuchLease(_) => StatusCode::NOT_FOUND,
            Denied::NoSuchMethod { .. }
            | Denied::NotAMethod(_)
            | Denied::NoRole { .. }
            | Denied::NotAnAccess(_)
            | Denied::NotNarrowed(_)
            | Denied::NotAKey(_)
            | Denied::Lifetime(_) => StatusCode::BAD_REQUEST,
            Denied::NotAMember { .. }
            | Denied::NoAccount(_)
            | Denied::NoSuchKey
            | Denied::NoSurveyOfProject(_)
            | Denied::BadToken(_)
            | Denied::Expired(_)
            | Denied::Revoked { .. }
            | Denied::NeedsEc2
            | Denied::NotAMachine(_)
            | Denied::MachinesRead
            | Denied::NotTheRole { .. }
            | Denied::NoSuchRole(_)
            | Denied::NeedsLogin
            | Denied::LoginEnded => StatusCode::FORBIDDEN,
            Denied::NotReadOnly { .. } | Denied::NotReadable { .. } | Denied::Away { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Denied::Upstream { .. } => StatusCode::BAD_GATEWAY,
            Denied::Database(error) => {
                tracing::error!(%error, "the broker's database failed");
                let words = "an internal error occurred; it has been logged";
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    denied.code(),
                    words,
                    denied.hint(),
                );
            }
        };
        let group = match denied {
            Denied::NotAMember { groups, .. } => groups.first().map(ToString::to_string),
            _ => None,
        };
        Self {
            group,
            ..Self::new(status, denied.code(), denied.to_string(), denied.hint())
        }
    }
}

impl From<IamError> for Problem {
    fn from(error: IamError) -> Self {
        match &error {
            IamError::Token { .. } | IamError::TokenEnded | IamError::NoLongerVouched => {
                Self::unauthorized(error.to_string())
            }
            IamError::Login { .. } => Self::new(
                StatusCode::BAD_REQUEST,
                "bad_login",
                error.to_string(),
                "log in again",
            ),
            IamError::Setup(_)
            | IamError::Unreachable(_)
            | IamError::Refused { .. }
            | IamError::NotGranted { .. }
            | IamError::NotOffered { .. }
            | IamError::Unexpected { .. } => {
                tracing::warn!(%error, "the IAM failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "upstream_away",
                    "the IAM, where people log in, does not respond as expected",
                    "live credentials stay valid; try again in a few minutes",
                )
            }
        }
    }
}

impl From<TooManyWrong> for Problem {
    fn from(error: TooManyWrong) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            error.to_string(),
            "try again in a minute",
        )
    }
}

/// Responds to every path without a route.
pub(crate) async fn no_such_page(uri: Uri) -> Response {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_such_page",
        "this page does not exist",
        "start at the front page, /",
    )
    .at(&uri)
}

/// Rewrites the framework's own errors, from before any handler ran: a method without a route, a query
/// or a form that cannot be parsed. The framework's texts are for programmers. Headers such as `Allow`
/// stay.
pub(crate) async fn in_our_words(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let raw = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let Some(problem) = refused_early(response.status()).filter(|_| raw) else {
        return response;
    };
    let mut rewritten = problem.at(&uri);
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            rewritten.headers_mut().insert(name, value.clone());
        }
    }
    rewritten
}

fn refused_early(status: StatusCode) -> Option<Problem> {
    let (code, message, hint) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this address does not accept that method",
            "the header Allow lists the accepted methods; start at the front page, /",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "bad_request",
            "the form has no content type",
            "send it with 'Content-Type: application/x-www-form-urlencoded'",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "too_large",
            "the request is longer than 64 KiB",
            "send a shorter request",
        ),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => (
            "bad_request",
            "the address or the form cannot be read: a field is malformed, or given more than once",
            "check the fields, or start again at the front page, /",
        ),
        StatusCode::INTERNAL_SERVER_ERROR => (
            "internal",
            "an internal error occurred; it has been logged",
            "tell the people who run this portal",
        ),
        _ => return None,
    };
    Some(Problem::new(status, code, message, hint))
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    message: String,
    hint: String,
}

/// Turns a message, which starts in lower case and has no full stop, into a sentence for a page.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
