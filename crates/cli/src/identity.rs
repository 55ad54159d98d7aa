//! In whose name a command asks: `--identity`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use skykey_client::{Client, Identity, OpenStack, Portal};
use skykey_types::Secret;

use super::At;

/// A notebook server's own token, set by its JupyterHub.
const HUB_TOKEN: &str = "JUPYTERHUB_API_TOKEN";
/// Names the portal in a notebook server of a hub that was told by `skykey jupyter config`.
const HUB_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// Who asks.
#[derive(Args, Debug, Clone, Default)]
pub struct Asker {
    /// The identity: login, hub (a notebook server, by its own token), openstack (a machine, by the application
    /// credential in `OS_APPLICATION_CREDENTIAL_ID` and `_SECRET`, at `OS_AUTH_URL`), or token-file=FILE (an access
    /// token of the IAM that something else renews); by default your login, else the notebook server's token
    #[arg(long, value_name = "WHO", env = crate::variables::IDENTITY)]
    identity: Option<Who>,
}

/// The forms of `--identity`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Login,
    Hub,
    OpenStack,
    TokenFile(PathBuf),
}

impl FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "login" => Ok(Self::Login),
            None if text == "hub" => Ok(Self::Hub),
            None if text == "openstack" => Ok(Self::OpenStack),
            Some(("token-file", path)) if !path.is_empty() => Ok(Self::TokenFile(path.into())),
            _ => Err("write login, hub, openstack, or token-file=FILE".to_owned()),
        }
    }
}

impl Asker {
    /// As it was said, for another command that asks in the same name; a path is absolute. Nothing if nothing was.
    pub(super) fn words(&self) -> anyhow::Result<Option<String>> {
        Ok(match &self.identity {
            None => None,
            Some(Who::Login) => Some("login".to_owned()),
            Some(Who::Hub) => Some("hub".to_owned()),
            Some(Who::OpenStack) => Some("openstack".to_owned()),
            Some(Who::TokenFile(path)) => {
                let path = std::path::absolute(path).context("the token file's path")?;
                let path = path
                    .to_str()
                    .context("the token file's path is not UTF-8")?;
                Some(format!("token-file={path}"))
            }
        })
    }

    /// The client that asks in that name; `variable` reads the environment.
    pub(super) fn client(
        &self,
        at: &At,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<Client> {
        match &self.identity {
            Some(Who::Login) => at.client(),
            Some(Who::Hub) => hub(at, &variable),
            Some(Who::OpenStack) => {
                let machine = OpenStack::of_environment(&variable)?;
                Ok(at
                    .client_for_token()?
                    .in_the_name_of(Identity::OpenStack(machine)))
            }
            Some(Who::TokenFile(path)) => {
                // The same file is the same identity, wherever the command is run.
                let path = std::path::absolute(path).context("the token file's path")?;
                Ok(at
                    .client_for_token()?
                    .in_the_name_of(Identity::TokenFile(path)))
            }
            None => {
                let client = at.client()?;
                if variable(HUB_TOKEN).is_some() && client.who().is_err() {
                    hub(at, &variable)
                } else {
                    Ok(client)
                }
            }
        }
    }
}

fn hub(at: &At, variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Client> {
    let token = variable(HUB_TOKEN).and_then(|token| token.into_string().ok());
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        bail!(
            "there is no {HUB_TOKEN} here: the identity 'hub' is for notebook servers; log in with 'skykey login'"
        );
    };
    let named = variable(HUB_URI).and_then(|uri| portal_of(uri.to_str()?));
    let client = at.clone().or(named).client_for_token()?;
    Ok(client.in_the_name_of(Identity::Hub(Secret::new(token))))
}

/// The portal whose `/jupyter/credentials` this is.
fn portal_of(uri: &str) -> Option<Portal> {
    let path = uri.split_once('?').map_or(uri, |(path, _)| path);
    path.strip_suffix("jupyter/credentials")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_one_of_four() {
        assert_eq!("login".parse(), Ok(Who::Login));
        assert_eq!("hub".parse(), Ok(Who::Hub));
        assert_eq!("openstack".parse(), Ok(Who::OpenStack));
        assert_eq!(
            "token-file=/run/a=b".parse(),
            Ok(Who::TokenFile("/run/a=b".into()))
        );
        for text in [
            "",
            "token-file",
            "token-file=",
            "login=x",
            "openstack=x",
            "me",
            "Hub",
        ] {
            assert!(
                text.parse::<Who>().unwrap_err().contains("token-file=FILE"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_notebook_server_knows_its_portal() {
        let portal = |uri: &str| portal_of(uri).map(|portal| portal.to_string());
        assert_eq!(
            portal("https://sky.example/a/jupyter/credentials?survey=m13").as_deref(),
            Some("https://sky.example/a/")
        );
        for uri in [
            "",
            "http://127.0.0.1:4000/credentials",
            "http://sky.example/jupyter/credentials",
        ] {
            assert_eq!(portal(uri), None, "{uri}");
        }
    }

    fn client(identity: Option<Who>, variables: &[(&str, &str)]) -> anyhow::Result<Client> {
        let at = At {
            portal: Some("https://sky.example/".parse().unwrap()),
        };
        Asker { identity }.client(&at, |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn without_a_login_a_notebook_servers_token_is_taken() {
        let hub = [(HUB_TOKEN, "t")];
        let identity = |who, variables| client(who, variables).unwrap().identity().clone();
        // Nobody is logged in at that portal.
        assert_eq!(
            identity(None, &hub[..]),
            Identity::Hub("t".to_owned().into())
        );
        assert_eq!(identity(None, &[]), Identity::Login);
        assert_eq!(identity(Some(Who::Login), &hub), Identity::Login);
        assert_eq!(
            identity(Some(Who::TokenFile("/t".into())), &hub),
            Identity::TokenFile("/t".into())
        );
        let error = client(Some(Who::Hub), &[(HUB_TOKEN, "")]).unwrap_err();
        assert!(
            error.to_string().contains("for notebook servers"),
            "{error}"
        );
    }
}
