//! The issuer's name.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The issuer of an IAM, exactly as its tokens spell it (OpenID Connect Core 1.0 §2): INDIGO's ends
/// with `/`, others' do not, and the two are different names. An http or https URL without query
/// and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    /// With a `/` at the end, so that it can be joined with a path.
    base: Url,
}

/// A text that is not an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{found}' is not an issuer: an http or https URL without query and fragment, spelt exactly as in the field 'issuer' of the IAM's /.well-known/openid-configuration"
)]
pub struct ParseIssuerError {
    /// What stood there.
    pub found: String,
}

impl Issuer {
    /// As it was spelt.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether everything that is sent there is encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The URL of a path below it; `path` has no slash in front.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(path.split('/'));
        url
    }
}

impl FromStr for Issuer {
    type Err = ParseIssuerError;

    fn from_str(text: &str) -> Result<Self, ParseIssuerError> {
        let error = || ParseIssuerError {
            found: text.chars().take(200).collect(),
        };
        let base = Url::parse(text).map_err(|_| error())?;
        let usable = matches!(base.scheme(), "http" | "https")
            && base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        if !usable {
            return Err(error());
        }
        Ok(Self {
            text: text.to_owned(),
            base,
        })
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_spelling_and_its_path() {
        for (text, well_known) in [
            ("https://iam.example", "https://iam.example/.well-known/x"),
            ("https://iam.example/", "https://iam.example/.well-known/x"),
            ("http://h:1/realms/a", "http://h:1/realms/a/.well-known/x"),
            ("http://h:1/realms/a/", "http://h:1/realms/a/.well-known/x"),
        ] {
            let issuer: Issuer = text.parse().unwrap();
            assert_eq!(issuer.as_str(), text);
            assert_eq!(issuer.join(".well-known/x").as_str(), well_known);
        }
    }

    #[test]
    fn what_is_no_issuer_is_refused() {
        for text in [
            "",
            "iam.example",
            "ftp://a/",
            "https://a/?b",
            "https://u@a/",
        ] {
            let error = text.parse::<Issuer>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("'{text}' is not")), "{error}");
        }
    }
}
