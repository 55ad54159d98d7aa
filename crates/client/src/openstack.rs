//! A machine with an application credential of OpenStack: the tokens of Keystone that it asks with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use skykey_keystone::{ApplicationCredential, Error, MachineLogin, Token};
use skykey_types::{Clock, Secret, SignedDuration, lock};
use skykey_upstream::{Cache, CacheSettings, Freshness, is_this_machine};
use url::Url;

use crate::{Client, ClientError};

const AUTH_URL: &str = "OS_AUTH_URL";
const ID: &str = "OS_APPLICATION_CREDENTIAL_ID";
const SECRET: &str = "OS_APPLICATION_CREDENTIAL_SECRET";
const CACERT: &str = "OS_CACERT";

/// A token is replaced when this much is left: clocks differ, and a request takes time.
const MIN_LEFT: SignedDuration = SignedDuration::from_secs(60);

/// An application credential and the Keystone that it is one of, as the `openstack` command reads them from
/// the environment
/// ([variables](https://docs.openstack.org/python-openstackclient/latest/cli/man/openstack.html#environment-variables)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStack {
    keystone: Url,
    authorities: Option<PathBuf>,
    credential: ApplicationCredential,
}

impl OpenStack {
    /// What `OS_AUTH_URL` (https, or plain http on this machine), `OS_APPLICATION_CREDENTIAL_ID` and
    /// `OS_APPLICATION_CREDENTIAL_SECRET` say, and `OS_CACERT` if there is one: a PEM file of certificate
    /// authorities to believe beside the machine's. `variable` reads the environment. An empty variable
    /// is none. [`ClientError::NoApplicationCredential`] names all that are missing.
    pub fn of_environment(
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ClientError> {
        let given = |name| variable(name).filter(|value| !value.is_empty());
        let [url, id, secret] = [AUTH_URL, ID, SECRET].map(|name| (name, given(name)));
        let (Some(url), Some(id), Some(secret)) = (&url.1, &id.1, &secret.1) else {
            let missing = [url, id, secret]
                .into_iter()
                .filter_map(|(name, value)| value.is_none().then_some(name))
                .collect();
            return Err(ClientError::NoApplicationCredential { missing });
        };
        let text = |name, value: &OsString| match value.to_str().map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(unfit(name, "is not text")),
        };
        let credential = ApplicationCredential {
            id: text(ID, id)?,
            secret: Secret::new(text(SECRET, secret)?),
        };
        let keystone: Url = text(AUTH_URL, url)?
            .parse()
            .ok()
            .filter(|url: &Url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                let why = "is not Keystone's address; write for example https://openstack.example.org:5000/v3";
                unfit(AUTH_URL, why)
            })?;
        if keystone.scheme() == "http" && !is_this_machine(&keystone) {
            let why = "is not encrypted, so anybody on the network could read the application credential; \
                       use Keystone's https address";
            return Err(unfit(AUTH_URL, why));
        }
        let machine = Self {
            keystone,
            authorities: given(CACERT).map(PathBuf::from),
            credential,
        };
        // An unusable address or CA file is reported before the first request.
        machine.login()?;
        Ok(machine)
    }

    /// The public half of the application credential.
    pub fn id(&self) -> &str {
        &self.credential.id
    }

    /// What tells it from others: two Keystones name theirs without each other.
    pub(crate) fn name(&self) -> String {
        format!("{}\n{}", self.keystone, self.credential.id)
    }

    fn login(&self) -> Result<MachineLogin, ClientError> {
        MachineLogin::new(
            &self.keystone,
            self.authorities.clone(),
            self.credential.clone(),
        )
        .map_err(|error| match error {
            Error::Address(_) => unfit(
                AUTH_URL,
                "is not the address of a Keystone with version 3 of its API; \
                 write for example https://openstack.example.org:5000/v3",
            ),
            other => ClientError::Setup(other.to_string()),
        })
    }

    fn refused(&self, error: Error) -> ClientError {
        match error {
            // Keystone has both words for one that is gone.
            Error::Refused { message, .. } | Error::NotFound { message, .. } => {
                ClientError::ApplicationCredentialRefused {
                    id: self.credential.id.clone(),
                    why: message,
                }
            }
            other => ClientError::Keystone(other),
        }
    }
}

