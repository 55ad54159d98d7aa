//! The scripted endpoint with a client before it; credentials, and answers of a store.

use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use md5::{Digest, Md5};
use skykey_s3_client::scripted::Scripted;
pub(crate) use skykey_s3_client::scripted::{Asked, Told};
use skykey_transfer::{
    CredentialsProvider, NoCredentials, ObjectAddress, Objects, ObjectsSettings,
};
use skykey_types::{AccessKeyId, Credentials, ManualClock, Secret, Timestamp};

pub(crate) struct Server {
    pub(crate) objects: Objects,
    scripted: Scripted,
}

impl Server {
    pub(crate) async fn start(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        Self::start_with(Arc::new(Fixed), tell).await
    }

    /// With those credentials.
    pub(crate) async fn start_with(
        provider: Arc<dyn CredentialsProvider>,
        tell: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    ) -> Self {
        let scripted = Scripted::start(tell).await.unwrap();
        let settings = ObjectsSettings {
            endpoint: scripted.url.clone(),
            region: "us-east-1".to_owned(),
        };
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let objects = Objects::new(settings, provider, Arc::new(clock)).unwrap();
        Self { objects, scripted }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.scripted.asked()
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.scripted.most_in_flight()
    }
}

pub(crate) fn etag(content: &[u8]) -> String {
    format!("\"{}\"", hex::encode(Md5::digest(content)))
}

/// An object, whole or from the byte on that was asked for, if that is still of the same one.
pub(crate) fn object(asked: &Asked, content: &[u8]) -> Told {
    let etag = etag(content);
    let headers = format!("etag: {etag}\r\n");
    let Some(range) = asked.header("range") else {
        return Told {
            headers,
            ..Told::ok(content)
        };
    };
    if asked.header("if-match") != Some(&etag) {
        return Told::error(412, "PreconditionFailed");
    }
    let begin = range
        .strip_prefix("bytes=")
        .unwrap()
        .strip_suffix('-')
        .unwrap();
    let begin: usize = begin.parse().unwrap();
    let length = content.len();
    Told {
        status: 206,
        headers: format!(
            "{headers}content-range: bytes {begin}-{}/{length}\r\n",
            length - 1
        ),
        ..Told::ok(&content[begin..])
    }
}

/// A listing of one page, of objects that are as [`content`] has them.
pub(crate) fn listing(entries: &[(&str, usize)]) -> Told {
    let mut text = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
    for (key, size) in entries {
        let etag = etag(&content(*size)).replace('"', "&quot;");
        let _ = write!(
            text,
            "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag></Contents>"
        );
    }
    text += "</ListBucketResult>";
    Told::ok(text)
}

pub(crate) fn credentials(name: &str) -> Arc<Credentials> {
    Arc::new(Credentials {
        access_key_id: AccessKeyId::new(name),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        expiration: None,
    })
}

/// The same credentials for ever.
#[derive(Debug)]
struct Fixed;

#[async_trait]
impl CredentialsProvider for Fixed {
    async fn credentials(&self) -> Result<Arc<Credentials>, NoCredentials> {
        Ok(credentials("ak1"))
    }

    async fn after_refusal(&self, _: &AccessKeyId) -> Result<Arc<Credentials>, NoCredentials> {
        Ok(credentials("ak1"))
    }
}

pub(crate) fn at(text: &str) -> ObjectAddress {
    text.parse().unwrap()
}

/// As many bytes, all over the alphabet.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| b'a' + u8::try_from(index % 23).unwrap())
        .collect()
}
