//! The scripted endpoint with a client before it.

use std::sync::Arc;

use skykey_echo::Echo;
use skykey_s3_client::S3Settings;
use skykey_s3_client::scripted::Scripted;
pub(crate) use skykey_s3_client::scripted::{Asked, Told};
use skykey_types::{AccessKeyId, Credentials, ManualClock, Secret, Timestamp};
use skykey_upstream::UpstreamMetrics;

pub(crate) struct Server {
    pub(crate) echo: Echo,
    scripted: Scripted,
}

impl Server {
    pub(crate) async fn start(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let scripted = Scripted::start(tell).await.unwrap();
        let settings = S3Settings::new(scripted.url.clone(), "us-east-1");
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let echo = Echo::new(settings, &UpstreamMetrics::default(), Arc::new(clock)).unwrap();
        Self { echo, scripted }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.scripted.asked()
    }
}

pub(crate) fn credentials(name: &str) -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::new(name),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        expiration: None,
    }
}
