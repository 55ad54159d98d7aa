//! `GET /api/v1/surveys`: the surveys, and the caller's rights in each.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use skykey_types::{Access, GroupPath, Limits, Method, Prefix, RoleArn, Survey};

use super::RemovalView;
use super::asker::Asker;
use crate::Portal;
use crate::error::Problem;

/// The response.
#[derive(Serialize)]
pub(crate) struct Answer {
    surveys: Vec<View>,
}

/// A survey as the caller sees it.
#[derive(Serialize)]
struct View {
    name: String,
    title: String,
    /// `read`, `write`, or nothing.
    access: Option<Access>,
    methods: Vec<Method>,
    lifetime: Limits,
    prefixes: Vec<Prefix>,
    /// The groups whose members may read.
    readers: Vec<GroupPath>,
    /// The ARNs of its roles in the object store, by access.
    roles: BTreeMap<&'static str, RoleArn>,
    s3: String,
    region: String,
    /// What live credentials can still do after their owner left the group, by method.
    after_removal: BTreeMap<&'static str, RemovalView>,
}

pub(crate) async fn list(
    State(portal): State<Arc<Portal>>,
    asker: Asker,
) -> Result<Json<Answer>, Problem> {
    let person = portal.broker.person(asker.caller()).await?;
    let view = |survey: &Survey| View {
        name: survey.name.to_string(),
        title: survey.title.clone(),
        access: survey.access_of(&person),
        methods: survey.methods.clone(),
        lifetime: survey.lifetime,
        prefixes: survey.prefixes.clone(),
        readers: survey.readers.clone(),
        roles: [Access::Read, Access::Write]
            .into_iter()
            .filter_map(|access| Some((access.as_str(), survey.roles.of(access)?.clone())))
            .collect(),
        s3: portal.settings.s3.to_string(),
        region: portal.settings.region.clone(),
        after_removal: survey
            .methods
            .iter()
            .map(|method| {
                (
                    method.as_str(),
                    RemovalView::of(&portal.broker, &survey.name, *method),
                )
            })
            .collect(),
    };
    Ok(Json(Answer {
        surveys: portal.broker.surveys().iter().map(view).collect(),
    }))
}
