//! Tokens: made, checked, renewed, ended.
//!
//! Everything that one login (or one device code, or one call with client credentials) leads to
//! is one *grant*. An access token's `jti` begins with its grant's id, so ending a grant ends all
//! its tokens. Refresh tokens rotate; a spent one that comes back ends its grant (RFC 9700
//! §4.14.2).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use skykey_types::{Clock, random_token};

use super::answer::OAuthError;
use super::clients::{ClientSeed, GrantType};
use super::scope::Scope;
use super::signer::{Kind, Signer};
use super::userinfo::claims_about;
use crate::directory::uuid;
use crate::{Account, Directory, EmbeddedError, StateFile};

/// How long an access token lasts, INDIGO's default.
pub(super) const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
const ID_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Spent refresh tokens remembered for each grant, to notice when one comes back.
const MAX_SPENT_PER_GRANT: u64 = 20;

/// What somebody allowed a client, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) sub: String,
    pub(super) scope: Scope,
    /// When the person typed the password.
    pub(super) auth_time: Timestamp,
    pub(super) nonce: Option<String>,
}

impl Grant {
    pub(super) fn new(
        client_id: &str,
        sub: &str,
        scope: Scope,
        auth_time: Timestamp,
        nonce: Option<String>,
    ) -> Self {
        let (client_id, sub) = (client_id.to_owned(), sub.to_owned());
        Self {
            id: uuid(),
            client_id,
            sub,
            scope,
            auth_time,
            nonce,
        }
    }
}

/// What the token endpoint answers, RFC 6749 §5.1.
#[derive(Debug, Serialize)]
pub(super) struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    expires_in: i64,
    scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// What an access token says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TokenClaims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) exp: i64,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) jti: String,
    pub(super) client_id: String,
    pub(super) scope: Scope,
}

/// A live refresh token, as the introspection sees it.
pub(super) struct RefreshInfo {
    pub(super) grant: Grant,
    pub(super) expires: Timestamp,
}

