//! The object store, and how it is called.

use std::sync::Arc;

use bytes::Bytes;
use skykey_s3_client::operations::{content_length, delete_object, head_object, put_object};
use skykey_s3_client::{
    CredentialsProvider, ETag, Endpoint, ObjectAddress, Opened, RenewingClient, Request, S3Client,
};
use skykey_types::Clock;
use skykey_upstream::{Answer, Settings, SetupError, Upstream};
use url::Url;

use crate::ObjectError;
use crate::disk::Disk;

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
    client: RenewingClient,
    pub(crate) disk: Disk,
}

impl Objects {
    /// A client that connects when the first request is sent.
    pub fn new(
        settings: ObjectsSettings,
        credentials: Arc<dyn CredentialsProvider>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let data_path = Settings::data_path("the object store").by_proxy(&settings.endpoint);
        let upstream = Upstream::new(data_path)?;
        let endpoint = Endpoint::new(settings.endpoint, settings.region, clock);
        let client = S3Client::new(upstream, endpoint);
        Ok(Self {
            client: RenewingClient::new(client, credentials),
            disk: Disk::default(),
        })
    }

    /// Returns the object's size in bytes and its ETag; `None` if there is no such object.
    pub async fn head(
        &self,
        at: &ObjectAddress,
    ) -> Result<Option<(u64, Option<ETag>)>, ObjectError> {
        let request = head_object::request(&at.bucket, &at.key).named("read");
        match self.open(at, &request).await {
            Ok(opened) => {
                let size = content_length(&opened.headers)
                    .ok_or_else(|| ObjectError::of(at, request.unexpected("no length")))?;
                Ok(Some((size, ETag::of(&opened.headers))))
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
        self.call(at, &put(at, body, replace)).await.map(drop)
    }

    /// Deletes an object; one that is not there is a success.
    pub async fn delete(&self, at: &ObjectAddress) -> Result<(), ObjectError> {
        let request = delete_object::request(&at.bucket, &at.key, None).named("delete");
        self.call(at, &request).await.map(drop)
    }

    /// Returns when no file is worked on any more: what a dropped copy had begun is removed then.
    pub async fn settled(&self) {
        self.disk.idle().await;
    }

    /// Sends the request and reads its answer, which is a success.
    pub(crate) async fn call(
        &self,
        at: &ObjectAddress,
        request: &Request,
    ) -> Result<Answer, ObjectError> {
        check(at, request)?;
        let answer = self.client.call(request).await;
        answer.map_err(|error| ObjectError::of(at, error))
    }

    /// Sends the request once, and opens the answer, which is a success.
    pub(crate) async fn open(
        &self,
        at: &ObjectAddress,
        request: &Request,
    ) -> Result<Opened, ObjectError> {
        check(at, request)?;
        let opened = self.client.open(request).await;
        opened.map_err(|error| ObjectError::of(at, error))
    }
}

/// Writes an object of these bytes; unless `replace`, only where nothing is yet.
pub(crate) fn put(at: &ObjectAddress, body: Bytes, replace: bool) -> Request {
    let request = put_object::request(&at.bucket, &at.key, body)
        .named("write")
        .content_md5();
    if replace {
        request
    } else {
        request.if_none_match()
    }
}

fn check(at: &ObjectAddress, request: &Request) -> Result<(), ObjectError> {
    if request.has_dots() {
        Err(ObjectError::Dots(at.clone()))
    } else {
        Ok(())
    }
}
