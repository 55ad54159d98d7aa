//! Issuing a lease, and giving it back.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use skykey_broker::{Issued, LeaseFields};
use skykey_types::RequestId;

use super::{html, session_with_csrf};
use crate::Portal;
use crate::error::Problem;
use crate::request_id::OfRequest;
use crate::snippets::{Snippet, snippets};

/// The form. An empty field is still sent, so an empty lifetime is an error.
#[derive(Deserialize)]
pub(crate) struct LeaseForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    survey: String,
    lifetime: Option<String>,
    method: Option<String>,
    access: Option<String>,
    key: Option<String>,
}

#[derive(Template)]
#[template(path = "credentials.html")]
struct Credentials<'a> {
    name: &'a str,
    csrf: &'a str,
    survey: &'a str,
    lease: &'a str,
    method: &'static str,
    access: &'static str,
    ends: String,
    limit: &'static str,
    /// What live credentials can do after the person left the group.
    removal: String,
    snippets: Vec<Snippet>,
}

pub(crate) async fn create(
    State(portal): State<Arc<Portal>>,
    OfRequest(request_id): OfRequest,
    headers: HeaderMap,
    Form(form): Form<LeaseForm>,
) -> Response {
    match try_create(&portal, &headers, form, &request_id).await {
        Ok(response) => response,
        Err(problem) => problem.page(),
    }
}

async fn try_create(
    portal: &Portal,
    headers: &HeaderMap,
    form: LeaseForm,
    request_id: &RequestId,
) -> Result<Response, Problem> {
    let session = session_with_csrf(portal, headers, &form.csrf)?;
    let fields = LeaseFields {
        survey: form.survey,
        lifetime: form.lifetime,
        method: form.method,
        access: form.access,
        key: form.key,
    };
    let broker = &portal.broker;
    let request = broker
        .parse_request(&session.caller, &fields, request_id)
        .await?;
    let Issued {
        lease,
        survey,
        credentials,
        ..
    } = broker.issue(&session.caller, &request, request_id).await?;
    let prefix = survey.prefixes.first().ok_or_else(|| {
        Problem::bad_request("the survey has no prefix in the store", "tell its curators")
    })?;
    let ends = lease.expires.map_or_else(
        || "you leave the group".to_owned(),
        |end| end.strftime("%H:%M:%S UTC on %-d %B %Y").to_string(),
    );
    Ok(html(&Credentials {
        name: &session.name,
        csrf: session.csrf.expose(),
        survey: lease.survey.as_str(),
        lease: lease.id.as_str(),
        method: lease.method.as_str(),
        access: lease.access.as_str(),
        ends,
        limit: match lease.limit {
            skykey_types::Limit::AccountEnd => "Your account at the IAM ends then.",
            skykey_types::Limit::LeaseEnd => "The lease that they come from ends then.",
            skykey_types::Limit::SurveyMaximum => "The survey allows no longer.",
            skykey_types::Limit::Asked
            | skykey_types::Limit::Default
            | skykey_types::Limit::Revocation => "",
        },
        removal: format!(
            "skykey notices within {} s; then {}.",
            portal.broker.watch_every().as_secs(),
            portal
                .broker
                .after_removal(&lease.survey, lease.method)
                .words()
        ),
        snippets: snippets(
            &credentials,
            lease.survey.as_str(),
            prefix.bucket.as_str(),
            &prefix.prefix,
            &portal.settings,
        ),
    }))
}

#[derive(Deserialize)]
pub(crate) struct Csrf {
    #[serde(default)]
    csrf: String,
}

pub(crate) async fn give_back(
    State(portal): State<Arc<Portal>>,
    OfRequest(request_id): OfRequest,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<Csrf>,
) -> Response {
    let session = match session_with_csrf(&portal, &headers, &form.csrf) {
        Ok(session) => session,
        Err(problem) => return problem.page(),
    };
    match portal
        .broker
        .give_back(&session.caller, &id, &request_id)
        .await
    {
        Ok(()) => Redirect::to("/").into_response(),
        Err(denied) => Problem::from(denied).page(),
    }
}
