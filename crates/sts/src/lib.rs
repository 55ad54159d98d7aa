//! STS, the Security Token Service: the shapes on the wire, the client of `GetSessionToken` and
//! `AssumeRole`, and the session tokens that skykey's own endpoint seals and opens. It knows nothing
//! of leases' rules. What always holds: a token opens only for the access key id it was sealed for,
//! and what it opens to is what was sealed; another STS's tokens are opaque.

mod client;
#[cfg(feature = "conformance")]
pub mod conformance;
mod session_policy;
mod token;
mod wire;
mod words;

pub use client::{SYSTEM, StsClient, StsError};
pub use session_policy::{rights_of_policy, session_policy};
pub use token::{OpenedSession, SessionClaims, SessionTokens, TokenError};
pub use wire::{
    assume_role_xml, caller_identity_xml, error_xml, session_token_xml, web_identity_xml,
};
