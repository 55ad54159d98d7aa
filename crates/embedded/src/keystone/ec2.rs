//! EC2 credentials: `OS-EC2` for their owners, `/v3/credentials` for administrators.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use skykey_seal::Purpose;
use skykey_sigv4::sha256_hex;
use skykey_types::{AccessKeyId, Secret};

use super::Keystone;
use super::answer::{Refusal, fresh, parse};
use super::caller::Caller;
use super::catalog::links;
use super::seed::Role;
use super::state::{Ec2, new_id};

const SEALED: Purpose = Purpose("keystone-ec2");
// Each change writes the whole state file.
const MAX_PER_USER: usize = 10_000;

/// `POST /v3/users/{user}/credentials/OS-EC2`.
pub(super) async fn create(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(user_id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    #[derive(Deserialize)]
    struct NewEc2Credential {
        tenant_id: String,
    }
    const ACTION: &str = "identity:ec2_create_credential";
    may_change(&caller, &user_id, ACTION)?;
    let NewEc2Credential { tenant_id } = parse(&body)?;
    let user = keystone
        .user(&user_id)
        .ok_or_else(|| Refusal::not_found("user", &user_id))?;
    if !keystone.seeded.projects.contains_key(&tenant_id) {
        return Err(Refusal::not_found("project", &tenant_id));
    }
    if !user
        .roles
        .get(&tenant_id)
        .is_some_and(|roles| roles.contains(&Role::Member))
    {
        return Err(Refusal::forbidden(
            "the user is not a member of the project",
        ));
    }
    let (access, secret) = (AccessKeyId::new(new_id()), Secret::new(new_id()));
    let credential = keystone.seal(access, &secret, user_id, tenant_id);
    let shown = keystone.show_ec2(&credential, &secret);
    let made = keystone.state.try_update(move |state| {
        if state
            .ec2
            .values()
            .filter(|other| other.user_id == credential.user_id)
            .count()
            >= MAX_PER_USER
        {
            return Err(Refusal::forbidden(
                "the user has as many credentials as one may have",
            ));
        }
        state.ec2.insert(
            sha256_hex(credential.access.as_str().as_bytes()),
            credential,
        );
        Ok(())
    });
    made.await?;
    Ok(fresh(StatusCode::CREATED, json!({"credential": shown})))
}

/// `GET /v3/users/{user}/credentials/OS-EC2`, with the secrets.
pub(super) async fn list(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Response, Refusal> {
    may_see(&caller, &user_id, "identity:ec2_list_credentials")?;
    if keystone.user(&user_id).is_none() {
        return Err(Refusal::not_found("user", &user_id));
    }
    let found: Vec<Ec2> = keystone.state.read(|state| {
        state
            .ec2
            .values()
            .filter(|credential| credential.user_id == user_id)
            .cloned()
            .collect()
    });
    let mut shown = Vec::with_capacity(found.len());
    for credential in &found {
        shown.push(keystone.show_ec2(credential, &keystone.unseal(credential)?));
    }
    let links = links(&keystone.url(&format!("users/{user_id}/credentials/OS-EC2")));
    Ok(fresh(
        StatusCode::OK,
        json!({"credentials": shown, "links": links}),
    ))
}

/// `GET /v3/users/{user}/credentials/OS-EC2/{access}`.
pub(super) async fn show(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path((user_id, access)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    may_see(&caller, &user_id, "identity:ec2_get_credential")?;
    let credential = keystone.ec2_of(&user_id, &access)?;
    let secret = keystone.unseal(&credential)?;
    Ok(fresh(
        StatusCode::OK,
        json!({"credential": keystone.show_ec2(&credential, &secret)}),
    ))
}

/// `DELETE /v3/users/{user}/credentials/OS-EC2/{access}`.
pub(super) async fn delete(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path((user_id, access)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    may_change(&caller, &user_id, "identity:ec2_delete_credential")?;
    keystone.ec2_of(&user_id, &access)?;
    keystone
        .state
        .update(move |state| state.ec2.remove(&sha256_hex(access.as_bytes())))
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /v3/credentials/{id}`: the credential as Keystone stores it, by the SHA-256 of its access
/// key id. This is how Ceph's RGW reads a secret.
pub(super) async fn raw(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    if caller.token.is_delegated() {
        return Err(Refusal::delegated());
    }
    caller.must_be_admin("identity:get_credential")?;
    let credential = keystone.state.read(|state| state.ec2.get(&id).cloned());
    let credential = credential.ok_or_else(|| Refusal::not_found("credential", &id))?;
    let secret = keystone.unseal(&credential)?;
    let blob = json!({"access": credential.access, "secret": secret.expose(), "trust_id": null});
    let body = json!({"credential": {
        "id": id, "type": "ec2", "blob": blob.to_string(),
        "user_id": credential.user_id, "project_id": credential.project_id,
        "links": {"self": keystone.url(&format!("credentials/{id}"))},
    }});
    Ok(fresh(StatusCode::OK, body))
}

/// Seeing takes being the owner, with all of one's rights.
fn may_see(caller: &Caller, user_id: &str, action: &str) -> Result<(), Refusal> {
    caller.must_be(user_id, action)?;
    if caller.token.is_delegated() {
        Err(Refusal::delegated())
    } else {
        Ok(())
    }
}

/// Making and deleting takes the role `member` besides.
fn may_change(caller: &Caller, user_id: &str, action: &str) -> Result<(), Refusal> {
    may_see(caller, user_id, action)?;
    if caller.roles.contains(&Role::Member) {
        Ok(())
    } else {
        Err(Refusal::forbidden(action))
    }
}

impl Keystone {
    /// The credential with this access key id, if it is the user's.
    fn ec2_of(&self, user_id: &str, access: &str) -> Result<Ec2, Refusal> {
        self.ec2(access)
            .filter(|credential| credential.user_id == user_id)
            .ok_or_else(|| Refusal::not_found("credential", access))
    }

    /// The credential with this access key id.
    pub(super) fn ec2(&self, access: &str) -> Option<Ec2> {
        self.state
            .read(|state| state.ec2.get(&sha256_hex(access.as_bytes())).cloned())
    }

    fn seal(
        &self,
        access: AccessKeyId,
        secret: &Secret,
        user_id: String,
        project_id: String,
    ) -> Ec2 {
        let mut credential = Ec2 {
            access,
            sealed: String::new(),
            user_id,
            project_id,
        };
        let sealed = self.ring.seal(
            SEALED,
            bound(&credential).as_bytes(),
            secret.expose().as_bytes(),
        );
        credential.sealed = STANDARD.encode(sealed);
        credential
    }

    pub(super) fn unseal(&self, credential: &Ec2) -> Result<Secret, Refusal> {
        let sealed = STANDARD
            .decode(&credential.sealed)
            .map_err(|error| Refusal::internal(&error))?;
        let opened = self
            .ring
            .open(SEALED, bound(credential).as_bytes(), &sealed);
        let opened = opened.map_err(|error| Refusal::internal(&error))?;
        let text = std::str::from_utf8(&opened).map_err(|error| Refusal::internal(&error))?;
        Ok(Secret::new(text))
    }

    fn show_ec2(&self, credential: &Ec2, secret: &Secret) -> Value {
        let Ec2 {
            access,
            user_id,
            project_id,
            ..
        } = credential;
        json!({
            "access": access, "secret": secret.expose(),
            "user_id": user_id, "tenant_id": project_id, "trust_id": null,
            "links": {"self": self.url(&format!("users/{user_id}/credentials/OS-EC2/{access}"))},
        })
    }
}

/// What a sealed secret belongs to: it does not open for another user or project.
fn bound(credential: &Ec2) -> String {
    format!(
        "{}/{}/{}",
        credential.access, credential.user_id, credential.project_id
    )
}
