//! No secret is in a log line, an error or a `Debug`.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use skykey_keystone::Caller;
use skykey_testkit::Response;
use skykey_types::{AccessKeyId, Secret};
use tracing_subscriber::fmt::MakeWriter;

use crate::raw::{Raw, json_body, token};
use crate::scripted::PASSWORD;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_is_logged_or_told() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // For all threads: a line that another test comes to first, with nobody listening, may be taken for one that nobody
    // ever wants.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    // Every secret that is sent comes back as the reason.
    let echo = |status: u16, words: &str| {
        json_body(
            status,
            &json!({"error": {"message": format!("not with {words}")}}),
        )
    };
    let blob = json!({"access": "a", "secret": "secret-key"}).to_string();
    let stored = json!({"credential": {
        "type": "ec2", "blob": blob, "user_id": "1", "project_id": "2",
    }});
    let raw = Raw::new(vec![
        echo(401, PASSWORD),
        Response::none(),
        token("secret-token"),
        echo(409, "secret-token"),
        json_body(200, &stored),
        echo(403, "secret-token secret-key"),
        echo(401, "iam-secret"),
        echo(409, "secret-token secret-subject"),
    ])
    .await;
    let keystone = &raw.keystone;
    let iam = Secret::new("iam-secret");
    let subject = Secret::new("secret-subject");
    let mut told = Vec::new();
    told.push(keystone.own().await.unwrap_err());
    let own = keystone.own().await.unwrap();
    told.push(
        keystone
            .create_ec2(Caller::Own, "1", "2")
            .await
            .unwrap_err(),
    );
    told.push(
        keystone
            .identify_ec2(&AccessKeyId::new("a"))
            .await
            .unwrap_err(),
    );
    told.push(
        keystone
            .federated_token("iam", "openid", &iam)
            .await
            .unwrap_err(),
    );
    told.push(
        keystone
            .revoke_token(Caller::Own, &subject)
            .await
            .unwrap_err(),
    );

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("trying again"), "the log is read");
    for error in &told {
        assert!(error.to_string().contains("[redacted]"), "{error}");
    }
    let told = format!("{told:?} {keystone:?} {own:?}");
    for secret in [
        PASSWORD,
        "secret-token",
        "secret-key",
        "iam-secret",
        "secret-subject",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!told.contains(secret), "{secret} is told: {told}");
    }
}
