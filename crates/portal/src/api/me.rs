//! `GET /api/v1/me`: the caller's account at the IAM, and their rights in each survey.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use skykey_types::{Access, GroupPath, Survey, Timestamp};

use super::asker::Asker;
use crate::Portal;
use crate::error::Problem;

/// The response.
#[derive(Serialize)]
pub(crate) struct Me {
    username: String,
    issuer: String,
    sub: String,
    groups: Vec<GroupPath>,
    /// When the account ends, if it does; no lease outlives it.
    account_end: Option<Timestamp>,
    surveys: Vec<SurveyAccess>,
    /// Where to ask to join a group.
    join_at: String,
}

/// The caller's rights in a survey.
#[derive(Serialize)]
struct SurveyAccess {
    name: String,
    title: String,
    /// `read`, `write`, or nothing.
    access: Option<Access>,
    /// The groups whose members may read.
    readers: Vec<GroupPath>,
}

pub(crate) async fn show(
    State(portal): State<Arc<Portal>>,
    asker: Asker,
) -> Result<Json<Me>, Problem> {
    let person = portal.broker.person(asker.caller()).await?;
    let access = |survey: &Survey| SurveyAccess {
        name: survey.name.to_string(),
        title: survey.title.clone(),
        access: survey.access_of(&person),
        readers: survey.readers.clone(),
    };
    Ok(Json(Me {
        surveys: portal.broker.surveys().iter().map(access).collect(),
        username: person.username,
        issuer: person.id.issuer,
        sub: person.id.sub,
        groups: person.groups.into_iter().collect(),
        account_end: person.account_end,
        join_at: portal.settings.join_at.to_string(),
    }))
}
