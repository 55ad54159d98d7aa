//! The client of S3 endpoints, and of STS, IAM and the admin API, which Ceph's gateway has at the same
//! address: a [`Request`] is written ([`operations`] has a file for each), signed for an [`Endpoint`],
//! sent ([`S3Client`], or [`RenewingClient`] where credentials end in the middle of the work), and its
//! answer read. Bodies stream in both directions; one that is in memory is never copied. It decides
//! nothing about rights, reads no files by itself, and gives up where the `Upstream` that it was made
//! with does. What always holds: what is sent is what was signed, with every header and, unless the
//! request says otherwise, the payload's hash; the sender checks [`Request::has_dots`] first, since a
//! URL loses `.` and `..`; nothing that a server answers makes it panic.

mod client;
mod credentials;
mod endpoint;
mod error;
mod error_body;
mod etag;
mod object_address;
pub mod operations;
mod renewing;
mod request;
#[cfg(feature = "scripted")]
pub mod scripted;
pub mod xml;

pub use client::{S3Client, S3Settings};
pub use credentials::{CredentialsProvider, NoCredentials};
pub use endpoint::Endpoint;
pub use error::{ABOUT_CREDENTIALS, S3Error};
pub use error_body::ErrorBody;
pub use etag::ETag;
pub use object_address::{ObjectAddress, ParseAddressError};
pub use renewing::RenewingClient;
pub use request::{Request, Service, object_path};
pub use skykey_upstream::{Opened, RequestBody};
