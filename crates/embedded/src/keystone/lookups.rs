//! Looking up users, projects and domains.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Refusal, fresh};
use super::caller::Caller;
use super::catalog::{domain, links};
use super::users::User;
use super::{IDENTITY_PROVIDER, Keystone, PROTOCOL};

/// The characters that a URL carries as they are (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The filters of a list.
#[derive(Deserialize)]
pub(super) struct Filter {
    name: Option<String>,
    domain_id: Option<String>,
    idp_id: Option<String>,
    protocol_id: Option<String>,
    unique_id: Option<String>,
}

impl Filter {
    /// Whether a user's login at the IAM matches the filter.
    fn fits_login(&self, sub: Option<&str>) -> bool {
        let fits = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        let unique_id = sub.map(|sub| utf8_percent_encode(sub, UNRESERVED).to_string());
        fits(&self.idp_id, sub.map(|_| IDENTITY_PROVIDER))
            && fits(&self.protocol_id, sub.map(|_| PROTOCOL))
            && fits(&self.unique_id, unique_id.as_deref())
    }
}

/// `GET /v3/auth/projects` and `GET /v3/OS-FEDERATION/projects`: those of the token's user.
pub(super) async fn own_projects(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
) -> Response {
    // An application credential is for its one project.
    let only = caller
        .token
        .app_credential
        .as_ref()
        .and(caller.token.project_id.as_ref());
    let ids = caller
        .user
        .roles
        .keys()
        .filter(|id| only.is_none_or(|only| only == *id));
    keystone.project_list("auth/projects", ids)
}

/// `GET /v3/users/{user}/projects`.
pub(super) async fn projects_of(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    caller.must_be(&id, "identity:list_user_projects")?;
    let user = keystone
        .user(&id)
        .ok_or_else(|| Refusal::not_found("user", &id))?;
    Ok(keystone.project_list(&format!("users/{}/projects", user.id), user.roles.keys()))
}

/// `GET /v3/projects`.
pub(super) async fn projects(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    caller.must_be_admin("identity:list_projects")?;
    let here = filter.domain_id.as_deref().is_none_or(|id| id == "default");
    let fits = |id: &String| {
        let name = keystone
            .seeded
            .projects
            .get(id)
            .map(|project| project.name.as_str());
        here && filter
            .name
            .as_deref()
            .is_none_or(|wanted| name == Some(wanted))
    };
    Ok(keystone.project_list(
        "projects",
        keystone.seeded.projects.keys().filter(|id| fits(id)),
    ))
}

/// `GET /v3/projects/{project}`: for its members.
pub(super) async fn project(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    if !caller.user.roles.contains_key(&id) {
        caller.must_be_admin("identity:get_project")?;
    }
    let project = keystone
        .project(&id)
        .ok_or_else(|| Refusal::not_found("project", &id))?;
    Ok(fresh(StatusCode::OK, json!({"project": project})))
}

/// `GET /v3/domains`: there is one.
pub(super) async fn domains(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    caller.must_be_admin("identity:list_domains")?;
    let mut domain = domain();
    domain["description"] = json!("The default domain");
    domain["enabled"] = json!(true);
    domain["links"] = json!({"self": keystone.url("domains/default")});
    let here = filter.name.is_none_or(|name| domain["name"] == name);
    let domains: Vec<Value> = here.then_some(domain).into_iter().collect();
    Ok(fresh(
        StatusCode::OK,
        json!({"domains": domains, "links": links(&keystone.url("domains"))}),
    ))
}

/// `GET /v3/users`: services, and people who ever logged in.
pub(super) async fn users(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    caller.must_be_admin("identity:list_users")?;
    let here = filter.domain_id.as_deref().is_none_or(|id| id == "default");
    let ids: Vec<String> = if let Some(name) = &filter.name {
        keystone.id_of(name).into_iter().collect()
    } else {
        let services = keystone.seeded.services.keys().cloned();
        let people = keystone
            .state
            .read(|state| state.people.keys().cloned().collect::<Vec<_>>());
        services.chain(people).collect()
    };
    let ids = ids.iter().filter(|_| here);
    let users: Vec<Value> = ids
        .filter_map(|id| keystone.user(id))
        .filter(|user| filter.fits_login(user.sub.as_deref()))
        .map(|user| keystone.show(&user))
        .collect();
    Ok(fresh(
        StatusCode::OK,
        json!({"users": users, "links": links(&keystone.url("users"))}),
    ))
}

/// `GET /v3/users/{user}`.
pub(super) async fn user(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    caller.must_be(&id, "identity:get_user")?;
    let user = keystone
        .user(&id)
        .ok_or_else(|| Refusal::not_found("user", &id))?;
    Ok(fresh(StatusCode::OK, json!({"user": keystone.show(&user)})))
}

impl Keystone {
    fn project_list<'a>(&self, path: &str, ids: impl Iterator<Item = &'a String>) -> Response {
        let projects: Vec<Value> = ids.filter_map(|id| self.project(id)).collect();
        fresh(
            StatusCode::OK,
            json!({"projects": projects, "links": links(&self.url(path))}),
        )
    }

    fn project(&self, id: &str) -> Option<Value> {
        let project = self.seeded.projects.get(id)?;
        Some(json!({
            "id": id, "name": project.name, "description": "", "enabled": true, "is_domain": false,
            "domain_id": "default", "parent_id": "default", "options": {}, "tags": [],
            "links": {"self": self.url(&format!("projects/{id}"))},
        }))
    }

    fn show(&self, user: &User) -> Value {
        let mut body = json!({
            "id": user.id, "name": user.name, "enabled": user.enabled, "domain_id": "default",
            "options": {}, "password_expires_at": null, "federated": [],
            "links": {"self": self.url(&format!("users/{}", user.id))},
        });
        if let Some(sub) = &user.sub {
            // Keystone stores it percent-encoded, and shows it so.
            let unique_id = utf8_percent_encode(sub, UNRESERVED).to_string();
            body["federated"] = json!([{
                "idp_id": IDENTITY_PROVIDER,
                "protocols": [{"protocol_id": PROTOCOL, "unique_id": unique_id}],
            }]);
        }
        body
    }
}
