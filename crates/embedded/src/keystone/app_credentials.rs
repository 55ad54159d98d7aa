//! Application credentials: a part of a person's rights, for a program.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use skykey_sigv4::sha256_hex;
use skykey_types::{Secret, random_bytes};

use super::Keystone;
use super::answer::{Refusal, fresh, parse};
use super::caller::Caller;
use super::catalog::{links, role, time};
use super::seed::Role;
use super::state::{AppCredential, new_id};

const MAX_PER_USER: usize = 1000;

#[derive(Deserialize)]
struct Body {
    application_credential: NewApplicationCredential,
}

#[derive(Deserialize)]
struct NewApplicationCredential {
    name: String,
    description: Option<String>,
    roles: Option<Vec<WantedRole>>,
    expires_at: Option<String>,
    #[serde(default)]
    unrestricted: bool,
    secret: Option<Secret>,
    access_rules: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct WantedRole {
    id: Option<String>,
    name: Option<String>,
}

/// `POST /v3/users/{user}/application_credentials`, for the token's project.
pub(super) async fn create(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(user_id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    may(&caller, &user_id)?;
    let project_id = caller.token.project_id.clone();
    let project_id = project_id.filter(|_| caller.user.id == user_id);
    let project_id =
        project_id.ok_or_else(|| Refusal::forbidden("identity:create_application_credential"))?;
    let Body {
        application_credential: wanted,
    } = parse(&body)?;
    if !(1..=255).contains(&wanted.name.chars().count()) {
        return Err(Refusal::bad_request("A name has 1 to 255 characters."));
    }
    if wanted.secret.is_some() {
        return Err(Refusal::bad_request("The secret is made here: give none."));
    }
    if wanted.access_rules.is_some_and(|rules| !rules.is_empty()) {
        return Err(Refusal::bad_request("Access rules are not supported here."));
    }
    let secret = Secret::new(hex::encode(random_bytes::<32>()));
    let credential = AppCredential {
        name: wanted.name,
        description: wanted.description,
        secret_hash: sha256_hex(secret.expose().as_bytes()),
        user_id,
        project_id,
        roles: granted(wanted.roles.as_deref(), &caller.roles)?,
        unrestricted: wanted.unrestricted,
        expires: wanted
            .expires_at
            .as_deref()
            .map(|text| end(text, keystone.clock.now()))
            .transpose()?,
    };
    let id = new_id();
    let mut shown = keystone.show_app_credential(&id, &credential);
    shown["secret"] = json!(secret.expose());
    let made = keystone.state.try_update(move |state| {
        let mut others = state
            .app_credentials
            .values()
            .filter(|other| other.user_id == credential.user_id);
        if others.clone().count() >= MAX_PER_USER {
            return Err(Refusal::forbidden(
                "the user has as many application credentials as one may have",
            ));
        }
        if others.any(|other| other.name == credential.name) {
            return Err(Refusal::conflict(
                "The user has an application credential of this name.",
            ));
        }
        state.app_credentials.insert(id, credential);
        Ok(())
    });
    made.await?;
    Ok(fresh(
        StatusCode::CREATED,
        json!({"application_credential": shown}),
    ))
}

/// `GET /v3/users/{user}/application_credentials`, without the secrets: they are not kept.
pub(super) async fn list(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Response, Refusal> {
    may(&caller, &user_id)?;
    let shown: Vec<Value> = keystone.state.read(|state| {
        let own = state
            .app_credentials
            .iter()
            .filter(|(_, credential)| credential.user_id == user_id);
        own.map(|(id, credential)| keystone.show_app_credential(id, credential))
            .collect()
    });
    let links = links(&keystone.url(&format!("users/{user_id}/application_credentials")));
    Ok(fresh(
        StatusCode::OK,
        json!({"application_credentials": shown, "links": links}),
    ))
}

/// `GET /v3/users/{user}/application_credentials/{id}`.
pub(super) async fn show(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path((user_id, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    may(&caller, &user_id)?;
    let credential = keystone.app_credential_of(&user_id, &id)?;
    let shown = keystone.show_app_credential(&id, &credential);
    Ok(fresh(
        StatusCode::OK,
        json!({"application_credential": shown}),
    ))
}

/// `DELETE /v3/users/{user}/application_credentials/{id}`: its tokens end with it.
pub(super) async fn delete(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path((user_id, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    may(&caller, &user_id)?;
    keystone.app_credential_of(&user_id, &id)?;
    keystone
        .state
        .update(move |state| state.app_credentials.remove(&id))
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Its owner or an administrator, with all of their rights.
fn may(caller: &Caller, user_id: &str) -> Result<(), Refusal> {
    caller.must_be(user_id, "identity:application_credentials")?;
    if caller.token.is_delegated() {
        return Err(Refusal::forbidden(
            "Delegated tokens cannot manage application credentials",
        ));
    }
    Ok(())
}

/// The roles asked for, each of which the token must have; all of the token's if none is named.
fn granted(
    wanted: Option<&[WantedRole]>,
    have: &BTreeSet<Role>,
) -> Result<BTreeSet<Role>, Refusal> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return Ok(have.clone());
    };
    let find = |wanted: &WantedRole| {
        let is_it = |have: &&Role| match (&wanted.id, &wanted.name) {
            (Some(id), _) => role(**have)["id"] == **id,
            (None, name) => name.as_deref() == Some(have.as_str()),
        };
        have.iter().find(is_it).copied()
    };
    let found = wanted.iter().map(find);
    found.collect::<Option<_>>().ok_or_else(|| {
        Refusal::bad_request("Cannot create an application credential with unassigned role")
    })
}

/// An end in the future. Clients leave out the zone, which is UTC.
fn end(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let with_zone = format!("{text}Z");
    let end = text.parse::<Timestamp>().or_else(|_| with_zone.parse());
    end.ok().filter(|end| *end > now).ok_or_else(|| {
        Refusal::bad_request("expires_at is not a time in the future, such as 2027-01-31T12:00:00")
    })
}

impl Keystone {
    fn app_credential_of(&self, user_id: &str, id: &str) -> Result<AppCredential, Refusal> {
        self.state
            .read(|state| state.app_credentials.get(id).cloned())
            .filter(|credential| credential.user_id == user_id)
            .ok_or_else(|| Refusal::not_found("Application Credential", id))
    }

    fn show_app_credential(&self, id: &str, credential: &AppCredential) -> Value {
        let AppCredential {
            name,
            description,
            user_id,
            project_id,
            roles,
            unrestricted,
            expires,
            ..
        } = credential;
        json!({
            "id": id, "name": name, "description": description, "project_id": project_id, "user_id": user_id,
            "roles": roles.iter().copied().map(role).collect::<Vec<_>>(),
            "unrestricted": unrestricted, "expires_at": expires.map(time), "system": null,
            "links": {"self": self.url(&format!("users/{user_id}/application_credentials/{id}"))},
        })
    }
}
