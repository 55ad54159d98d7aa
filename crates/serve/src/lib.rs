//! Serving HTTP/1.1 to the outside, the same for every door of skykey: TLS or plain, limits on connections,
//! headers and slowness, who the client is, and who brings too many wrong tokens, request ids, the access log,
//! metrics, health, and a stop that cuts nobody off. It knows nothing of what is served: a door is handed a
//! service and asks it. Limits on bodies are each service's own. What always holds: no connection is kept for
//! longer than its limits say; the query of a request is never logged; forwarded headers are believed from
//! named networks only; a certificate that does not work never replaces one that does.

mod access;
mod answer;
mod body;
mod client;
mod door;
mod health;
mod metrics;
mod pace;
mod places;
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
pub use request_id::RequestId;
pub use settings::{ServeSettings, TlsFiles};
pub use tls::TlsError;
pub use wrong_tokens::{TooManyWrong, WrongTokens};
