//! The S3 and STS endpoint: who is it, may they, serve.
//!
//! A request goes one way. The **front** reads it, verifies its signature and judges it by one
//! table (`front/operation.rs`: each operation of S3, what selects it, what it may carry, the right
//! that it needs). **local** answers it from an [`ObjectStore`](skykey_store::ObjectStore), an
//! operation a file, named as S3 names them. **sts** answers what is meant for STS. An error is a
//! [`Fault`] from where it arises to the wire, where it is written once.
//!
//! The crate knows nothing of pages, of disks, or of how a lease is made. What always holds: no
//! operation runs before its signature (or, at STS, the token that stands in for one) and its right
//! have been checked; what the table does not name is done for nobody; a header or parameter that
//! is not honoured is refused; a write is acknowledged only when it is durable and its checksums
//! are right.

mod answer;
mod checksum;
mod endpoint;
mod fault;
mod front;
mod local;
mod request;
mod sts;
mod words;
mod xml;

pub use answer::Body;
pub use endpoint::{Endpoint, EndpointSettings};
pub use fault::{Code, Fault};
pub use front::operation::{Need, On, Operation, Row, TABLE};
pub use sts::{Action, ActionNeed};
