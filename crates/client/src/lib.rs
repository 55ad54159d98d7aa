//! The person's side of skykey: a login that is kept on their machine and renewed (or another
//! [`Identity`]), the portal's API in their name, and credentials that are handed out again until they are nearly spent. It decides
//! nothing, the portal does, and prints nothing. What always holds: what it keeps is in files of mode
//! 0600 in a folder of mode 0700, but for a refresh token in the desktop's keyring; one refresh token is never used by two processes at once, nor
//! one lease asked for twice; a token goes to nobody but the portal and the IAM that the portal
//! named at the login, an application credential to nobody but its Keystone, and neither over plain HTTP unless that is this
//! machine; what is kept for one identity is
//! never handed to another; no error holds a secret.

mod answers;
mod api;
mod browser;
mod error;
mod guard;
mod hub;
mod identity;
mod joining;
mod kept;
mod keyring;
mod leases;
mod login;
mod logout;
mod openstack;
mod places;
mod portal;

use std::sync::{Arc, OnceLock};

use skykey_types::Clock;
use skykey_upstream::{Settings, Upstream};

pub use answers::GrantedLease;
pub use browser::{BrowserLogin, NotOurs};
pub use error::ClientError;
pub use identity::Identity;
pub use joining::Joining;
pub use kept::{Keep, KeptIn};
pub use keyring::{DesktopKeyring, Entry, Keyring, KeyringError};
pub use leases::{CredentialsRequest, MIN_LEASE_VALIDITY};
pub use login::{Begun, KeptLogin, LoggedIn, Who};
pub use logout::LoggedOut;
pub use openstack::OpenStack;
pub use places::Places;
pub use portal::{ParsePortalError, Portal};
pub use skykey_api::{
    AfterRemoval, Lease as LeaseSummary, Me, S3Location as Place, Site, Survey,
    SurveyAccess as Standing,
};

/// A client of one portal, acting for the person who is logged in there unless
/// [`Client::in_the_name_of`] sets another identity.
/// Other processes may use the same [`Places`] at the same time.
#[derive(Debug)]
pub struct Client {
    portal: Portal,
    identity: Identity,
    folder: places::Folder,
    http: OnceLock<Upstream>,
    keyring: Arc<dyn Keyring>,
    keystone_token: openstack::KeystoneToken,
    clock: Arc<dyn Clock>,
}

impl Client {
    /// Asks nothing yet. Nothing is written before a login.
    pub fn new(
        places: &Places,
        portal: Portal,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            folder: places.folder(&portal),
            portal,
            identity: Identity::Login,
            http: OnceLock::new(),
            keyring: Arc::new(DesktopKeyring),
            keystone_token: openstack::KeystoneToken::new(clock.clone()),
            clock,
        })
    }

    /// The same client, asking by another identity. What it keeps lies apart.
    #[must_use]
    pub fn in_the_name_of(mut self, identity: Identity) -> Self {
        self.folder = self.folder.of(&identity);
        self.identity = identity;
        self.keystone_token = openstack::KeystoneToken::new(self.clock.clone());
        self
    }

    /// Who asks.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// With another keyring than the desktop's.
    #[must_use]
    pub fn with_keyring(mut self, keyring: Arc<dyn Keyring>) -> Self {
        self.keyring = keyring;
        self
    }

    /// The portal.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The way to the portal, made when it is first gone: reading the machine's certificate authorities takes
    /// longer than all else that handing out kept credentials does.
    fn http(&self) -> Result<&Upstream, ClientError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = Upstream::new(Settings::of("the portal").by_proxy(self.portal.url()))
            .map_err(|error| ClientError::Setup(error.to_string()))?;
        Ok(self.http.get_or_init(|| http))
    }

    /// The clock that it was given.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}
