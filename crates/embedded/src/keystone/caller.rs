//! Who asks, by the header `X-Auth-Token`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::Keystone;
use super::answer::Refusal;
use super::seed::Role;
use super::tokens::Token;
use super::users::User;

/// A token with its user and their roles, as they are now.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) token: Token,
    pub(super) user: User,
    /// In the token's project; none without a project.
    pub(super) roles: BTreeSet<Role>,
}

impl Caller {
    pub(super) fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// Refuses everybody but administrators.
    pub(super) fn must_be_admin(&self, action: &str) -> Result<(), Refusal> {
        if self.is_admin() {
            Ok(())
        } else {
            Err(Refusal::forbidden(action))
        }
    }

    /// Refuses everybody but the user of that id and administrators.
    pub(super) fn must_be(&self, user_id: &str, action: &str) -> Result<(), Refusal> {
        if self.user.id == user_id {
            Ok(())
        } else {
            self.must_be_admin(action)
        }
    }
}

impl FromRequestParts<Arc<Keystone>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        keystone: &Arc<Keystone>,
    ) -> Result<Self, Refusal> {
        let token = header(&parts.headers, "x-auth-token").ok_or_else(Refusal::unauthorized)?;
        keystone.caller(token).ok_or_else(Refusal::unauthorized)
    }
}

/// A header's value, if it is there and is text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl Keystone {
    /// Whose token this is. `None` for one that is not ours, has ended, or has lost what it stood
    /// for: its user disabled, no role left in its project, its application credential gone.
    pub(super) fn caller(&self, token: &str) -> Option<Caller> {
        self.with_rights(self.tokens.find(token, self.clock.now())?)
    }

    /// The rights that a token gives now, if it gives any.
    pub(super) fn with_rights(&self, token: Token) -> Option<Caller> {
        let user = self.user(&token.user_id).filter(|user| user.enabled)?;
        let Some(project) = &token.project_id else {
            return Some(Caller {
                token,
                user,
                roles: BTreeSet::new(),
            });
        };
        let mut roles = user.roles.get(project).cloned().unwrap_or_default();
        if let Some(id) = &token.app_credential {
            let now = self.clock.now();
            let credential = self
                .state
                .read(|state| state.app_credentials.get(id).cloned())?;
            if credential.expires.is_some_and(|end| end <= now) {
                return None;
            }
            roles.retain(|role| credential.roles.contains(role));
        }
        (!roles.is_empty()).then_some(Caller { token, user, roles })
    }
}
