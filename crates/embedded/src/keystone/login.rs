//! `/v3/auth/tokens`: logging in, asking what a token is, ending it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use skykey_types::Secret;
use subtle::ConstantTimeEq;

use super::Keystone;
use super::answer::{Refusal, fresh, parse};
use super::caller::{Caller, header};
use super::tokens::Token;
use super::users::{User, UserName};

#[derive(Deserialize)]
struct Request {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    identity: Identity,
    scope: Option<Scope>,
}

#[derive(Deserialize)]
struct Identity {
    methods: Vec<String>,
    password: Option<PasswordMethod>,
    token: Option<TokenMethod>,
    application_credential: Option<AppCredentialMethod>,
}

#[derive(Deserialize)]
struct PasswordMethod {
    user: NamedUser,
}

#[derive(Deserialize)]
struct NamedUser {
    id: Option<String>,
    name: Option<String>,
    domain: Option<Domain>,
    password: Option<Secret>,
}

#[derive(Deserialize)]
struct TokenMethod {
    id: Secret,
}

#[derive(Deserialize)]
struct AppCredentialMethod {
    id: Option<String>,
    name: Option<String>,
    user: Option<NamedUser>,
    secret: Secret,
}

/// `"unscoped"` in old clients, an object in all others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scope {
    Word(String),
    Of(ScopeOf),
}

#[derive(Deserialize)]
struct ScopeOf {
    project: Option<NamedProject>,
    unscoped: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct NamedProject {
    id: Option<String>,
    name: Option<String>,
    domain: Option<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    id: Option<String>,
    name: Option<String>,
}

impl Domain {
    /// Nothing is in another one.
    fn is_default(&self) -> bool {
        match (&self.id, &self.name) {
            (Some(id), _) => id == "default",
            (None, Some(name)) => name.eq_ignore_ascii_case("default"),
            (None, None) => false,
        }
    }
}

impl NamedUser {
    fn name(&self) -> Result<UserName<'_>, Refusal> {
        match (&self.id, &self.name, &self.domain) {
            (Some(id), _, _) => Ok(UserName::Id(id)),
            (None, Some(name), Some(domain)) if domain.is_default() => Ok(UserName::Name(name)),
            (None, Some(_), Some(_)) => Err(Refusal::unauthorized()),
            _ => Err(Refusal::bad_request(
                "A user is named by its id, or by its name and domain.",
            )),
        }
    }
}

/// `POST /v3/auth/tokens`.
pub(super) async fn create(
    State(keystone): State<Arc<Keystone>>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, Refusal> {
    let Request {
        auth: Auth { identity, scope },
    } = parse(&body)?;
    let [method] = identity.methods.as_slice() else {
        return Err(Refusal::bad_request("Exactly one method is needed."));
    };
    let token = match method.as_str() {
        "password" => keystone.by_password(identity.password, scope).await?,
        "token" => keystone.by_token(identity.token, scope)?,
        "application_credential" => {
            keystone.by_app_credential(identity.application_credential, scope.as_ref())?
        }
        _ => return Err(Refusal::unauthorized()),
    };
    keystone.hand_out(token, wants_catalog(query.as_deref()))
}

/// `GET` and `HEAD /v3/auth/tokens`: what is the token in `X-Subject-Token`?
pub(super) async fn validate(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let subject = subject(&keystone, &caller, &headers, "identity:validate_token")?;
    let mut response = fresh(
        StatusCode::OK,
        keystone.describe(&subject, wants_catalog(query.as_deref())),
    );
    if let Some(token) = headers.get("x-subject-token") {
        response
            .headers_mut()
            .insert("x-subject-token", token.clone());
    }
    Ok(response)
}

/// `DELETE /v3/auth/tokens`: ends the token in `X-Subject-Token`.
pub(super) async fn revoke(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    subject(&keystone, &caller, &headers, "identity:revoke_token")?;
    keystone
        .tokens
        .revoke(header(&headers, "x-subject-token").unwrap_or_default());
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The token that is asked about, if the caller may ask: its owner, an administrator, and for
/// validation a service. One that is not, or not any more, is found by nobody.
fn subject(
    keystone: &Keystone,
    caller: &Caller,
    headers: &HeaderMap,
    action: &str,
) -> Result<Caller, Refusal> {
    let subject = header(headers, "x-subject-token")
        .and_then(|token| keystone.caller(token))
        .ok_or_else(|| Refusal::not_found_because("Could not find token."))?;
    let is_service =
        action == "identity:validate_token" && caller.roles.contains(&super::Role::Service);
    if subject.user.id != caller.user.id && !is_service {
        caller.must_be_admin(action)?;
    }
    Ok(subject)
}

fn wants_catalog(query: Option<&str>) -> bool {
    !query.is_some_and(|query| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some("nocatalog"))
    })
}

impl Keystone {
    /// Issues `token` and answers 201, with the token in `X-Subject-Token`.
    pub(super) fn hand_out(&self, token: Token, with_catalog: bool) -> Result<Response, Refusal> {
        let caller = self.with_rights(token).ok_or_else(Refusal::unauthorized)?;
        let mut response = fresh(StatusCode::CREATED, self.describe(&caller, with_catalog));
        let secret = self.tokens.issue(caller.token, self.clock.now())?;
        let mut value =
            HeaderValue::from_str(secret.expose()).map_err(|error| Refusal::internal(&error))?;
        value.set_sensitive(true);
        response.headers_mut().insert("x-subject-token", value);
        Ok(response)
    }

