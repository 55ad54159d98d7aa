//! An endpoint that speaks as Amazon's do (S3, STS, IAM; Ceph's gateway has all three at one address), as its
//! clients need it: what is asked ([`Ask`]), written and signed for it ([`Endpoint`]), and what it says when it
//! refuses ([`Problem`], [`xml`]). It is not a client: it sends nothing, and knows no operation. What always holds: what is
//! written is what was signed, with every header that was named and the payload's hash (whoever sends it by a library that takes
//! `.` and `..` out of paths asks [`Ask::has_dots`] first); nothing that a server writes
//! makes it panic.

mod ask;
mod endpoint;
mod problem;
#[cfg(feature = "scripted")]
pub mod scripted;
pub mod xml;

pub use ask::{Ask, object_path};
pub use endpoint::Endpoint;
pub use problem::Problem;
