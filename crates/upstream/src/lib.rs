//! HTTP to the systems around skykey: the IAM, Keystone, Echo. One [`Upstream`] is one system, and all
//! that is true of every call to it: it ends within its time, an answer is read up to a limit (or, opened, piece by piece), no
//! redirect is followed, only so many calls are under way at once, what is safe to repeat is
//! repeated a few times with jitter, a system that keeps failing is left alone for a while, and
//! everything is counted. It knows no protocol: what a status means is the caller's to say. What
//! always holds: no URL, header or body is ever in an error, a log line or a metric.
//!
//! Beside it stand the two ways to ask a system less often: [`SingleFlight`] (one request at a time
//! for each key, shared by all who wait) and [`Cache`] (its outcome kept for a while, the stale value
//! returned while it is refreshed).

mod body;
mod breaker;
mod cache;
mod call;
mod fault;
mod metrics;
mod opened;
mod pause;
mod roots;
mod send;
mod settings;
mod single_flight;

pub use body::{RequestBody, ResponseBody};
pub use cache::{Cache, CacheSettings, Freshness};
pub use call::{Answer, Call, Repeat};
pub use fault::{Fault, SetupError, kind_of_status};
pub use metrics::{AttemptOutcome, UpstreamMetrics};
pub use opened::Opened;
pub use send::{Health, Upstream};
pub use settings::{Settings, Timeouts, is_this_machine};
pub use single_flight::{Flight, SingleFlight};
