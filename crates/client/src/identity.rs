//! Who asks.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use skykey_types::Secret;

use crate::{ClientError, OpenStack};

/// The longest token that is read from a file, in bytes; no server takes a longer header.
const MAX_TOKEN_FILE_BYTES: usize = 16 << 10;

/// In whose name a [`Client`](crate::Client) asks: where the bearer of its calls comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Identity {
    /// The login that is kept on this machine.
    #[default]
    Login,
    /// A notebook server, by its own token of its JupyterHub. It gets credentials from
    /// `GET /jupyter/credentials`, and nothing else; how long they last is the portal's choice.
    Hub(Secret),
    /// An access token of the IAM in a file that something else renews: oidc-agent, htgettoken, HTCondor, a
    /// mounted secret. The file is read anew for each request. It holds the token, or JSON with
    /// an `access_token`.
    TokenFile(PathBuf),
    /// A machine, by an application credential of OpenStack. It asks with tokens of Keystone, which it keeps in
    /// memory alone; the site must take them.
    OpenStack(OpenStack),
}

impl Identity {
    /// What is kept for it lies in a folder of this name; the login's has none.
    pub(crate) fn folder(&self) -> Option<String> {
        match self {
            Self::Login => None,
            Self::Hub(token) => Some(format!("hub-{}", short(token.expose().as_bytes()))),
            Self::TokenFile(path) => Some(format!(
                "token-file-{}",
                short(path.as_os_str().as_encoded_bytes())
            )),
            Self::OpenStack(machine) => {
                Some(format!("openstack-{}", short(machine.name().as_bytes())))
            }
        }
    }
}

/// A token as an OAuth answer has it.
#[derive(Deserialize)]
struct Wrapped {
    access_token: Secret,
}

/// What a JSON Web Token says of whom it is for (RFC 7519 §4.1).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
}

/// The token that the file holds now.
pub(crate) fn token_in(path: &Path) -> Result<Secret, ClientError> {
    let no_token = |why: &str| ClientError::NoToken {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let bytes = match skykey_seal::read_private(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(no_token("there is no such file")),
        Err(error) => return Err(no_token(&error.to_string())),
    };
    if bytes.len() > MAX_TOKEN_FILE_BYTES {
        return Err(no_token("it is longer than any token"));
    }
    let text = String::from_utf8(bytes).map_err(|_| no_token("it is not text"))?;
    let text = text.trim();
    let token = match serde_json::from_str::<Wrapped>(text) {
        Ok(wrapped) => wrapped.access_token,
        Err(_) => Secret::new(text),
    };
    match token.expose() {
        "" => Err(no_token("it is empty")),
        // Of an answer only its access token counts.
        text if text.bytes().all(|b| b.is_ascii_graphic()) && !text.starts_with('{') => Ok(token),
        _ => Err(no_token("what it holds is not one token")),
    }
}

/// Tells one bearer's holder from another's: what was kept for one is not handed to the next without
/// asking the portal. For a JSON Web Token it is who it says it is for, so that the next token of the
/// same person is theirs; nothing is believed by it, since the portal judges the token itself.
pub(crate) fn holder(token: &Secret) -> String {
    let claims = token
        .expose()
        .split('.')
        .nth(1)
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
        .and_then(|payload| serde_json::from_slice::<Claims>(&payload).ok());
    match claims {
        Some(Claims { iss, sub }) => short(format!("{iss}\n{sub}").as_bytes()),
        None => short(token.expose().as_bytes()),
    }
}

/// 128 bits of a SHA-256 in hexadecimal.
fn short(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in &digest(&SHA256, bytes).as_ref()[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(iss: &str, sub: &str, jti: &str) -> Secret {
        let claims = serde_json::json!({ "iss": iss, "sub": sub, "jti": jti });
        Secret::new(format!(
            "h.{}.s",
            URL_SAFE_NO_PAD.encode(claims.to_string())
        ))
    }

    #[test]
    fn a_persons_next_token_is_theirs_and_anothers_is_not() {
        let ada = holder(&jwt("i", "ada", "1"));
        assert_eq!(ada, holder(&jwt("i", "ada", "2")));
        assert_ne!(ada, holder(&jwt("i", "bob", "1")));
        assert_ne!(ada, holder(&jwt("j", "ada", "1")));
        assert_ne!(holder(&Secret::new("a")), holder(&Secret::new("b")));
    }

    #[test]
    fn a_file_holds_one_token_or_says_why_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            token_in(&path).map(|token| token.expose().to_owned())
        };
        assert_eq!(read(b"abc.def\n").unwrap(), "abc.def");
        let json = br#"{"access_token":"abc","expires_in":10}"#;
        assert_eq!(read(json).unwrap(), "abc");
        let long = vec![b'a'; MAX_TOKEN_FILE_BYTES + 1];
        for (content, why) in [
            (&b""[..], "empty"),
            (b" \n", "empty"),
            (b"one two", "not one token"),
            (b"one\ntwo", "not one token"),
            (br#"{"access_token":""}"#, "empty"),
            (br#"{"token":"a"}"#, "not one token"),
            (b"\xff", "not text"),
            (&long, "longer"),
        ] {
            let error = read(content).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(error.code(), "no_token");
        }
        std::fs::remove_file(&path).unwrap();
        let error = token_in(&path).unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
    }
}
