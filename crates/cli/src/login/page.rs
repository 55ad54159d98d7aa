//! What the browser shows when it has come back.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

/// A page of the loopback server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// The login is done.
    Done,
    /// It is not; the terminal says why.
    Failed,
    /// Somebody else was first.
    Answered,
    /// It does not belong to the login that waits.
    NotOurs,
    /// An unknown path of the loopback server.
    Nothing,
    /// The `Host` header names another host (DNS rebinding).
    AnotherHost,
    /// Not a GET.
    Method,
}

impl Page {
    fn status(self) -> StatusCode {
        match self {
            Self::Done => StatusCode::OK,
            Self::Failed => StatusCode::BAD_REQUEST,
            Self::Answered => StatusCode::GONE,
            Self::NotOurs | Self::AnotherHost => StatusCode::FORBIDDEN,
            Self::Nothing => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => (
                "You are logged in",
                "skykey has your login. You can close this tab and go back to the terminal.",
            ),
            Self::Failed => (
                "That did not work",
                "The terminal says why. You can close this tab.",
            ),
            Self::Answered => (
                "This login is over",
                "Its answer has come already. You can close this tab.",
            ),
            Self::NotOurs => (
                "This is not the login that skykey waits for",
                "Go on in the tab that skykey opened, or run \u{2018}skykey login\u{2019} again.",
            ),
            Self::Nothing | Self::AnotherHost | Self::Method => (
                "There is nothing here",
                "skykey waits here for a login to come back.",
            ),
        }
    }
}

/// No part of it comes from a request, and it fetches nothing: the listener is gone before it could.
impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let (title, words) = self.words();
        let style = skykey_look::STYLE;
        let html = format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title} · skykey</title>
<style>{style}</style>
</head>
<body>
<header class="top"><div><span class="brand">skykey</span></div></header>
<main id="main">
<h1>{title}</h1>
<p>{words}</p>
</main>
</body>
</html>
"#
        );
        let headers = [
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONNECTION, "close"),
        ];
        (self.status(), headers, Html(html)).into_response()
    }
}
