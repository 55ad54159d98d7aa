//! The client of Echo, an object store of Ceph with its RADOS Gateway (RGW), for all but STS: it proves
//! that credentials read and cannot write ([`prove`]), and brings the policies of a survey's site
//! into order ([`site`]). It is no general client of S3: every operation here is one that proving
//! or ordering needs. It decides nothing about people. What always holds: a proof changes nothing
//! that was there before, and names what it could not take away again; a statement or a policy that
//! skykey did not make is never changed and never widened; an answer that did not come is neither
//! "refused" nor "allowed".

mod attempts;
mod buckets;
mod client;
mod error;
mod interpret;
pub mod policy;
mod project;
mod proof;
mod prove;
pub mod site;
pub mod user_policy;
mod users;

pub use client::Echo;
pub use error::EchoError;
pub use project::ProjectId;
pub use proof::{Operation, Proof, Reading, Trial, TrialOutcome, Verdict};
pub use prove::{ProofPlan, prove, read};
pub use skykey_s3_client::operations::list_buckets::BucketList;
pub use skykey_s3_client::operations::{OpMask, RgwUser};
pub use skykey_upstream::{SetupError, UpstreamMetrics};
