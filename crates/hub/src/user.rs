//! The owner of a token.

use serde::Deserialize;

/// The scope of a notebook server's own token, before the server's name:
/// <https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html>.
const SERVER_SCOPE: &str = "access:servers!server=";

/// The owner of a token, as the hub reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubUser {
    /// The user's name at the hub.
    pub name: String,
    /// The name of the user's own notebook server that the token is for, empty for the default one;
    /// `None` for any other token. A token for another person's server is not accepted either: that
    /// server's owner can read it.
    pub server: Option<String>,
    /// The user's groups at the hub, which are unrelated to the IAM's.
    pub groups: Vec<String>,
    /// `user` or `service`.
    pub kind: String,
    /// The hub's id of the token.
    pub token_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Wire {
    name: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    token_id: Option<String>,
}

impl Wire {
    pub(crate) fn is_nameless(&self) -> bool {
        self.name.is_empty()
    }
}

impl From<Wire> for HubUser {
    fn from(wire: Wire) -> Self {
        let server = wire.scopes.iter().find_map(|scope| {
            let whole = scope.strip_prefix(SERVER_SCOPE)?;
            whole.strip_prefix(&wire.name)?.strip_prefix('/')
        });
        Self {
            server: server.map(str::to_owned),
            name: wire.name,
            groups: wire.groups,
            kind: wire.kind,
            token_id: wire.token_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, scopes: &[&str]) -> Option<String> {
        HubUser::from(Wire {
            name: name.to_owned(),
            kind: "user".to_owned(),
            groups: Vec::new(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            token_id: None,
        })
        .server
    }

    #[test]
    fn a_servers_token_names_its_server() {
        let default = ["users:activity!user=ada", "access:servers!server=ada/"];
        assert_eq!(server("ada", &default).as_deref(), Some(""));
        let named = ["access:servers!server=ada/gpu"];
        assert_eq!(server("ada", &named).as_deref(), Some("gpu"));
    }

    #[test]
    fn a_token_for_anything_but_ones_own_server_is_no_servers_token() {
        for scopes in [
            &[][..],
            &["access:servers"],
            &["access:servers!user=ada"],
            &["access:servers!server=bob/"],
            &["access:servers!server=adam/"],
            &["access:servers!server=ada"],
            &["read:users!user=ada"],
        ] {
            assert_eq!(server("ada", scopes), None, "{scopes:?}");
        }
    }
}