    async fn by_password(
        &self,
        method: Option<PasswordMethod>,
        scope: Option<Scope>,
    ) -> Result<Token, Refusal> {
        let PasswordMethod { user } =
            method.ok_or_else(|| Refusal::bad_request("The password method is empty."))?;
        let password = user
            .password
            .as_ref()
            .ok_or_else(|| Refusal::bad_request("There is no password."))?;
        let found = self.check_password(user.name()?, password).await?;
        let project = self.scope_of(&found, scope)?;
        Ok(Token::new(&found.id, "password", project, self.clock.now()))
    }

    /// A token for another scope. It ends when the old one ends, or tokens would live for ever.
    fn by_token(
        &self,
        method: Option<TokenMethod>,
        scope: Option<Scope>,
    ) -> Result<Token, Refusal> {
        let TokenMethod { id } =
            method.ok_or_else(|| Refusal::bad_request("The token method is empty."))?;
        let caller = self.caller(id.expose()).ok_or_else(Refusal::unauthorized)?;
        if caller.token.is_delegated() {
            return Err(Refusal::forbidden(
                "Delegated tokens cannot be exchanged for other tokens",
            ));
        }
        let project = self.scope_of(&caller.user, scope)?;
        let mut token = Token {
            expires: caller.token.expires,
            ..Token::new(&caller.user.id, "token", project, self.clock.now())
        };
        let earlier = caller
            .token
            .methods
            .into_iter()
            .filter(|method| *method != "token");
        token.methods.splice(0..0, earlier);
        Ok(token)
    }

    fn by_app_credential(
        &self,
        method: Option<AppCredentialMethod>,
        scope: Option<&Scope>,
    ) -> Result<Token, Refusal> {
        let method = method
            .ok_or_else(|| Refusal::bad_request("The application_credential method is empty."))?;
        if scope.is_some() {
            return Err(Refusal::unauthorized_because(
                "Application credentials cannot request a scope.",
            ));
        }
        let owner = match &method.user {
            None => None,
            Some(user) => match user.name()? {
                UserName::Id(id) => Some(id.to_owned()),
                UserName::Name(name) => Some(self.id_of(name).ok_or_else(Refusal::unauthorized)?),
            },
        };
        let found = self
            .state
            .read(|state| match (&method.id, &method.name, owner) {
                (Some(id), _, _) => state
                    .app_credentials
                    .get_key_value(id)
                    .map(|(id, kept)| (id.clone(), kept.clone())),
                (None, Some(name), Some(owner)) => state
                    .app_credentials
                    .iter()
                    .find(|(_, kept)| kept.user_id == owner && kept.name == *name)
                    .map(|(id, kept)| (id.clone(), kept.clone())),
                _ => None,
            });
        let (id, kept) = found.ok_or_else(|| match &method.id {
            // As Keystone does it: whoever knows an id may know that it is gone.
            Some(id) => Refusal::not_found("Application Credential", id),
            None => Refusal::unauthorized(),
        })?;
        let hash = skykey_sigv4::sha256_hex(method.secret.expose().as_bytes());
        if !bool::from(hash.as_bytes().ct_eq(kept.secret_hash.as_bytes())) {
            return Err(Refusal::unauthorized());
        }
        let mut token = Token::new(
            &kept.user_id,
            "application_credential",
            Some(kept.project_id),
            self.clock.now(),
        );
        token.app_credential = Some(id);
        if let Some(end) = kept.expires {
            token.expires = token.expires.min(end);
        }
        Ok(token)
    }

    /// The project that is asked for, if the user has a role there.
    fn scope_of(&self, user: &User, scope: Option<Scope>) -> Result<Option<String>, Refusal> {
        let project = match scope {
            None
            | Some(Scope::Of(ScopeOf {
                project: None,
                unscoped: Some(_),
            })) => return Ok(None),
            Some(Scope::Word(word)) if word == "unscoped" => return Ok(None),
            Some(Scope::Of(ScopeOf {
                project: Some(project),
                ..
            })) => project,
            // A domain, the system, a trust: nobody has a role there.
            Some(_) => return Err(Refusal::unauthorized()),
        };
        let id = match project {
            NamedProject { id: Some(id), .. } => Some(id),
            NamedProject {
                name: Some(name),
                domain: Some(domain),
                ..
            } if domain.is_default() => self.project_named(&name),
            NamedProject {
                name: Some(_),
                domain: Some(_),
                ..
            } => None,
            _ => {
                return Err(Refusal::bad_request(
                    "A project is named by its id, or by its name and domain.",
                ));
            }
        };
        let id = id.filter(|id| user.roles.contains_key(id));
        id.map(Some)
            .ok_or_else(|| Refusal::unauthorized_because("The user has no access to the project."))
    }

    /// The id of the project of this name.
    pub(super) fn project_named(&self, name: &str) -> Option<String> {
        self.seeded
            .projects
            .iter()
            .find(|(_, project)| project.name.as_str() == name)
            .map(|(id, _)| id.clone())
    }
}
