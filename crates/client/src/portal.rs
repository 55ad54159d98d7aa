//! A portal's address.

use std::fmt;
use std::str::FromStr;

use skykey_upstream::is_this_machine;
use url::Url;

/// The address of a portal: https, or plain http on this machine, since an eavesdropper would get
/// the tokens. It ends with `/`, so that one portal has one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Portal(Url);

/// A text that is not a portal's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsePortalError {
    /// Not an address.
    #[error("'{0}' is not a portal's address; write for example https://skykey.example.org/")]
    NotAnAddress(String),
    /// It would carry tokens in clear through a network.
    #[error(
        "'{0}' is not encrypted, so anybody on the network could read your login; use the portal's https address"
    )]
    InClear(String),
}

impl Portal {
    /// As an address.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The address of `path` below it; `path` has no slash in front.
    pub fn at(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(path);
        url
    }
}

impl FromStr for Portal {
    type Err = ParsePortalError;

    fn from_str(text: &str) -> Result<Self, ParsePortalError> {
        let found = || text.chars().take(200).collect::<String>();
        let Ok(mut url) = Url::parse(text) else {
            return Err(ParsePortalError::NotAnAddress(found()));
        };
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !plain {
            return Err(ParsePortalError::NotAnAddress(found()));
        }
        if url.scheme() == "http" && !is_this_machine(&url) {
            return Err(ParsePortalError::InClear(found()));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_has_one_spelling() {
        for (text, portal) in [
            ("https://sky.example", "https://sky.example/"),
            ("https://sky.example:443/", "https://sky.example/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("https://h.example/skykey", "https://h.example/skykey/"),
        ] {
            assert_eq!(text.parse::<Portal>().unwrap().to_string(), portal);
        }
    }

    #[test]
    fn plain_http_to_another_machine_is_refused() {
        for text in [
            "http://sky.example/",
            "http://192.168.1.2:8080/",
            "http://localhost.example/",
        ] {
            let error = text.parse::<Portal>().unwrap_err();
            assert!(matches!(error, ParsePortalError::InClear(_)), "{error}");
        }
        for text in [
            "",
            "sky.example",
            "ftp://a/",
            "https://u@a/",
            "https://a/?b",
            "https://a/#b",
        ] {
            let error = text.parse::<Portal>().unwrap_err();
            assert!(
                error.to_string().contains("is not a portal's address"),
                "{error}"
            );
        }
    }
}
