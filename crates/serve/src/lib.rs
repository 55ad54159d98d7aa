//! HTTP/1.1 servers, the same for every door of skykey: TLS or plain, limits on connections, headers and
//! slow clients, client addresses, limits on wrong tokens, request ids, the access log, metrics, health,
//! and a stop that lets pending requests end. It knows nothing of the services that it runs; limits on
//! bodies are each service's own. What always holds:
//!
//! - No connection lasts longer than its limits.
//! - The query of a request is never logged.
//! - Forwarded headers are trusted from configured networks only.
//! - An invalid certificate never replaces a valid one.

mod access;
mod answer;
mod body;
mod client;
mod connection_limits;
mod door;
mod health;
mod metrics;
mod pace;
mod request_id;
mod settings;
mod tls;
mod validity;
mod wrong_tokens;

pub use body::{RequestBody, Stalled};
pub use client::{ClientAddr, Network, NetworkError};
pub use door::Door;
pub use health::{Readiness, SystemState, health_router, public_health_router};
pub use metrics::{DoorLabel, Metrics, RequestLabels};
pub use settings::{ServeSettings, TlsFiles};
pub use tls::TlsError;
pub use wrong_tokens::{TooManyWrong, WrongTokens};