pub(super) struct Tokens {
    signer: Signer,
    issuer: String,
    state: StateFile<State>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// By the SHA-256 of the token.
    refresh: BTreeMap<String, Refresh>,
    /// Grants, and single access tokens by `jti`, that were ended, until they would have expired.
    ended: BTreeMap<String, Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Refresh {
    grant: Grant,
    expires: Timestamp,
    /// How many were spent before this one.
    turn: u64,
    spent: bool,
}

impl Tokens {
    pub(super) fn open(
        path: &Path,
        signer: Signer,
        issuer: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EmbeddedError> {
        Ok(Self {
            signer,
            issuer: issuer.to_owned(),
            state: StateFile::open(path)?,
            clock,
        })
    }

    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The first tokens of a person's grant: an access token, an id token for `openid`, a refresh
    /// token for `offline_access`.
    pub(super) async fn begin(
        &self,
        client: &ClientSeed,
        grant: Grant,
        account: &Account,
    ) -> Result<TokenAnswer, OAuthError> {
        let renewable =
            grant.scope.has("offline_access") && client.allows(GrantType::RefreshToken).is_ok();
        let mut refresh_token = None;
        if renewable {
            let (token, hash) = new_refresh_token();
            let now = self.clock.now();
            let entry = Refresh {
                grant: grant.clone(),
                expires: now + REFRESH_LIFETIME,
                turn: 0,
                spent: false,
            };
            let store = move |state: &mut State| {
                state.prune(now);
                if state.ended.contains_key(&entry.grant.id) {
                    return Err(ended());
                }
                state.refresh.insert(hash, entry);
                Ok(())
            };
            self.state.try_update(store).await?;
            refresh_token = Some(token);
        }
        let scope = grant.scope.clone();
        self.answer(&grant, account, scope, refresh_token)
    }

    /// New tokens for a refresh token, which is spent by that. A narrower scope holds for the new
    /// access token alone.
    pub(super) async fn renew(
        &self,
        client: &ClientSeed,
        token: &str,
        asked: Option<&str>,
        directory: &Directory,
    ) -> Result<TokenAnswer, OAuthError> {
        let unknown = || {
            OAuthError::invalid_grant("the refresh token is not valid, has expired or was revoked")
        };
        let now = self.clock.now();
        let hash = hash_of(token);
        let found = self
            .state
            .read(|state| state.refresh.get(&hash).cloned())
            .ok_or_else(unknown)?;
        if found.grant.client_id != client.client_id || found.expires <= now {
            return Err(unknown());
        }
        let account = directory
            .usable(&found.grant.sub)
            .ok_or_else(|| OAuthError::invalid_grant("the account is deactivated or has ended"))?;
        let asked = asked.map(Scope::from).unwrap_or_default();
        let scope = if asked.is_empty() {
            found.grant.scope.clone()
        } else {
            asked
        };
        if !scope.is_within(&found.grant.scope) {
            return Err(OAuthError::new("invalid_scope", "more than was granted"));
        }
        let (next, next_hash) = new_refresh_token();
        let turn = move |state: &mut State| -> Result<Option<Grant>, OAuthError> {
            state.prune(now);
            let Some(old) = state.refresh.get_mut(&hash) else {
                return Err(unknown());
            };
            if old.spent {
                let id = old.grant.id.clone();
                state.end_grant(&id, now);
                return Ok(None);
            }
            old.spent = true;
            let (grant, turn) = (old.grant.clone(), old.turn + 1);
            state.refresh.retain(|_, entry| {
                entry.grant.id != grant.id || entry.turn + MAX_SPENT_PER_GRANT >= turn
            });
            let entry = Refresh {
                grant: grant.clone(),
                expires: now + REFRESH_LIFETIME,
                turn,
                spent: false,
            };
            state.refresh.insert(next_hash, entry);
            Ok(Some(grant))
        };
        if let Some(grant) = self.state.try_update(turn).await? {
            return self.answer(&grant, &account, scope, Some(next));
        }
        tracing::warn!(
            client = client.client_id,
            sub = account.sub,
            "a spent refresh token came back"
        );
        Err(OAuthError::invalid_grant(
            "the refresh token was used before; log in again",
        ))
    }

    /// A client's own access token.
    pub(super) fn for_client(
        &self,
        client: &ClientSeed,
        scope: Scope,
    ) -> Result<TokenAnswer, OAuthError> {
        let grant = Grant::new(
            &client.client_id,
            &client.client_id,
            scope.clone(),
            self.clock.now(),
            None,
        );
        let access_token = self.access_token(&grant, None, &scope)?;
        let expires_in = ACCESS_LIFETIME.as_secs();
        Ok(TokenAnswer {
            access_token,
            token_type: "Bearer",
            refresh_token: None,
            expires_in,
            scope,
            id_token: None,
        })
    }

    /// What an access token says, if it is ours, in time and not ended. Whether its subject may
    /// use it is the caller's to check.
    pub(super) fn verify(&self, token: &str) -> Option<TokenClaims> {
        let claims: TokenClaims = self.signer.verify(Kind::Access, token)?;
        let now = self.clock.now().as_second();
        let grant = claims.jti.split(':').next().unwrap_or_default();
        let live = claims.iss == self.issuer
            && claims.nbf <= now
            && now < claims.exp
            && self.state.read(|state| {
                !state.ended.contains_key(&claims.jti) && !state.ended.contains_key(grant)
            });
        live.then_some(claims)
    }

    /// A refresh token that could be used now.
    pub(super) fn refresh_info(&self, token: &str) -> Option<RefreshInfo> {
        let entry = self
            .state
            .read(|state| state.refresh.get(&hash_of(token)).cloned())?;
        let live = !entry.spent && self.clock.now() < entry.expires;
        live.then_some(RefreshInfo {
            grant: entry.grant,
            expires: entry.expires,
        })
    }

    /// Ends one access token.
    pub(super) async fn end_access_token(&self, claims: &TokenClaims) -> Result<(), EmbeddedError> {
        let now = self.clock.now();
        let jti = claims.jti.clone();
        let update = move |state: &mut State| {
            state.prune(now);
            state.ended.insert(jti, now + ACCESS_LIFETIME);
        };
        self.state.update(update).await
    }

    /// Ends a grant with all its tokens.
    pub(super) async fn end_grant(&self, id: &str) -> Result<(), EmbeddedError> {
        let now = self.clock.now();
        let id = id.to_owned();
        let update = move |state: &mut State| {
            state.prune(now);
            state.end_grant(&id, now);
        };
        self.state.update(update).await
    }

    fn answer(
        &self,
        grant: &Grant,
        account: &Account,
        scope: Scope,
        refresh_token: Option<String>,
    ) -> Result<TokenAnswer, OAuthError> {
        let access_token = self.access_token(grant, Some(account), &scope)?;
        let id_token = if scope.has("openid") {
            Some(self.id_token(grant, account, &scope, &access_token)?)
        } else {
            None
        };
        let expires_in = ACCESS_LIFETIME.as_secs();
        Ok(TokenAnswer {
            access_token,
            token_type: "Bearer",
            refresh_token,
            expires_in,
            scope,
            id_token,
        })
    }

    fn access_token(
        &self,
        grant: &Grant,
        account: Option<&Account>,
        scope: &Scope,
    ) -> Result<String, EmbeddedError> {
        let mut claims = account
            .map(|account| claims_about(account, scope))
            .unwrap_or_default();
        self.stamp(&mut claims, &grant.sub, ACCESS_LIFETIME);
        claims.insert(
            "jti".to_owned(),
            format!("{}:{}", grant.id, random_token(16)).into(),
        );
        claims.insert("client_id".to_owned(), grant.client_id.clone().into());
        claims.insert("scope".to_owned(), scope.to_string().into());
        self.signer.sign(Kind::Access, &claims)
    }

    fn id_token(
        &self,
        grant: &Grant,
        account: &Account,
        scope: &Scope,
        access_token: &str,
    ) -> Result<String, EmbeddedError> {
        let mut claims = claims_about(account, scope);
        self.stamp(&mut claims, &grant.sub, ID_LIFETIME);
        claims.insert("jti".to_owned(), uuid().into());
        claims.insert("aud".to_owned(), grant.client_id.clone().into());
        claims.insert("auth_time".to_owned(), grant.auth_time.as_second().into());
        let half = &digest(&SHA256, access_token.as_bytes()).as_ref()[..16].to_vec();
        claims.insert("at_hash".to_owned(), URL_SAFE_NO_PAD.encode(half).into());
        if let Some(nonce) = &grant.nonce {
            claims.insert("nonce".to_owned(), nonce.clone().into());
        }
        self.signer.sign(Kind::Id, &claims)
    }

    fn stamp(&self, claims: &mut Map<String, Value>, sub: &str, lifetime: SignedDuration) {
        let now = self.clock.now();
        let stamps = json!({
            "iss": self.issuer,
            "sub": sub,
            "iat": now.as_second(),
            "nbf": now.as_second(),
            "exp": (now + lifetime).as_second(),
        });
        if let Value::Object(stamps) = stamps {
            claims.extend(stamps);
        }
    }
}

impl State {
    fn prune(&mut self, now: Timestamp) {
        self.refresh.retain(|_, entry| now < entry.expires);
        self.ended.retain(|_, until| now < *until);
    }

    fn end_grant(&mut self, id: &str, now: Timestamp) {
        self.refresh.retain(|_, entry| entry.grant.id != id);
        self.ended.insert(id.to_owned(), now + ACCESS_LIFETIME);
    }
}

fn ended() -> OAuthError {
    OAuthError::invalid_grant("the code was used twice")
}

fn new_refresh_token() -> (String, String) {
    let token = random_token(52);
    let hash = hash_of(&token);
    (token, hash)
}

/// How a secret that has 160 bits or more is kept: it cannot be guessed, so a plain hash does.
pub(super) fn hash_of(secret: &str) -> String {
    hex::encode(digest(&SHA256, secret.as_bytes()))
}
