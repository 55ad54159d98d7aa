//! The container-credentials endpoint of AWS's SDKs, on loopback, for whoever has its bearer.

use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use skykey_client::{Client, ClientError, GrantedLease, Wish};
use skykey_types::{Secret, random_token};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::me::formats::rfc3339;

/// 48 characters of 5 bits each.
const UNGUESSABLE: usize = 48;

/// Serves while it lives.
pub(super) struct Endpoint {
    url: String,
    bearer: Secret,
    serving: JoinHandle<()>,
}

struct Shared {
    client: Arc<Client>,
    wish: Wish,
    bearer: Secret,
}

impl Endpoint {
    pub(super) async fn start(client: Arc<Client>, wish: Wish) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen on 127.0.0.1")?;
        let url = format!("http://{}/credentials", listener.local_addr()?);
        let bearer = Secret::new(format!("Bearer {}", random_token(UNGUESSABLE)));
        let shared = Arc::new(Shared {
            client,
            wish,
            bearer: bearer.clone(),
        });
        let router = Router::new()
            .route("/credentials", get(credentials))
            .with_state(shared);
        let serving = tokio::spawn(async move {
            // It ends with the command.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            bearer,
            serving,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What `Authorization` must be, to the letter: the SDKs send the variable as it is.
    pub(super) fn bearer(&self) -> &Secret {
        &self.bearer
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn credentials(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let brought = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .map(Secret::new);
    if brought.as_ref() != Some(&shared.bearer) {
        let why = "this endpoint is for the command that skykey exec runs";
        return refusal(StatusCode::UNAUTHORIZED, "unauthorized", why);
    }
    // It goes on if the asker hangs up after its two seconds, so that the next one finds them.
    let asked = tokio::spawn(async move { shared.client.credentials(&shared.wish).await }).await;
    match asked {
        Ok(Ok(granted)) => {
            ([(header::CACHE_CONTROL, "no-store")], Json(wire(&granted))).into_response()
        }
        Ok(Err(error)) => refused(&error),
        Err(_) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "skykey exec failed",
        ),
    }
}

fn wire(granted: &GrantedLease) -> serde_json::Value {
    let credentials = &granted.credentials;
    json!({
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose(),
        // The SDKs want the field; an EC2 credential has none.
        "Token": credentials.session_token.as_ref().map_or("", Secret::expose),
        "Expiration": credentials.expiration.map(rfc3339),
    })
}

/// In one sentence, which botocore shows the person.
fn refused(error: &ClientError) -> Response {
    let hint = error.hint();
    let message = if hint.is_empty() {
        error.to_string()
    } else {
        format!("{error}; {hint}")
    };
    let status = if error.is_outage() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::FORBIDDEN
    };
    refusal(status, error.code(), &message)
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "code": code, "message": message }))).into_response()
}
