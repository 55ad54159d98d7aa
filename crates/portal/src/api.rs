//! The JSON API. Requests carry an access token of the IAM, or a machine's token of Keystone. The
//! route with a client's settings is open to everybody.

mod asker;
mod leases;
mod me;
mod site;
mod surveys;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::routing::{delete, get};
use serde::Serialize;
use skykey_broker::{Broker, Caller};
use skykey_types::{Method, Secret, SurveyName};

use crate::Portal;
use crate::error::Problem;

pub(crate) fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/api/v1/site", get(site::show))
        .route("/api/v1/me", get(me::show))
        .route("/api/v1/surveys", get(surveys::list))
        .route("/api/v1/leases", get(leases::list).post(leases::create))
        .route("/api/v1/leases/{id}", delete(leases::give_back))
}

/// What live credentials can still do once their owner has left the group.
#[derive(Serialize)]
pub(crate) struct RemovalView {
    /// `refused-at-once`, `works-for-seconds`, `works-until-expiry` or `works-until-deleted`.
    code: &'static str,
    /// For how many seconds, if known, from when the watch sees the removal.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    /// For how many seconds, likewise, session tokens may work that the owner made at the object
    /// store's own STS from an EC2 credential of their own; absent if there are none, or it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_tokens_seconds: Option<i64>,
    /// Seconds within which the watch sees the removal.
    seen_within: i64,
    /// The same as a sentence, for people.
    words: String,
}

impl RemovalView {
    pub(crate) fn of(broker: &Broker, survey: &SurveyName, method: Method) -> Self {
        let after = broker.after_removal(survey, method);
        Self {
            code: after.code(),
            seconds: after.seconds(),
            own_tokens_seconds: after.own_tokens_seconds(),
            seen_within: broker.watch_every().as_secs(),
            words: after.words(),
        }
    }
}

/// The person of the request's access token.
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
