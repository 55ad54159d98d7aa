//! The portal's JSON API in types: what a client sends and what the portal returns, used by both, and
//! one table of the operations ([`Operation`]) and of the errors ([`ERRORS`]). It knows no HTTP
//! framework and decides nothing. What always holds: each type describes itself ([`Described`]) in the
//! same lines that declare it, and `docs/api.md` and `docs/api/openapi.json` are generated from these
//! descriptions ([`reference`]), so they cannot say anything else than the portal does.
//!
//! Clients may be older or newer than the portal. A client ignores fields that it does not know, and
//! reads what has several values that may grow (methods, states, limits) as text.

mod described;
mod errors;
mod jupyter;
mod leases;
mod me;
mod operation;
pub mod reference;
mod site;
mod surveys;

pub use described::{Described, Field, Object, Objects};
pub use errors::{
    AnyError, ApiError, ERRORS, ErrorBody, ErrorDetails, SentenceError, is_documented,
};
pub use jupyter::ContainerCredentials;
pub use leases::{
    AwsCredentials, IssuedLease, Lease, LeaseList, LeaseRequest, LifetimeText, S3Location,
};
pub use me::{Me, SurveyAccess};
pub use operation::{Caller, Operation, Parameter};
pub use site::Site;
pub use surveys::{AfterRemoval, Survey, SurveyList};
