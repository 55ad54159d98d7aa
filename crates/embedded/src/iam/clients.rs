//! The OAuth clients: who they are and what they may ask for.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use skykey_types::Secret;
use url::{Host, Url};

use super::answer::OAuthError;
use super::params::Params;
use super::scope::Scope;
use crate::EmbeddedError;

/// A way to get a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// `authorization_code`, RFC 6749 §4.1.
    AuthorizationCode,
    /// `refresh_token`, RFC 6749 §6.
    RefreshToken,
    /// `urn:ietf:params:oauth:grant-type:device_code`, RFC 8628.
    DeviceCode,
    /// `client_credentials`, RFC 6749 §4.4.
    ClientCredentials,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::DeviceCode,
        Self::ClientCredentials,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// A client that the IAM knows from the start; it is trusted, so nobody is asked for consent.
#[derive(Debug, Clone)]
pub struct ClientSeed {
    /// Its name.
    pub client_id: String,
    /// Its secret; `None` for a public client, which must use PKCE.
    pub secret: Option<Secret>,
    /// Where it may have people sent back to. Compared exactly, but for the port of a public
    /// client's loopback address (RFC 8252 §7.3).
    pub redirect_uris: Vec<String>,
    /// How it may get tokens.
    pub grants: Vec<GrantType>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
}

impl ClientSeed {
    pub(super) fn allows(&self, grant: GrantType) -> Result<(), OAuthError> {
        if self.grants.contains(&grant) {
            Ok(())
        } else {
            let why = format!(
                "the client {} may not use {}",
                self.client_id,
                grant.as_str()
            );
            Err(OAuthError::new("unauthorized_client", why))
        }
    }

    /// The scopes it is given when it asks so; all it may have when it does not ask.
    pub(super) fn scope(&self, asked: Option<&str>) -> Result<Scope, OAuthError> {
        let may: Scope = self.scopes.iter().map(String::as_str).collect();
        let asked = asked.map(Scope::from).unwrap_or_default();
        if asked.is_empty() {
            Ok(may)
        } else if asked.is_within(&may) {
            Ok(asked)
        } else {
            Err(OAuthError::new(
                "invalid_scope",
                "a scope that the client may not have",
            ))
        }
    }

    pub(super) fn accepts_redirect(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| {
            registered == uri
                || (self.secret.is_none() && differs_only_in_loopback_port(registered, uri))
        })
    }
}

/// The clients by name.
#[derive(Debug)]
pub(super) struct Clients(BTreeMap<String, ClientSeed>);

impl Clients {
    pub(super) fn new(seeds: Vec<ClientSeed>) -> Result<Self, EmbeddedError> {
        let mut clients = BTreeMap::new();
        for seed in seeds {
            let bad =
                |why: &str| EmbeddedError::Seed(format!("the client '{}' {why}", seed.client_id));
            if seed.client_id.is_empty() || seed.client_id.len() > 128 {
                return Err(bad("has no usable name"));
            }
            if seed.redirect_uris.iter().any(|uri| {
                Url::parse(uri)
                    .is_ok_and(|uri| uri.fragment().is_none())
                    .eq(&false)
            }) {
                return Err(bad(
                    "has a redirect URI that is not an absolute URL without a fragment",
                ));
            }
            if seed.secret.is_none() && seed.grants.contains(&GrantType::ClientCredentials) {
                return Err(bad(
                    "is public and may not have the grant client_credentials",
                ));
            }
            if let Some(twin) = clients.insert(seed.client_id.clone(), seed) {
                return Err(EmbeddedError::Seed(format!(
                    "the client '{}' is there twice",
                    twin.client_id
                )));
            }
        }
        Ok(Self(clients))
    }

    pub(super) fn find(&self, client_id: &str) -> Option<&ClientSeed> {
        self.0.get(client_id)
    }

    /// The client that sends the request: by HTTP Basic or by `client_id` and `client_secret` in
    /// the form; a public client by `client_id` alone (RFC 6749 §2.3, §3.2.1).
    pub(super) fn authenticate(
        &self,
        headers: &HeaderMap,
        params: &Params,
    ) -> Result<&ClientSeed, OAuthError> {
        let in_form = params.find("client_id").map(ToOwned::to_owned);
        let form_secret = params.find("client_secret").map(Secret::new);
        let (client_id, secret) = match basic(headers)? {
            Some(_) if form_secret.is_some() => {
                return Err(OAuthError::invalid_request(
                    "the client authenticates in two ways at once",
                ));
            }
            Some((id, _)) if in_form.as_ref().is_some_and(|in_form| *in_form != id) => {
                return Err(OAuthError::invalid_request("the client has two names"));
            }
            // Some libraries send a public client's name with an empty password.
            Some((id, secret)) => (
                id,
                Some(secret).filter(|secret| !secret.expose().is_empty()),
            ),
            None => (in_form.ok_or_else(OAuthError::invalid_client)?, form_secret),
        };
        self.find(&client_id)
            .filter(|client| client.secret == secret)
            .ok_or_else(OAuthError::invalid_client)
    }

    /// As [`Clients::authenticate`], and it is not a public one.
    pub(super) fn authenticate_by_secret(
        &self,
        headers: &HeaderMap,
        params: &Params,
    ) -> Result<&ClientSeed, OAuthError> {
        let client = self.authenticate(headers, params)?;
        if client.secret.is_some() {
            Ok(client)
        } else {
            Err(OAuthError::invalid_client())
        }
    }

