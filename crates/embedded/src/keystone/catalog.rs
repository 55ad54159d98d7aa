//! Versions, the catalogue, and the description of a token.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Refusal, fresh};
use super::caller::Caller;
use super::seed::Role;
use super::{IDENTITY_PROVIDER, Keystone, PROTOCOL};

/// `GET /`.
pub(super) async fn versions(State(keystone): State<Arc<Keystone>>) -> Response {
    fresh(
        StatusCode::MULTIPLE_CHOICES,
        json!({"versions": {"values": [keystone.version()]}}),
    )
}

/// `GET /v3`.
pub(super) async fn version(State(keystone): State<Arc<Keystone>>) -> Response {
    fresh(StatusCode::OK, json!({"version": keystone.version()}))
}

/// `GET /v3/auth/catalog`.
pub(super) async fn catalog(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    if caller.token.project_id.is_none() {
        return Err(Refusal::forbidden("identity:get_auth_catalog"));
    }
    let links = links(&keystone.url("auth/catalog"));
    Ok(fresh(
        StatusCode::OK,
        json!({"catalog": keystone.services(), "links": links}),
    ))
}

/// The links of a list that has one page.
pub(super) fn links(url: &str) -> Value {
    json!({"self": url, "next": null, "previous": null})
}

/// The only domain.
pub(super) fn domain() -> Value {
    json!({"id": "default", "name": "Default"})
}

/// A role as a token names it. Its id follows from its name.
pub(super) fn role(role: Role) -> Value {
    let id = &skykey_sigv4::sha256_hex(format!("role {}", role.as_str()).as_bytes())[..32];
    json!({"id": id, "name": role.as_str()})
}

/// A time as Keystone writes it.
pub(super) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
}

impl Keystone {
    fn version(&self) -> Value {
        json!({
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": self.url("")}],
            "media-types": [{
                "base": "application/json",
                "type": "application/vnd.openstack.identity-v3+json",
            }],
        })
    }

    /// The only service: this one.
    fn services(&self) -> Value {
        let url = self.url("");
        let url = url.trim_end_matches('/');
        let id = |what: &str| skykey_sigv4::sha256_hex(what.as_bytes())[..32].to_owned();
        let endpoint = |interface: &str| {
            json!({
                "id": id(interface), "interface": interface, "url": url,
                "region": "RegionOne", "region_id": "RegionOne",
            })
        };
        json!([{
            "id": id("identity"), "type": "identity", "name": "keystone",
            "endpoints": [endpoint("public"), endpoint("internal"), endpoint("admin")],
        }])
    }

    /// The description of a token, `{"token": …}`.
    pub(super) fn describe(&self, caller: &Caller, with_catalog: bool) -> Value {
        let Caller { token, user, roles } = caller;
        let mut body = json!({
            "methods": token.methods,
            "user": {
                "id": user.id, "name": user.name, "domain": domain(), "password_expires_at": null,
            },
            "audit_ids": [token.audit_id],
            "issued_at": time(token.issued),
            "expires_at": time(token.expires),
        });
        if token.methods.contains(&PROTOCOL) {
            body["user"]["OS-FEDERATION"] = json!({
                "groups": [],
                "identity_provider": {"id": IDENTITY_PROVIDER},
                "protocol": {"id": PROTOCOL},
            });
        }
        if let Some(id) = &token.project_id
            && let Some(project) = self.seeded.projects.get(id)
        {
            body["project"] = json!({"id": id, "name": project.name, "domain": domain()});
            body["is_domain"] = json!(false);
            body["roles"] = roles.iter().copied().map(role).collect();
            if with_catalog {
                body["catalog"] = self.services();
            }
        }
        if let Some(id) = &token.app_credential
            && let Some(kept) = self
                .state
                .read(|state| state.app_credentials.get(id).cloned())
        {
            body["application_credential"] =
                json!({"id": id, "name": kept.name, "restricted": !kept.unrestricted});
        }
        json!({"token": body})
    }
}
