//! `/healthz`, `/readyz`, `/metrics`: health for monitoring.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Serialize;

use crate::metrics::Metrics;

/// The health of the systems that skykey depends on.
#[async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// Returns the state of every system, and other faults. Anybody may call it every few seconds, so it
    /// reports recorded states and sends no request.
    async fn systems(&self) -> Vec<SystemState>;
}

/// The state of one system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemState {
    /// Its name, such as `keystone`.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// Whether skykey is useless while it fails. Then the status is 503; failures of other systems are
    /// reported with a 200.
    #[serde(skip)]
    pub needed: bool,
    /// When it entered this state.
    pub since: Timestamp,
    /// The fault and the remedy, for the operator; it may contain addresses, never secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    ready: bool,
    systems: Vec<SystemState>,
}

/// Returns all routes, for an address that only the site's machines reach:
///
/// - `GET /healthz`: 200 `ok` while the process serves.
/// - `GET /readyz`: `{"ready":bool,"systems":[{"name","ok","since","why"}]}`, where `ready` says whether all
///   are ok. The status is 503 if a needed one is not, otherwise 200.
/// - `GET /metrics`: OpenMetrics text for Prometheus.
pub fn health_router(readiness: Arc<dyn Readiness>, metrics: Metrics) -> Router {
    let readyz = move || async move { ready(readiness.systems().await) };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(move || async move { text(&metrics) }))
}

/// Returns the public routes, to be merged into a door's own: `/healthz`, and `/readyz` without the
/// `why`s.
pub fn public_health_router<S>(readiness: Arc<dyn Readiness>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let readyz = move || async move {
        let mut systems = readiness.systems().await;
        for system in &mut systems {
            system.why = None;
        }
        ready(systems)
    };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

async fn healthz() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

fn ready(systems: Vec<SystemState>) -> impl IntoResponse {
    let ready = systems.iter().all(|system| system.ok);
    let status = if systems.iter().any(|system| system.needed && !system.ok) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let answer = Json(Answer { ready, systems });
    (status, [(header::CACHE_CONTROL, "no-store")], answer)
}

fn text(metrics: &Metrics) -> impl IntoResponse + use<> {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
