//! The object store, and how it is asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use skykey_s3_client::{Endpoint, Problem};
use skykey_types::{Clock, Credentials};
use skykey_upstream::{Answer, Call, Opened, Settings, SetupError, Upstream};
use url::Url;

use crate::ops::{Ask, delete_object, head_object, put_object};
use crate::{ETag, Keys, ObjectAddress, ObjectError};

/// A piece of an answer must come within this, and so must the answer to a piece that is put.
const PATIENCE: Duration = Duration::from_mins(1);
/// Room for a thousand keys of 1,024 bytes, each percent-encoded.
const LONGEST: usize = 8 << 20;

/// Where the object store is.
#[derive(Debug, Clone)]
pub struct ObjectsSettings {
    /// The endpoint's address; buckets are addressed below it, path style.
    pub endpoint: Url,
    /// The region in signatures.
    pub region: String,
}

/// The object store. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Objects {
    upstream: Upstream,
    endpoint: Endpoint,
    keys: Arc<dyn Keys>,
}

impl Objects {
    /// Connects to nothing yet.
    pub fn new(
        settings: ObjectsSettings,
        keys: Arc<dyn Keys>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let upstream = Upstream::new(Settings {
            connect: Duration::from_secs(10),
            attempt: PATIENCE,
            total: PATIENCE * 3,
            longest: LONGEST,
            // One person waits; each attempt counts.
            failures: u32::MAX,
            ..Settings::of("the object store").by_proxy(&settings.endpoint)
        })?;
        Ok(Self {
            upstream,
            endpoint: Endpoint::new(settings.endpoint, settings.region, clock),
            keys,
        })
    }

    /// The object's size in bytes and its ETag; nothing if there is no such object.
    pub async fn head(
        &self,
        at: &ObjectAddress,
    ) -> Result<Option<(u64, Option<ETag>)>, ObjectError> {
        let ask = head_object::ask(at);
        match self.open(&ask).await {
            Ok(opened) => {
                let size = length(&opened).ok_or_else(|| unexpected(&ask, "no length"))?;
                Ok(Some((size, etag(&opened))))
            }
            Err(ObjectError::NoSuchObject(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts an object in one piece; unless `replace`, only where nothing is yet.
    pub async fn put(
        &self,
        at: &ObjectAddress,
        body: Bytes,
        replace: bool,
    ) -> Result<(), ObjectError> {
        let ask = put_object::ask(at, body, replace);
        self.must(&ask).await.map(drop)
    }

    /// Deletes an object; that it is not there is well.
    pub async fn delete(&self, at: &ObjectAddress) -> Result<(), ObjectError> {
        self.must(&delete_object::ask(at)).await.map(drop)
    }

    /// Asks, and reads the answer, which is a success.
    pub(crate) async fn must(&self, ask: &Ask) -> Result<Answer, ObjectError> {
        let keys = self.keys.now().await?;
        let first = self.send(ask, &keys).await?;
        let Some(others) = self.others(&first, &keys).await? else {
            return success(ask, first);
        };
        let second = self.send(ask, &others).await?;
        success(ask, second)
    }

    /// Asks once, and opens the answer, which is a success.
    pub(crate) async fn open(&self, ask: &Ask) -> Result<Opened, ObjectError> {
        let keys = self.keys.now().await?;
        let opened = self.upstream.open(&self.call(ask, &keys)?).await?;
        if opened.is_success() {
            return Ok(opened);
        }
        let refused = opened.read().await?;
        let Some(others) = self.others(&refused, &keys).await? else {
            return Err(ObjectError::of(ask.operation, &ask.at, &refused));
        };
        let opened = self.upstream.open(&self.call(ask, &others)?).await?;
        if opened.is_success() {
            return Ok(opened);
        }
        let refused = opened.read().await?;
        Err(ObjectError::of(ask.operation, &ask.at, &refused))
    }

    async fn send(&self, ask: &Ask, keys: &Credentials) -> Result<Answer, ObjectError> {
        Ok(self.upstream.send(&self.call(ask, keys)?).await?)
    }

    /// Other credentials, if the answer may be due to these and there are others. RGW says of a session
    /// token that has ended no more than `AccessDenied`.
    async fn others(
        &self,
        answer: &Answer,
        refused: &Credentials,
    ) -> Result<Option<Arc<Credentials>>, ObjectError> {
        let code = Problem::parse(&answer.text()).code;
        let about_keys = matches!(answer.status, 401 | 403)
            || matches!(code.as_str(), "ExpiredToken" | "InvalidToken");
        if !about_keys || code == "RequestTimeTooSkewed" {
            return Ok(None);
        }
        let others = self.keys.after_refusal(&refused.access_key_id).await?;
        Ok((others.access_key_id != refused.access_key_id).then_some(others))
    }

    fn call(&self, ask: &Ask, keys: &Credentials) -> Result<Call, ObjectError> {
        if ask.request.has_dots() {
            return Err(ObjectError::Dots(ask.at.clone()));
        }
        let request = self
            .endpoint
            .sign(keys, "s3", &ask.request)
            .map_err(|_| unexpected(ask, "the request cannot be written"))?;
        Ok(Call::new(ask.operation, request))
    }
}

fn success(ask: &Ask, answer: Answer) -> Result<Answer, ObjectError> {
    if answer.is_success() {
        return Ok(answer);
    }
    Err(ObjectError::of(ask.operation, &ask.at, &answer))
}

pub(crate) fn unexpected(ask: &Ask, why: &str) -> ObjectError {
    ObjectError::Unexpected {
        operation: ask.operation,
        at: ask.at.clone(),
        why: why.to_owned(),
    }
}

/// How long the body is, by the header.
pub(crate) fn length(opened: &Opened) -> Option<u64> {
    let length = opened.headers.get(http::header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

pub(crate) fn etag(opened: &Opened) -> Option<ETag> {
    let etag = opened.headers.get(http::header::ETAG)?;
    Some(ETag::new(etag.to_str().ok()?))
}
