//! The caller of the API: a person by bearer token, a client by bearer token, a person by web session.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use skykey_types::GroupPath;

use super::Iam;
use super::answer::ApiError;
use super::scope::Scope;
use crate::Account;

/// A caller whose token or session is verified.
#[derive(Debug)]
pub(super) enum Caller {
    /// A client acting for a person, within a scope.
    Person(Account, Scope),
    /// A client acting for itself, within a scope.
    Client(Scope),
    /// A person at the pages.
    Session(Account),
}

impl Caller {
    /// Returns the person, by token or by session.
    pub(super) fn account(&self) -> Option<&Account> {
        match self {
            Self::Person(account, _) | Self::Session(account) => Some(account),
            Self::Client(_) => None,
        }
    }

    /// Whether the token has this scope; a web session has none.
    pub(super) fn has_scope(&self, scope: &str) -> bool {
        match self {
            Self::Person(_, granted) | Self::Client(granted) => granted.has(scope),
            Self::Session(_) => false,
        }
    }

    /// Whether this is the group's manager at the pages. As with INDIGO, a token is not enough.
    pub(super) fn manages(&self, group: &GroupPath) -> bool {
        matches!(self, Self::Session(account) if account.manages.contains(group))
    }

    /// Whether this is some group's manager at the pages.
    pub(super) fn is_a_manager(&self) -> bool {
        matches!(self, Self::Session(account) if !account.manages.is_empty())
    }

    /// Returns the error for a missing scope (by token) or role (by session).
    pub(super) fn refusal(&self, scope: &'static str) -> ApiError {
        match self {
            Self::Session(_) => ApiError::Forbidden("this is for the group's manager"),
            Self::Person(..) | Self::Client(_) => ApiError::Scope(scope),
        }
    }
}

impl Iam {
    /// Authenticates the caller. A bearer token takes precedence over a cookie; a call with a cookie that changes
    /// something must carry the session's csrf value in `x-csrf-token`.
    pub(super) fn caller(&self, method: &Method, headers: &HeaderMap) -> Result<Caller, ApiError> {
        if headers.contains_key(AUTHORIZATION) {
            return self.bearer(headers);
        }
        let account = self.signed_in(headers).ok_or(ApiError::NoLogin)?;
        let csrf = headers
            .get("x-csrf-token")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !method.is_safe() && !self.sessions.is_ours(headers, csrf) {
            return Err(ApiError::Forbidden(
                "the header x-csrf-token is missing or wrong",
            ));
        }
        Ok(Caller::Session(account))
    }

    /// Authenticates the caller by bearer token only (RFC 6750 §2.1).
    pub(super) fn bearer(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let value = headers.get(AUTHORIZATION).ok_or(ApiError::NoLogin)?;
        let (scheme, token) = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .ok_or(ApiError::NoLogin)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::NoLogin);
        }
        let claims = self.tokens.verify(token.trim()).ok_or(ApiError::BadToken)?;
        if claims.sub == claims.client_id {
            return self
                .clients
                .find(&claims.client_id)
                .map(|_| Caller::Client(claims.scope))
                .ok_or(ApiError::BadToken);
        }
        let account = self
            .directory
            .usable(&claims.sub)
            .ok_or(ApiError::BadToken)?;
        Ok(Caller::Person(account, claims.scope))
    }

    /// Returns the person of the web session, if the account is active.
    pub(super) fn signed_in(&self, headers: &HeaderMap) -> Option<Account> {
        let session = self.sessions.find(headers, self.clock.now())?;
        self.directory.usable(&session.sub)
    }
}
