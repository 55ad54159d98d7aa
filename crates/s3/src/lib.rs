//! The S3 and STS endpoint: who is it, may they, serve. The protocol is spoken by the `s3s` crate;
//! around it a gate refuses what `s3s` would let through (Signature 2, endless presigned URLs,
//! unsigned `x-amz-` headers, browser form uploads), the broker says who a key is, a table says
//! what each operation needs, and each operation that is served has a file of its own. It knows
//! nothing of pages, and of the disk only the [`ObjectStore`](skykey_store::ObjectStore) trait.
//! What always holds: no operation runs before its signature (or the token that stands in for one
//! at STS) and its right have been checked; an operation that the table does not name is denied to
//! everybody; a write is acknowledged only when it is durable and its checksums are right.

mod access;
mod checksum;
mod error;
mod explain;
mod gate;
mod host;
mod identity;
mod ignored_range;
mod ops;
mod routes;
mod sts;

pub use gate::{Endpoint, EndpointSettings};
pub use s3s::Body;
