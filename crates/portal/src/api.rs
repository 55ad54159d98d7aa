//! The JSON API. Requests carry an access token of the IAM, or a machine's token of Keystone. The
//! route with a client's settings is open to everybody.

mod caller;
mod leases;
mod me;
mod site;
mod surveys;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::routing::{MethodFilter, MethodRouter, on};
use skykey_api::{AfterRemoval, Operation};
use skykey_broker::{Broker, Caller};
use skykey_types::{Method, Secret, SurveyName};

use crate::Portal;
use crate::error::Problem;
use crate::jupyter;

/// Returns what makes the route of an operation.
pub(crate) fn handler(operation: Operation) -> fn(MethodFilter) -> MethodRouter<Arc<Portal>> {
    match operation {
        Operation::ShowSite => |method| on(method, site::show),
        Operation::ShowMe => |method| on(method, me::show),
        Operation::ListSurveys => |method| on(method, surveys::list),
        Operation::ListLeases => |method| on(method, leases::list),
        Operation::IssueLease => |method| on(method, leases::create),
        Operation::ReturnLease => |method| on(method, leases::give_back),
        Operation::JupyterCredentials => |method| on(method, jupyter::credentials),
    }
}

/// Says what live credentials can still do once their owner has left the group.
pub(crate) fn after_removal(broker: &Broker, survey: &SurveyName, method: Method) -> AfterRemoval {
    let after = broker.after_removal(survey, method);
    AfterRemoval {
        code: after.code().to_owned(),
        seconds: after.seconds(),
        own_tokens_seconds: after.own_tokens_seconds(),
        seen_within: broker.watch_every().as_secs(),
        words: after.words(),
    }
}

/// Names, as the API writes them.
fn texts<T: ToString>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}

/// The person whose access token the request carries.
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
