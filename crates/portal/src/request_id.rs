//! The id of the request that a handler answers; the broker writes it into the audit.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use skykey_types::RequestId;

/// The [`RequestId`] that `skykey-serve` gave to the request.
pub(crate) struct OfRequest(pub(crate) RequestId);

impl<S: Sync> FromRequestParts<S> for OfRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(id_of(parts)))
    }
}

/// Returns the request's id; a new one if no server gave it any, so that every entry has one.
pub(crate) fn id_of(parts: &Parts) -> RequestId {
    let given = parts.extensions.get::<RequestId>();
    given.cloned().unwrap_or_default()
}
