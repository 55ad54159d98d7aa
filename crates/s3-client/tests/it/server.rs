//! The scripted server with a client before it.

use std::sync::Arc;

use skykey_s3_client::scripted::Scripted;
pub(crate) use skykey_s3_client::scripted::{Asked, Told};
use skykey_s3_client::{Endpoint, S3Client};
use skykey_types::{AccessKeyId, BucketName, Credentials, ManualClock, Secret, Timestamp};
use skykey_upstream::{Settings, Upstream};

pub(crate) struct Server {
    pub(crate) client: S3Client,
    scripted: Scripted,
}

impl Server {
    pub(crate) async fn start(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let scripted = Scripted::start(tell).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let endpoint = Endpoint::new(scripted.url.clone(), "us-east-1", clock);
        let upstream = Upstream::new(Settings::data_path("the test")).unwrap();
        Self {
            client: S3Client::new(upstream, endpoint),
            scripted,
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.scripted.asked()
    }
}

pub(crate) fn credentials(name: &str) -> Arc<Credentials> {
    Arc::new(Credentials {
        access_key_id: AccessKeyId::new(name),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        expiration: None,
    })
}

pub(crate) fn bucket() -> BucketName {
    "m13".parse().unwrap()
}
