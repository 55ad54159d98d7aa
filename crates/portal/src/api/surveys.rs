//! `GET /api/v1/surveys`: the surveys, and the caller's access to each.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use skykey_api::SurveyList;
use skykey_types::{Access, Survey};

use super::caller::ApiCaller;
use super::{after_removal, texts};
use crate::Portal;
use crate::error::Problem;

pub(crate) async fn list(
    State(portal): State<Arc<Portal>>,
    caller: ApiCaller,
) -> Result<Json<SurveyList>, Problem> {
    let person = portal.broker.person(caller.caller()).await?;
    let view = |survey: &Survey| skykey_api::Survey {
        name: survey.name.to_string(),
        title: survey.title.clone(),
        access: survey.access_of(&person),
        methods: texts(&survey.methods),
        lifetime: survey.lifetime,
        prefixes: texts(&survey.prefixes),
        readers: texts(&survey.readers),
        roles: [Access::Read, Access::Write]
            .into_iter()
            .filter_map(|access| {
                let role = survey.roles.of(access)?;
                Some((access.as_str().to_owned(), role.to_string()))
            })
            .collect(),
        s3: portal.settings.s3.to_string(),
        region: portal.settings.region.clone(),
        after_removal: survey
            .methods
            .iter()
            .map(|method| {
                let after = after_removal(&portal.broker, &survey.name, *method);
                (method.to_string(), after)
            })
            .collect(),
    };
    Ok(Json(SurveyList {
        surveys: portal.broker.surveys().iter().map(view).collect(),
    }))
}
