//! Sending requests with credentials that renew.

use std::sync::Arc;

use skykey_types::Credentials;
use skykey_upstream::{Answer, Opened, RequestBody};

use crate::{CredentialsProvider, ErrorBody, Request, S3Client, S3Error};

/// An [`S3Client`] that gets credentials before each request, and once more when the store
/// refuses them. Clones share both.
#[derive(Debug, Clone)]
pub struct RenewingClient {
    client: S3Client,
    provider: Arc<dyn CredentialsProvider>,
}

impl RenewingClient {
    /// The client with those credentials.
    pub fn new(client: S3Client, provider: Arc<dyn CredentialsProvider>) -> Self {
        Self { client, provider }
    }

    /// The client without them.
    pub fn client(&self) -> &S3Client {
        &self.client
    }

    /// Sends the request and reads its answer, which is a success.
    pub async fn call(&self, request: &Request) -> Result<Answer, S3Error> {
        let credentials = self.provider.credentials().await?;
        let answer = self.client.send(&credentials, request).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        match self.others(&answer, &credentials).await? {
            None => Err(self.client.refused(request, &answer)),
            Some(others) => self.client.call(&others, request).await,
        }
    }

    /// Sends the request once and returns when the head of the answer is there, which is a success.
    pub async fn open(&self, request: &Request) -> Result<Opened, S3Error> {
        let credentials = self.provider.credentials().await?;
        let opened = self.client.open(&credentials, request).await?;
        if opened.is_success() {
            return Ok(opened);
        }
        let answer = opened.read().await?;
        match self.others(&answer, &credentials).await? {
            None => Err(self.client.refused(request, &answer)),
            Some(others) => {
                let opened = self.client.open(&others, request).await?;
                self.success(request, opened).await
            }
        }
    }

    /// The same with a body that streams. A body that cannot be sent again is not, so that refused
    /// credentials are an error although there may be others.
    pub async fn stream(&self, request: &Request, body: RequestBody) -> Result<Opened, S3Error> {
        let again = body.replay();
        let credentials = self.provider.credentials().await?;
        let opened = self.client.stream(&credentials, request, body).await?;
        if opened.is_success() {
            return Ok(opened);
        }
        let answer = opened.read().await?;
        match (self.others(&answer, &credentials).await?, again) {
            (Some(others), Some(body)) => {
                let opened = self.client.stream(&others, request, body).await?;
                self.success(request, opened).await
            }
            _ => Err(self.client.refused(request, &answer)),
        }
    }

    async fn success(&self, request: &Request, opened: Opened) -> Result<Opened, S3Error> {
        if opened.is_success() {
            return Ok(opened);
        }
        let answer = opened.read().await?;
        Err(self.client.refused(request, &answer))
    }

    /// Other credentials, if the answer may be due to these and there are others. RGW says of a
    /// session token that has ended no more than `AccessDenied`.
    async fn others(
        &self,
        answer: &Answer,
        refused: &Credentials,
    ) -> Result<Option<Arc<Credentials>>, S3Error> {
        let code = ErrorBody::parse(&answer.text()).code;
        let about_credentials = matches!(answer.status, 401 | 403)
            || matches!(code.as_str(), "ExpiredToken" | "InvalidToken");
        if !about_credentials || code == "RequestTimeTooSkewed" {
            return Ok(None);
        }
        let others = self.provider.after_refusal(&refused.access_key_id).await?;
        Ok((others.access_key_id != refused.access_key_id).then_some(others))
    }
}