    /// Where forms may lead, as sources of a content security policy: browsers also hold the
    /// redirects after a form against `form-action`, and a login ends at the client.
    pub(super) fn form_targets(&self) -> String {
        let mut targets = vec!["'self'".to_owned()];
        for client in self.0.values() {
            for uri in client
                .redirect_uris
                .iter()
                .filter_map(|uri| Url::parse(uri).ok())
            {
                let target = match uri.host_str() {
                    Some(host) if client.secret.is_none() && is_loopback(&uri) => {
                        format!("{}://{host}:*", uri.scheme())
                    }
                    Some(_) => uri.origin().ascii_serialization(),
                    None => format!("{}:", uri.scheme()),
                };
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
        }
        targets.join(" ")
    }
}

/// The client's name and secret out of `Authorization: Basic`, each of them form-encoded before
/// (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, OAuthError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let parse = || {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let plain = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = plain.split_once(':')?;
        Some((form_decoded(id)?, Secret::new(form_decoded(secret)?)))
    };
    parse().map(Some).ok_or_else(OAuthError::invalid_client)
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(Into::into)
}

fn differs_only_in_loopback_port(registered: &str, asked: &str) -> bool {
    let (Ok(mut registered), Ok(mut asked)) = (Url::parse(registered), Url::parse(asked)) else {
        return false;
    };
    let plain =
        asked.username().is_empty() && asked.password().is_none() && asked.fragment().is_none();
    plain
        && is_loopback(&registered)
        && registered.set_port(None).is_ok()
        && asked.set_port(None).is_ok()
        && registered == asked
}

fn is_loopback(uri: &Url) -> bool {
    uri.scheme() == "http"
        && match uri.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(secret: Option<&str>) -> ClientSeed {
        ClientSeed {
            client_id: "cli".to_owned(),
            secret: secret.map(Secret::new),
            redirect_uris: vec![
                "http://127.0.0.1/callback".to_owned(),
                "https://a.example/cb".to_owned(),
            ],
            grants: vec![GrantType::AuthorizationCode],
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
        }
    }

    #[test]
    fn only_a_public_clients_loopback_port_is_free() {
        let (public, confidential) = (client(None), client(Some("s")));
        assert!(public.accepts_redirect("http://127.0.0.1:4711/callback"));
        assert!(!confidential.accepts_redirect("http://127.0.0.1:4711/callback"));
        assert!(confidential.accepts_redirect("https://a.example/cb"));
        for bad in [
            "http://127.0.0.1:4711/callback/",
            "http://127.0.0.1:4711/callback?x=1",
            "http://127.0.0.1:4711/callback#x",
            "http://127.0.0.1@evil.example/callback",
            "http://x@127.0.0.1:1/callback",
            "http://127.0.0.2:1/callback",
            "https://127.0.0.1:1/callback",
            "https://a.example:444/cb",
            "https://a.example/cb/../cb",
            "",
        ] {
            assert!(!public.accepts_redirect(bad), "{bad} was accepted");
        }
    }

    #[test]
    fn a_client_is_given_no_scope_beyond_its_own() {
        let client = client(None);
        assert_eq!(client.scope(None).unwrap().to_string(), "openid profile");
        assert_eq!(client.scope(Some("openid")).unwrap().to_string(), "openid");
        assert_eq!(
            client.scope(Some("openid scim:read")).unwrap_err().code,
            "invalid_scope"
        );
    }

    #[test]
    fn a_secret_is_checked_and_a_public_client_has_none() {
        let mut confidential = client(Some("p:w %"));
        confidential.client_id = "web".to_owned();
        let clients = Clients::new(vec![client(None), confidential]).unwrap();
        let ask = |header: Option<&str>, form: &str| {
            let mut headers = HeaderMap::new();
            if let Some(plain) = header {
                headers.insert(
                    AUTHORIZATION,
                    format!("Basic {}", STANDARD.encode(plain)).parse().unwrap(),
                );
            }
            clients
                .authenticate(&headers, &Params::parse(form.as_bytes()).unwrap())
                .map(|client| client.client_id.clone())
        };
        assert_eq!(ask(None, "client_id=cli").unwrap(), "cli");
        assert_eq!(ask(Some("cli:"), "").unwrap(), "cli");
        assert_eq!(ask(Some("web:p%3Aw+%25"), "").unwrap(), "web");
        assert_eq!(
            ask(None, "client_id=web&client_secret=p:w+%25").unwrap(),
            "web"
        );
        for (header, form) in [
            (None, ""),
            (None, "client_id=web"),
            (None, "client_id=web&client_secret=x"),
            (None, "client_id=cli&client_secret=x"),
            (None, "client_id=nobody"),
            (Some("web:x"), ""),
            (Some("web"), ""),
        ] {
            assert_eq!(
                ask(header, form).unwrap_err().code,
                "invalid_client",
                "{header:?} {form}"
            );
        }
        assert_eq!(
            ask(Some("web:p%3Aw+%25"), "client_secret=x")
                .unwrap_err()
                .code,
            "invalid_request"
        );
        assert_eq!(
            ask(Some("web:p%3Aw+%25"), "client_id=cli")
                .unwrap_err()
                .code,
            "invalid_request"
        );
    }

    #[test]
    fn forms_may_lead_to_the_clients() {
        let clients = Clients::new(vec![client(None)]).unwrap();
        assert_eq!(
            clients.form_targets(),
            "'self' http://127.0.0.1:* https://a.example"
        );
    }
}
