//! The web site, the JSON API and the credentials of notebook servers: doors to the broker, with the same
//! powers. The site logs people in through the IAM and keeps a web session; the API takes an IAM access token
//! with each request, or of a machine a token of Keystone, which then only reads; a notebook server shows its
//! own token of a JupyterHub. It decides nothing itself, and knows nothing of the S3 wire. What always holds:
//! nothing is shown or done without a web session, a valid access token, a machine's or a live server's;
//! whatever changes something wants a POST or DELETE with the session's CSRF token (or the bearer); credentials
//! are in one answer, never cached, never logged.

mod api;
mod error;
mod jupyter;
mod pages;
mod sessions;
mod snippets;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::get;
use skykey_broker::Broker;
use skykey_iam::Iam;
use skykey_serve::WrongTokens;
use skykey_types::{Clock, LoginPorts};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use url::Url;

pub use jupyter::JupyterSettings;
pub use sessions::SESSION_COOKIE;

/// No form and no API request comes near.
const LARGEST_BODY: usize = 64 * 1024;

/// What the portal tells people.
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
    pub jupyter: Option<JupyterSettings>,
    /// The public client at the IAM with which the command line logs in; without it, it cannot.
    pub cli_client_id: Option<String>,
    /// Where that client may have a browser sent back to; without, it logs in by device code alone.
    pub cli_ports: Option<LoginPorts>,
}

/// What every handler is handed.
pub(crate) struct Portal {
    pub(crate) broker: Arc<Broker>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) sessions: sessions::Sessions,
    pub(crate) settings: PortalSettings,
    pub(crate) jupyter: jupyter::Memory,
    pub(crate) wrong_keystone_tokens: WrongTokens,
}

/// The site and the API.
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
    Router::new()
        .merge(pages::routes())
        .merge(api::routes())
        .route("/static/style.css", get(stylesheet))
        .fallback(error::no_such_page)
        .with_state(portal)
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
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

async fn stylesheet() -> impl axum::response::IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "max-age=3600"),
        ],
        skykey_look::STYLE,
    )
}