/// The token that a client has of Keystone, in memory alone. One login at a time, shared by all who
/// wait for it.
#[derive(Debug)]
pub(crate) struct KeystoneToken {
    /// There once the site has said that it takes application credentials.
    login: Mutex<Option<MachineLogin>>,
    token: Cache<(), Token, Error>,
}

impl KeystoneToken {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let settings = CacheSettings {
            operation: "log in at Keystone with an application credential",
            max_entries: 1,
            // A token says itself when it ends.
            max_age: SignedDuration::MAX,
            retry_interval: SignedDuration::ZERO,
            is_outage: Error::is_outage,
        };
        Self {
            login: Mutex::default(),
            token: Cache::new(settings, clock),
        }
    }
}

impl Client {
    /// Returns a token that is good for a minute at least, and not `refused`.
    pub(crate) async fn keystone_token(
        &self,
        machine: &OpenStack,
        refused: Option<&Secret>,
    ) -> Result<Secret, ClientError> {
        let login = self.machine_login(machine).await?;
        let now = self.clock.now();
        let freshness = |kept: &Token, _| {
            if refused != Some(&kept.token) && now + MIN_LEFT < kept.expires {
                Freshness::Fresh
            } else {
                Freshness::Expired
            }
        };
        let fetch = || async move { login.token().await };
        let token = self.keystone_token.token.get((), freshness, fetch).await;
        token
            .map(|token| token.token)
            .map_err(|error| machine.refused(error))
    }

    /// Returns how to log in, once the site has said that it takes application credentials.
    async fn machine_login(&self, machine: &OpenStack) -> Result<MachineLogin, ClientError> {
        let known = lock(&self.keystone_token.login).clone();
        if let Some(login) = known {
            return Ok(login);
        }
        if !self.site().await?.application_credentials {
            return Err(ClientError::NoMachines {
                portal: self.portal.to_string(),
            });
        }
        let login = machine.login()?;
        *lock(&self.keystone_token.login) = Some(login.clone());
        Ok(login)
    }
}

fn unfit(variable: &'static str, why: &'static str) -> ClientError {
    ClientError::OpenStackVariable { variable, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<OpenStack, ClientError> {
        OpenStack::of_environment(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        })
    }

    fn at(url: &str) -> Result<OpenStack, ClientError> {
        of(&[(AUTH_URL, url), (ID, "i"), (SECRET, "hunter2")])
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_else() {
        for (given, missing) in [
            (&[][..], vec![AUTH_URL, ID, SECRET]),
            (&[(ID, "i"), (AUTH_URL, "https://h/")], vec![SECRET]),
            (&[(ID, ""), (SECRET, "hunter2")], vec![AUTH_URL, ID]),
        ] {
            let error = of(given).unwrap_err();
            let said = error.to_string();
            for name in [AUTH_URL, ID, SECRET] {
                assert_eq!(said.contains(name), missing.contains(&name), "{said}");
            }
            assert!(!said.contains("hunter2") && error.hint().contains("openstack"));
        }
    }

    #[test]
    fn the_secret_goes_nowhere_in_clear() {
        for good in [
            "https://h:5000",
            "https://h/identity/v3/",
            "http://127.0.0.1:1/v3",
            "http://localhost:1",
        ] {
            let machine = at(good).unwrap();
            assert!(!format!("{machine:?}").contains("hunter2"));
        }
        for (bad, why) in [
            ("http://keystone.example:5000/v3", "not encrypted"),
            ("http://192.168.1.2/v3", "not encrypted"),
            ("keystone.example", "not Keystone's address"),
            ("ftp://h/v3", "not Keystone's address"),
            ("https://h/v2.0", "version 3"),
            ("https://me:hunter2@h/v3", "version 3"),
            (" ", "not text"),
        ] {
            let said = at(bad).unwrap_err().to_string();
            assert!(said.contains(why) && said.starts_with(AUTH_URL), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn authorities_that_cannot_be_read_are_said_at_once() {
        let error = of(&[
            (AUTH_URL, "https://h/"),
            (ID, "i"),
            (SECRET, "hunter2"),
            (CACERT, "/there/is/no/such.pem"),
        ])
        .unwrap_err();
        assert!(error.to_string().contains("no/such.pem"), "{error}");
    }
}
