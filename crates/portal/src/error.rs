//! Our errors on the web: an HTTP status, and words as JSON or as a page.

use askama::Template;
use axum::Json;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use skykey_broker::Denied;
use skykey_iam::IamError;

/// An error as the API and the pages tell it: a code for programs, a message and a hint for people.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
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

    /// The answer of a page.
    pub(crate) fn page(self) -> Response {
        let page = ProblemPage {
            message: sentence(&self.message),
            hint: sentence(&self.hint),
        };
        match page.render() {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(_) => (self.status, self.message).into_response(),
        }
    }
}

/// The API's answer: `{"error":{"code","message","hint"}}`.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: Fields,
        }
        #[derive(Serialize)]
        struct Fields {
            code: &'static str,
            message: String,
            hint: String,
        }
        let Self {
            status,
            code,
            message,
            hint,
        } = self;
        let mut response = (
            status,
            Json(Body {
                error: Fields {
                    code,
                    message,
                    hint,
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
        let status = match &denied {
            Denied::NoSuchSurvey(_) | Denied::NoSuchLease(_) => StatusCode::NOT_FOUND,
            Denied::NoSuchMethod { .. }
            | Denied::NotAMethod(_)
            | Denied::NoRole { .. }
            | Denied::NotAnAccess(_)
            | Denied::Lifetime(_) => StatusCode::BAD_REQUEST,
            Denied::NotAMember { .. }
            | Denied::NoAccount(_)
            | Denied::NoSuchKey
            | Denied::NoSurveyOfProject(_)
            | Denied::BadToken(_)
            | Denied::Expired(_)
            | Denied::Revoked { .. }
            | Denied::NeedsEc2
            | Denied::NotTheRole { .. }
            | Denied::NeedsLogin => StatusCode::FORBIDDEN,
            Denied::NotReadOnly { .. } | Denied::NotReadable { .. } | Denied::Away { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Denied::Upstream { .. } => StatusCode::BAD_GATEWAY,
            Denied::Database(error) => {
                tracing::error!(%error, "the broker's database failed");
                let words = "something is wrong inside; it has been logged";
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    denied.code(),
                    words,
                    denied.hint(),
                );
            }
        };
        Self::new(status, denied.code(), denied.to_string(), denied.hint())
    }
}

impl From<IamError> for Problem {
    fn from(error: IamError) -> Self {
        match &error {
            IamError::Token { .. } | IamError::NoLongerVouched => {
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
                    "the IAM, where people log in, does not answer as it should",
                    "live credentials go on working; try again in a few minutes",
                )
            }
        }
    }
}

/// For every path that there is not.
pub(crate) async fn no_such_page(uri: Uri) -> Response {
    let problem = Problem::new(
        StatusCode::NOT_FOUND,
        "no_such_page",
        "there is no such page here",
        "start at the front page, /",
    );
    if uri.path().starts_with("/api/") {
        problem.into_response()
    } else {
        problem.page()
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    message: String,
    hint: String,
}

/// Our messages start small and have no full stop; on a page they are sentences.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
