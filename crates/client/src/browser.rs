//! Logging in with a browser of this machine that comes back to a loopback address: RFC 8252 §7.3 with PKCE.

use std::collections::BTreeMap;

use skykey_iam::LoginStart;
use skykey_types::Secret;
use url::{Url, form_urlencoded};

use crate::api::plain;
use crate::kept::Keep;
use crate::login::{LoggedIn, LoginAt};
use crate::{Client, ClientError, places};

/// A login in a browser that has begun.
#[derive(Debug)]
pub struct BrowserLogin {
    start: LoginStart,
    at: LoginAt,
}

/// A request to the loopback address that does not belong to this login: another process sent it.
/// The login keeps waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this does not belong to the login that is waiting here")]
pub struct NotOurs;

impl Client {
    /// Begins a login whose browser comes back to `redirect`, an address of this machine that
    /// [`LoginPorts`](skykey_types::LoginPorts) allows and at which the caller listens.
    pub async fn begin_browser_login(&self, redirect: Url) -> Result<BrowserLogin, ClientError> {
        // Before anybody logs in for nothing.
        self.folder.make()?;
        drop(places::room(&self.folder.login())?);
        let at = self.login_at(redirect).await?;
        let start = at.iam.begin_renewable_login().await?;
        Ok(BrowserLogin { start, at })
    }

    /// Ends it with the code that the browser brought, and keeps the login. What was kept of another login here is
    /// forgotten.
    pub async fn finish_browser_login(
        &self,
        login: &BrowserLogin,
        code: &Secret,
        keep: Keep,
    ) -> Result<LoggedIn, ClientError> {
        let done = login.at.iam.finish_login(&login.start, code).await?;
        self.keep_new(done, &login.at, keep).await
    }
}

impl BrowserLogin {
    /// Where the person logs in.
    pub fn url(&self) -> &Url {
        &self.start.url
    }

    /// Reads what the browser brought: the code, or why there is none (RFC 6749 §4.1.2). It counts only with our
    /// state, no field given twice, and from our IAM if it says from whom it is (RFC 9207).
    pub fn read(&self, query: &str) -> Result<Result<Secret, ClientError>, NotOurs> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if fields.insert(name, value.into_owned()).is_some() {
                return Err(NotOurs);
            }
        }
        let mut field = |name: &str| fields.remove(name);
        if field("state").map(Secret::new).as_ref() != Some(&self.start.state) {
            return Err(NotOurs);
        }
        if field("iss").is_some_and(|iss| iss != self.at.issuer) {
            return Err(NotOurs);
        }
        match (field("code"), field("error")) {
            (Some(code), None) if !code.is_empty() => Ok(Ok(Secret::new(code))),
            (None, Some(error)) if error == "access_denied" => Ok(Err(ClientError::LoginRefused)),
            (None, Some(error)) => Ok(Err(ClientError::LoginFailed {
                code: plain(&error),
                why: plain(&field("error_description").unwrap_or_default()),
            })),
            _ => Err(NotOurs),
        }
    }
}
