//! The JSON API, by IAM access token.

mod leases;
mod surveys;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::routing::{delete, get};
use skykey_broker::Caller;
use skykey_types::Secret;

use crate::Portal;
use crate::error::Problem;

pub(crate) fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/api/v1/surveys", get(surveys::list))
        .route("/api/v1/leases", get(leases::list).post(leases::create))
        .route("/api/v1/leases/{id}", delete(leases::give_back))
}

/// Whoever the request's access token acts for.
pub(crate) struct Bearer(pub(crate) Caller);

impl FromRequestParts<Arc<Portal>> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Problem> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| Secret::new(token.trim()))
            .ok_or_else(|| Problem::unauthorized("the request has no bearer token"))?;
        let claims = portal.iam.verify_access_token(&token).await?;
        Ok(Self(Caller {
            username: claims.id.sub.clone(),
            id: claims.id,
            iam_token: Some(token),
        }))
    }
}
