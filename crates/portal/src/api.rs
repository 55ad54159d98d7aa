//! The JSON API. Requests carry an access token of the IAM, or a machine's token of Keystone. The
//! route with a client's settings is open to everybody.

mod caller;
mod leases;
mod me;
mod site;
mod surveys;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::routing::{delete, get, post};
use skykey_api::{AfterRemoval, Operation};
use skykey_broker::{Broker, Caller};
use skykey_types::{Method, Secret, SurveyName};

use crate::Portal;
use crate::error::Problem;
use crate::jupyter;

/// Returns the routes of all operations that the reference describes, and of no others.
pub(crate) fn routes() -> Router<Arc<Portal>> {
    Operation::ALL
        .iter()
        .fold(Router::new(), |router, operation| {
            let handler = match operation {
                Operation::ShowSite => get(site::show),
                Operation::ShowMe => get(me::show),
                Operation::ListSurveys => get(surveys::list),
                Operation::ListLeases => get(leases::list),
                Operation::IssueLease => post(leases::create),
                Operation::ReturnLease => delete(leases::give_back),
                Operation::JupyterCredentials => get(jupyter::credentials),
            };
            router.route(operation.path(), handler)
        })
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Returns the paths of `.route("…")` in the Rust files below `folder`.
    fn written_routes(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                written_routes(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(text.split(".route(").skip(1).filter_map(|after| {
                let path = after.trim_start().strip_prefix('"')?;
                Some(path.split_once('"')?.0.to_owned())
            }));
        }
    }

    /// The router of the API is made of [`skykey_api::Operation::ALL`], and so is its reference.
    #[test]
    fn no_route_of_the_api_is_missing_in_the_reference() {
        let mut found = Vec::new();
        written_routes(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut found,
        );
        assert!(found.iter().any(|path| path == "/login"), "{found:?}");
        for path in found {
            let is_api = ["/api", "/jupyter"]
                .iter()
                .any(|start| path.starts_with(start));
            assert!(!is_api, "{path} has to be an Operation of skykey-api");
        }
    }
}
