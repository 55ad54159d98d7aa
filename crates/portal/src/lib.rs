//! The web site, the JSON API and the credentials endpoint of notebook servers: three ways to the
//! broker, with the same rights.
//!
//! | way | authentication |
//! |---|---|
//! | the site | a login through the IAM, then a web session |
//! | the API | an access token of the IAM with each request; for a machine, a token of Keystone, which only reads |
//! | notebook servers | the server's own token of a JupyterHub |
//!
//! The portal makes no decision about access, and knows nothing of the S3 protocol. What always holds:
//!
//! - Nothing is shown or done without a web session or a valid token.
//! - A change needs a POST or DELETE with the session's CSRF token, or the bearer.
//! - Credentials are in one response only, never cached, never logged.

mod api;
mod error;
mod jupyter;
mod pages;
mod request_id;
mod routes;
mod sessions;
mod snippets;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use skykey_broker::Broker;
use skykey_hub::Hub;
use skykey_iam::Iam;
use skykey_serve::WrongTokens;
use skykey_types::{Clock, LoginPorts};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use url::Url;

pub use jupyter::JupyterSettings;
pub use routes::{Need, Route, routes};
pub use sessions::SESSION_COOKIE;

/// The limit of a request body; forms and API requests are far smaller.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Addresses and names that the portal shows to people and clients.
#[derive(Debug, Clone)]
pub struct PortalSettings {
    /// Its own address, as people type it.
    pub public: Url,
    /// The S3 endpoint that the credentials are for.
    pub s3: Url,
    /// That endpoint's region.
    pub region: String,
    /// Where a person asks to join a group.
    pub join_at: Url,
    /// The JupyterHub whose notebook servers get credentials, if there is one.
    pub jupyter: Option<(Arc<Hub>, JupyterSettings)>,
    /// The public client at the IAM for `skykey login`; without it, the command cannot log in.
    pub cli_client_id: Option<String>,
    /// Loopback ports that this client may redirect a browser to; without them, it logs in by device
    /// code only.
    pub cli_ports: Option<LoginPorts>,
}

/// The state that all handlers share.
pub(crate) struct Portal {
    pub(crate) broker: Arc<Broker>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) sessions: sessions::Sessions,
    pub(crate) settings: PortalSettings,
    pub(crate) jupyter: jupyter::Memory,
    pub(crate) wrong_keystone_tokens: WrongTokens,
}

/// Returns the routes of the site, the API and the notebook servers.
pub fn router(
    broker: Arc<Broker>,
    iam: Arc<Iam>,
    settings: PortalSettings,
    clock: Arc<dyn Clock>,
) -> Router {
    let secure = settings.public.scheme() == "https";
    let portal = Arc::new(Portal {
        broker,
        iam,
        sessions: sessions::Sessions::new(clock, secure),
        jupyter: jupyter::Memory::default(),
        wrong_keystone_tokens: WrongTokens::default(),
        settings,
    });
    routes::router()
        .fallback(error::no_such_page)
        .with_state(portal)
        .layer(RequestBodyLimitLayer::new(MAX_BODY_BYTES))
        .layer(axum::middleware::from_fn(error::in_our_words))
        .layer(always(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

pub(crate) async fn stylesheet() -> impl axum::response::IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "max-age=3600"),
        ],
        skykey_look::STYLE,
    )
}
