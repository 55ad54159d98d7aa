//! An INDIGO IAM for one machine: the endpoints of indigo-iam/iam 1.12 that skykey and its users
//! need, with the same paths, bodies and access rules. There is no registration and no mail, clients are
//! seeded, and web sessions are in memory only.
//!
//! | path | what |
//! |---|---|
//! | `/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server`, `/jwk` | discovery, the public key |
//! | `/authorize`, `/token`, `/devicecode` | OAuth 2.0 (RFC 6749, 7636, 8252, 8628), OpenID Connect Core 1.0 |
//! | `/userinfo`, `/introspect`, `/revoke` | OpenID Connect Core §5.3, RFC 7662, RFC 7009 |
//! | `/scim/Me`, `/scim/Users`, `/scim/Groups` | SCIM 2.0 (RFC 7643, 7644), to read |
//! | `/iam/group_requests`, `/iam/account/{id}/groups/{id}`, `/iam/account/find/bygroup/{id}` | INDIGO's own API |
//! | `/login`, `/logout`, `/dashboard`, `/device`, `/static/iam.css` | pages for people |
//!
//! The pages are ordinary forms, sent by POST as `application/x-www-form-urlencoded`. Each has a
//! hidden field `csrf` whose value belongs to the cookie `skykey_iam`; the other fields are:
//!
//! | form | fields |
//! |---|---|
//! | `/login` | `username`, `password`, `next` (hidden: where to go afterwards) |
//! | `/logout` | none |
//! | `/dashboard/join` | `group` (its path), `notes` |
//! | `/dashboard/withdraw`, `/dashboard/approve` | `request` (its uuid) |
//! | `/dashboard/reject` | `request`, `motivation` |
//! | `/dashboard/remove` | `person` (the `sub`), `group` (its path) |
//! | `/device` | `user_code`, and on the second page `decision`: `approve` or `deny` |
//!
//! A successful form returns 303. A call of the API with the cookie instead of a
//! bearer token sends the value of `csrf` in the header `x-csrf-token`, unless it only reads.
//!
//! Deliberate differences from INDIGO: only `code` with `S256`, and signatures by RS256; refresh tokens
//! rotate; no person is an administrator, so only clients have `iam:admin.*` (grant
//! `client_credentials`). As with INDIGO, a group's manager decides in a web session, not
//! by a bearer token.

mod answer;
mod authorize;
mod caller;
mod clients;
mod codes;
mod device;
mod discovery;
mod group_requests;
mod introspect;
mod memberships;
mod pages;
mod params;
mod scim;
mod scope;
mod session;
mod signer;
mod token;
mod tokens;
mod userinfo;
mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use jiff::Timestamp;
use skykey_types::{Clock, GroupPath};
use url::Url;

pub use clients::{ClientSeed, GrantType};

use crate::{Directory, EmbeddedError};
use clients::Clients;
use codes::Codes;
use device::Devices;
use group_requests::GroupRequests;
use session::Sessions;
use signer::Signer;
use tokens::Tokens;

const MAX_BODY_BYTES: usize = 64 * 1024;

/// The IAM. Serve [`Iam::router`] at the issuer's address.
pub struct Iam {
    issuer: Url,
    directory: Arc<Directory>,
    clients: Clients,
    codes: Codes,
    devices: Devices,
    tokens: Tokens,
    sessions: Sessions,
    requests: GroupRequests,
    clock: Arc<dyn Clock>,
}

/// The claims of a person's access token, checked against the present directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// The person's permanent id.
    pub sub: String,
    /// The login name.
    pub username: String,
    /// The person's present groups, independent of the token.
    pub groups: BTreeSet<GroupPath>,
    /// The granted scopes.
    pub scope: BTreeSet<String>,
    /// The client it was issued to.
    pub client_id: String,
    /// When it expires.
    pub exp: Timestamp,
}

impl Iam {
    /// Opens the IAM whose state lies in the folder `dir` (which must exist): the signing key
    /// `iam-key.der`, made at the first start, `iam-tokens.json` and `iam-requests.json`. The
    /// issuer is an http or https URL without a path but for the final `/`.
    pub fn open(
        dir: &Path,
        issuer: Url,
        directory: Arc<Directory>,
        clients: Vec<ClientSeed>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, EmbeddedError> {
        let plain = matches!(issuer.scheme(), "http" | "https")
            && issuer.path() == "/"
            && issuer.query().is_none()
            && issuer.fragment().is_none();
        if !plain {
            return Err(EmbeddedError::Seed(format!(
                "the issuer {issuer} is not of the form http://host:port/"
            )));
        }
        let signer = Signer::open(&dir.join("iam-key.der"))?;
        Ok(Arc::new(Self {
            clients: Clients::new(clients)?,
            codes: Codes::default(),
            devices: Devices::default(),
            tokens: Tokens::open(
                &dir.join("iam-tokens.json"),
                signer,
                issuer.as_str(),
                Arc::clone(&clock),
            )?,
            sessions: Sessions::new(issuer.scheme() == "https"),
            requests: GroupRequests::open(&dir.join("iam-requests.json"))?,
            issuer,
            directory,
            clock,
        }))
    }

    /// Returns the routes of all endpoints. Bodies are limited to 64 KiB; timeouts are the server's task.
    pub fn router(self: &Arc<Self>) -> Router {
        let api = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(discovery::configuration),
            )
            .route(
                "/.well-known/oauth-authorization-server",
                get(discovery::configuration),
            )
            .route("/jwk", get(discovery::keys))
            .route("/token", post(token::token))
            .route("/devicecode", post(device::device_code))
            .route(
                "/userinfo",
                get(userinfo::userinfo).post(userinfo::userinfo),
            )
            .route("/introspect", post(introspect::introspect))
            .route("/revoke", post(introspect::revoke))
            .merge(scim::routes())
            .merge(group_requests::routes())
            .merge(memberships::routes())
            .layer(middleware::from_fn(words::in_our_words));
        api.merge(pages::routes(&self.clients))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Arc::clone(self))
    }

    /// Verifies a person's access token: its signature, its expiry, that it is not revoked, and that the
    /// account is active. `None` also for a client's own token.
    pub fn verify_access_token(&self, token: &str) -> Option<AccessClaims> {
        let claims = self.tokens.verify(token)?;
        let account = self.directory.usable(&claims.sub)?;
        Some(AccessClaims {
            sub: account.sub,
            username: account.username,
            groups: account.groups,
            scope: claims.scope.iter().map(ToOwned::to_owned).collect(),
            exp: Timestamp::from_second(claims.exp).ok()?,
            client_id: claims.client_id,
        })
    }

    /// The URL of one of the endpoints; `path` has no slash in front.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

impl fmt::Debug for Iam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iam")
            .field("issuer", &self.issuer.as_str())
            .finish_non_exhaustive()
    }
}
