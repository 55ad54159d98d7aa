//! A Keystone for one machine: the parts of the OpenStack Identity API v3 that skykey, Ceph's RGW
//! and `openstack` need, with the same paths, bodies, status codes and access rules as Keystone 30. Its
//! people are those of the [`Directory`]; its own users are services with
//! passwords from the configuration.
//!
//! | path | what |
//! |---|---|
//! | `/`, `/v3` | versions |
//! | `/v3/auth/tokens` | log in (`password`, `token`, `application_credential`), validate, revoke |
//! | `/v3/auth/projects`, `/v3/auth/catalog` | the projects of a token, and the catalogue |
//! | `/v3/OS-FEDERATION/identity_providers/iris-iam/protocols/openid/auth` | log in with an IAM access token |
//! | `/v3/users/{id}/credentials/OS-EC2`, `/v3/credentials/{id}` | EC2 credentials |
//! | `/v3/s3tokens`, `/v3/ec2tokens` | the signer of a request; for the roles `service` and `admin` |
//! | `/v3/users/{id}/application_credentials` | application credentials |
//! | `/v3/users`, `/v3/users/{id}`, `/v3/users/{id}/projects`, `/v3/projects`, `/v3/projects/{id}`, `/v3/domains` | look-ups |
//!
//! A project names the IAM groups whose people are its members. Each login with a password or by the IAM
//! computes the person's roles and stores them. `s3tokens` uses the stored roles, as a federated Keystone
//! does, but rejects at once an account that is deactivated or has ended.
//!
//! Deliberate differences from Keystone:
//!
//! - An EC2 credential for a project without the user as a member gets 403 (Keystone returns 201).
//! - A credential is found by its owner's id only.
//! - `/v3/credentials` is for administrators, not for owners.
//! - Signature versions before 4 are rejected.
//! - A request that `ec2tokens` cannot parse is rejected (Keystone returns 500).
//! - The server always creates the secret of an application credential, and rejects access rules.
//! - Tokens are in memory, for an hour; after a restart a new login is needed.
//! - A person is one user, for every way to log in.

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

const MAX_BODY_BYTES: usize = 64 * 1024;

/// The identity provider through which people log in with an IAM access token.
pub const IDENTITY_PROVIDER: &str = "iris-iam";
/// The federation protocol that goes with [`IDENTITY_PROVIDER`].
pub const PROTOCOL: &str = "openid";

/// The Keystone. Serve [`Keystone::router`] at its public address.
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

    /// Returns the routes of all endpoints. Bodies are limited to 64 KiB; timeouts are the server's task.
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
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
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
