//! `GET /api/v1/me`: the caller's account at the IAM, and their rights in each survey.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use skykey_api::{Me, SurveyAccess};
use skykey_types::Survey;

use super::caller::ApiCaller;
use super::texts;
use crate::Portal;
use crate::error::Problem;

pub(crate) async fn show(
    State(portal): State<Arc<Portal>>,
    caller: ApiCaller,
) -> Result<Json<Me>, Problem> {
    let person = portal.broker.person(caller.caller()).await?;
    let access = |survey: &Survey| SurveyAccess {
        name: survey.name.to_string(),
        title: survey.title.clone(),
        access: survey.access_of(&person),
        readers: texts(&survey.readers),
    };
    Ok(Json(Me {
        surveys: portal.broker.surveys().iter().map(access).collect(),
        username: person.username,
        issuer: person.id.issuer,
        sub: person.id.sub,
        groups: texts(&person.groups),
        account_end: person.account_end,
        join_at: portal.settings.join_at.to_string(),
    }))
}
