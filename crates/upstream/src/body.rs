//! Bodies that stream: what is sent, and what comes.

mod file;
mod progress;
mod request;
mod response;

pub(crate) use progress::Progress;
pub use request::RequestBody;
pub use response::ResponseBody;
