//! The portal's JSON API.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use skykey_api::{AnyError, Lease, LeaseList, Me, Site, Survey, SurveyList};
use skykey_types::{Secret, SurveyName};
use skykey_upstream::{Answer, Call};
use url::Url;

use crate::identity::{self, Identity};
use crate::{Client, ClientError};

/// How much of a message is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;
/// Keystone's own header for its tokens.
const KEYSTONE_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// What a call shows of who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// An access token of the IAM, or a notebook server's own of its hub.
    Bearer(&'a Secret),
    /// A token of Keystone.
    Keystone(&'a Secret),
}

impl Client {
    /// What the portal says of its site; needs no login.
    pub async fn site(&self) -> Result<Site, ClientError> {
        const ASK: &str = "ask the portal where to log in";
        let url = self.portal.at(&["api", "v1", "site"]);
        let answer = self.call(ASK, Method::GET, &url, None, None).await?;
        self.json(ASK, &answer)
    }

    /// Who the person is to the IAM now, and where they stand.
    pub async fn me(&self) -> Result<Me, ClientError> {
        const ASK: &str = "ask the portal who you are";
        let answer = self.as_person(ASK, Method::GET, &["me"], None).await?;
        self.json(ASK, &answer)
    }

    /// The survey that is meant when none is named: the only one that may be read; for a notebook server
    /// the portal's choice.
    pub async fn usual_survey(&self) -> Result<SurveyName, ClientError> {
        if let Identity::Hub(token) = &self.identity {
            return self.hubs_survey(token).await;
        }
        let me = self.me().await?;
        let mut names: Vec<String> = me
            .surveys
            .into_iter()
            .filter(|survey| survey.access.is_some())
            .map(|survey| survey.name)
            .collect();
        if names.len() != 1 {
            return Err(ClientError::WhichSurvey(names));
        }
        names
            .remove(0)
            .parse()
            .map_err(|_| self.unexpected("find your survey", "a survey's name"))
    }

    /// The surveys there are.
    pub async fn surveys(&self) -> Result<Vec<Survey>, ClientError> {
        const ASK: &str = "list the surveys";
        let answer = self.as_person(ASK, Method::GET, &["surveys"], None).await?;
        Ok(self.json::<SurveyList>(ASK, &answer)?.surveys)
    }

    /// The person's leases, the portal's order.
    pub async fn leases(&self) -> Result<Vec<Lease>, ClientError> {
        const ASK: &str = "list your leases";
        let answer = self.as_person(ASK, Method::GET, &["leases"], None).await?;
        Ok(self.json::<LeaseList>(ASK, &answer)?.leases)
    }

    /// Gives a lease back: its credentials end.
    pub async fn give_back(&self, lease: &str) -> Result<(), ClientError> {
        let path = ["leases", lease];
        self.as_person("give a lease back", Method::DELETE, &path, None)
            .await?;
        // It has ended, whatever becomes of what is kept; that is looked at again within half a minute.
        let _ = self.forget(lease).await;
        Ok(())
    }

    /// A call in the person's name. A token that is refused before its time is renewed once: the IAM's
    /// keys may have changed.
    pub(crate) async fn as_person(
        &self,
        operation: &'static str,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        if matches!(self.identity, Identity::Hub(_)) {
            return Err(ClientError::OnlyCredentials { operation });
        }
        let url = self.portal.at(&[&["api", "v1"], path].concat());
        let token = self.bearer().await?;
        let first = self
            .call(operation, method.clone(), &url, self.proof(&token), body)
            .await;
        let Err(ClientError::Refused {
            status: 401,
            message,
            ..
        }) = first
        else {
            return first;
        };
        let Some(token) = self.another_bearer(&token).await? else {
            return Err(self.not_taken(message));
        };
        let second = self
            .call(operation, method, &url, self.proof(&token), body)
            .await;
        match second {
            Err(ClientError::Refused {
                status: 401,
                message,
                ..
            }) => Err(self.not_taken(message)),
            other => other,
        }
    }

    /// What the calls carry now.
    pub(crate) async fn bearer(&self) -> Result<Secret, ClientError> {
        match &self.identity {
            Identity::Login => self.access_token().await,
            Identity::Hub(token) => Ok(token.clone()),
            Identity::TokenFile(path) => identity::token_in(path),
            Identity::OpenStack(machine) => self.keystone_token(machine, None).await,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "a call takes it or nothing")]
    fn proof<'a>(&self, token: &'a Secret) -> Option<Proof<'a>> {
        Some(match &self.identity {
            Identity::OpenStack(_) => Proof::Keystone(token),
            Identity::Login | Identity::Hub(_) | Identity::TokenFile(_) => Proof::Bearer(token),
        })
    }

    /// Another than the one that was refused, if there is one.
    async fn another_bearer(&self, refused: &Secret) -> Result<Option<Secret>, ClientError> {
        match &self.identity {
            Identity::Login => self.another_access_token(refused).await.map(Some),
            Identity::Hub(_) => Ok(None),
            // It may have been replaced just now.
            Identity::TokenFile(path) => {
                Ok(Some(identity::token_in(path)?).filter(|token| token != refused))
            }
            Identity::OpenStack(machine) => {
                self.keystone_token(machine, Some(refused)).await.map(Some)
            }
        }
    }

    fn not_taken(&self, why: String) -> ClientError {
        let portal = self.portal.to_string();
        match &self.identity {
            Identity::TokenFile(path) => ClientError::TokenRefused {
                portal,
                path: path.clone(),
                why,
            },
            Identity::OpenStack(machine) => ClientError::MachineRefused {
                portal,
                id: machine.id().to_owned(),
                why,
            },
            Identity::Login | Identity::Hub(_) => ClientError::LoginEnded { portal, why },
        }
    }

    pub(crate) async fn call(
        &self,
        operation: &'static str,
        method: Method,
        url: &Url,
        proof: Option<Proof<'_>>,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(ACCEPT, "application/json");
        if let Some(proof) = proof {
            let (name, value) = match proof {
                Proof::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.expose())),
                Proof::Keystone(token) => (KEYSTONE_TOKEN, token.expose().to_owned()),
            };
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| self.unexpected(operation, "the token holds a line break"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request
            .body(bytes)
            .map_err(|_| self.unexpected(operation, "the address is not one"))?;
        let answer = self.http()?.send(&Call::new(operation, request)).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        match answer.json::<AnyError>().map(AnyError::into_details) {
            Ok(details) => Err(ClientError::Refused {
                status: answer.status,
                code: plain(&details.code),
                message: plain(&details.message),
                hint: plain(&details.hint),
                group: details.group.as_deref().map(plain),
            }),
            Err(_) => Err(self.unexpected(operation, &format!("HTTP {}", answer.status))),
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        answer: &Answer,
    ) -> Result<T, ClientError> {
        answer
            .json()
            .map_err(|why| self.unexpected(operation, &why))
    }

    pub(crate) fn unexpected(&self, operation: &'static str, why: &str) -> ClientError {
        ClientError::Unexpected {
            operation,
            portal: self.portal.to_string(),
            why: why.to_owned(),
        }
    }
}

/// One line without control characters, which a terminal might obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .take(MAX_MESSAGE_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
