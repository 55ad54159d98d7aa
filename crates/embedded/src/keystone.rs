//! A Keystone for one machine: the parts of the OpenStack Identity API v3 that skykey, Ceph's RGW
//! and `openstack` meet, with the same paths, shapes, codes and rules of who may do what as
//! Keystone 30. Its people are those of the [`Directory`]; its own users are services with
//! passwords from the configuration.
//!
//! | path | what |
//! |---|---|
//! | `/`, `/v3` | versions |
//! | `/v3/auth/tokens` | log in (`password`, `token`, `application_credential`), validate, revoke |
//! | `/v3/auth/projects`, `/v3/auth/catalog` | what a token is good for |
//! | `/v3/OS-FEDERATION/identity_providers/iris-iam/protocols/openid/auth` | log in with an IAM access token |
//! | `/v3/users/{id}/credentials/OS-EC2`, `/v3/credentials/{id}` | EC2 credentials |
//! | `/v3/s3tokens`, `/v3/ec2tokens` | who signed this? for the roles `service` and `admin` |
//! | `/v3/users/{id}/application_credentials` | application credentials |
//! | `/v3/users`, `/v3/users/{id}`, `/v3/users/{id}/projects`, `/v3/projects`, `/v3/projects/{id}`, `/v3/domains` | look-ups |
//!
//! A project names the IAM groups whose people are its members. The roles of a person are worked
//! out anew at each login with a password or with IAM, and kept: `s3tokens` goes by what the last
//! login left, as with a federated Keystone, but refuses at once an account that is deactivated
//! or has ended.
//!
//! Where it differs from Keystone on purpose: an EC2 credential for a project that its user is no
//! member of is refused with 403 (Keystone answers 201); a credential is asked for by its owner's
//! id or not found; `/v3/credentials` is for administrators alone, not for owners; the signature
//! versions before 4 are refused; a request that `ec2tokens` cannot read is refused, where Keystone
//! fails with 500; the secret of an application credential is always made here,
//! and one with access rules is refused; tokens live in memory, for an hour, so a restart means
//! logging in again; a person is one user, whichever way they log in.

mod answer;
mod app_credentials;
mod caller;
mod catalog;
mod ec2;
mod federation;
mod login;
mod lookups;
mod seed;
mod signed;
mod state;
mod tokens;
mod users;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use skykey_seal::KeyRing;
use skykey_types::Clock;
use url::Url;

pub use seed::{KeystoneSeed, ProjectSeed, Role, ServiceUserSeed};

use crate::{Directory, EmbeddedError, Iam, StateFile};
use seed::Seeded;
use state::State;
use tokens::Tokens;

const BODY_LIMIT: usize = 64 * 1024;

/// The identity provider through which people log in with an IAM access token.
pub const IDENTITY_PROVIDER: &str = "iris-iam";
/// The federation protocol that goes with [`IDENTITY_PROVIDER`].
pub const PROTOCOL: &str = "openid";

/// The Keystone. Hand out [`Keystone::router`] at its public address.
pub struct Keystone {
    /// The public address without `/v3`.
    base: String,
    seeded: Seeded,
    state: StateFile<State>,
    ring: KeyRing,
    tokens: Tokens,
    directory: Arc<Directory>,
    iam: Arc<Iam>,
    clock: Arc<dyn Clock>,
}

impl Keystone {
    /// Opens the Keystone whose state lies in the folder `dir` (which must exist):
    /// `keystone.json`, and `keystone-keys.json`, the key ring that seals the EC2 secrets, made at
    /// the first start. Projects and services are those of the seed, each time; ids stay.
    /// `public_url` is where people reach it, with or without `/v3`. Blocks.
    pub fn open(
        dir: &Path,
        public_url: &Url,
        directory: Arc<Directory>,
        iam: Arc<Iam>,
        seed: KeystoneSeed,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, EmbeddedError> {
        let base = public_url
            .as_str()
            .trim_end_matches('/')
            .trim_end_matches("/v3");
        let ring = KeyRing::open_or_create(&dir.join("keystone-keys.json")).map_err(|error| {
            EmbeddedError::Crypto(format!("open the key ring of Keystone: {error}"))
        })?;
        let state = StateFile::open(&dir.join("keystone.json"))?;
        let seeded = Seeded::plant(seed, &state, &directory)?;
        let tokens = Tokens::default();
        Ok(Arc::new(Self {
            base: base.to_owned(),
            seeded,
            state,
            ring,
            tokens,
            directory,
            iam,
            clock,
        }))
    }

    /// All endpoints. Bodies are limited to 64 KiB; timeouts are the server's business.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(catalog::versions))
            .route("/v3", get(catalog::version))
            .route("/v3/", get(catalog::version))
            .route(
                "/v3/auth/tokens",
                post(login::create)
                    .get(login::validate)
                    .delete(login::revoke),
            )
            .route("/v3/auth/projects", get(lookups::own_projects))
            .route("/v3/auth/catalog", get(catalog::catalog))
            .route(
                "/v3/OS-FEDERATION/identity_providers/{idp}/protocols/{protocol}/auth",
                get(federation::auth).post(federation::auth),
            )
            .route("/v3/OS-FEDERATION/projects", get(lookups::own_projects))
            .route("/v3/users", get(lookups::users))
            .route("/v3/users/{user}", get(lookups::user))
            .route("/v3/users/{user}/projects", get(lookups::projects_of))
            .route("/v3/domains", get(lookups::domains))
            .route("/v3/projects", get(lookups::projects))
            .route("/v3/projects/{project}", get(lookups::project))
            .route(
                "/v3/users/{user}/credentials/OS-EC2",
                post(ec2::create).get(ec2::list),
            )
            .route(
                "/v3/users/{user}/credentials/OS-EC2/{access}",
                get(ec2::show).delete(ec2::delete),
            )
            .route("/v3/credentials/{id}", get(ec2::raw))
            .route("/v3/s3tokens", post(signed::s3tokens))
            .route("/v3/ec2tokens", post(signed::ec2tokens))
            .route(
                "/v3/users/{user}/application_credentials",
                post(app_credentials::create).get(app_credentials::list),
            )
            .route(
                "/v3/users/{user}/application_credentials/{id}",
                get(app_credentials::show).delete(app_credentials::delete),
            )
            .fallback(answer::no_such_page)
            .method_not_allowed_fallback(answer::no_such_method)
            .layer(middleware::from_fn(answer::in_keystones_shape))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(Arc::clone(self))
    }

    /// The address of something below `/v3`; `path` has no slash in front.
    fn url(&self, path: &str) -> String {
        format!("{}/v3/{path}", self.base)
    }
}

impl fmt::Debug for Keystone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystone")
            .field("url", &self.base)
            .finish_non_exhaustive()
    }
}
