//! STS, the Security Token Service: the shapes on the wire, the client of `GetSessionToken`, and
//! the session tokens that skykey's own endpoint seals and opens. It knows nothing of leases'
//! rules. What always holds: a token opens only for the access key id it was sealed for, and what
//! it opens to is what was sealed.

mod client;
mod token;
mod wire;

pub use client::{StsClient, StsError};
pub use token::{OpenedSession, SessionClaims, SessionTokens, TokenError};
pub use wire::{StsFault, caller_identity_xml, error_xml, session_token_xml};
