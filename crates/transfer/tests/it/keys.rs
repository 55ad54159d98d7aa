//! Credentials that end in the middle.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use skykey_transfer::{CredentialsProvider, NoCredentials, ObjectError, Objects};
use skykey_types::{AccessKeyId, Credentials};

use crate::server::{Server, Told, at, content, credentials, object};

/// One key after the other; `None` is for somebody who was removed.
#[derive(Debug)]
struct InTurn(Mutex<Vec<Option<&'static str>>>);

#[async_trait]
impl CredentialsProvider for InTurn {
    async fn credentials(&self) -> Result<Arc<Credentials>, NoCredentials> {
        Ok(credentials(self.0.lock().unwrap()[0].unwrap()))
    }

    async fn after_refusal(
        &self,
        refused: &AccessKeyId,
    ) -> Result<Arc<Credentials>, NoCredentials> {
        let mut keys = self.0.lock().unwrap();
        assert_eq!(keys[0], Some(refused.as_str()));
        keys.remove(0);
        keys[0].map(credentials).ok_or_else(|| NoCredentials {
            message: "you are not in m13/readers".to_owned(),
            hint: "ask olive".to_owned(),
        })
    }
}

fn in_turn(keys: &[Option<&'static str>]) -> Arc<InTurn> {
    Arc::new(InTurn(Mutex::new(keys.to_vec())))
}

async fn read(objects: &Objects) -> Result<Vec<u8>, ObjectError> {
    let mut reading = objects.read(&at("s3://m13/a")).await?;
    let mut all = Vec::new();
    while let Some(bytes) = reading.chunk().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

#[tokio::test]
async fn a_lease_that_ends_in_the_middle_is_renewed_and_reading_goes_on() {
    for (status, code) in [
        (400, "ExpiredToken"),
        (403, "AccessDenied"),
        (403, "InvalidAccessKeyId"),
    ] {
        let server =
            Server::start_with(in_turn(&[Some("ak1"), Some("ak2")]), move |asked| {
                match (asked.header("range"), asked.key()) {
                    (None, "ak1") => Told {
                        breaks_after: Some(600),
                        ..object(asked, &content(1000))
                    },
                    (Some(_), "ak2") => object(asked, &content(1000)),
                    _ => Told::error(status, code),
                }
            })
            .await;
        assert_eq!(
            read(&server.objects).await.unwrap(),
            content(1000),
            "{code}"
        );
        let keys: Vec<String> = server
            .asked()
            .iter()
            .map(|asked| asked.key().to_owned())
            .collect();
        assert_eq!(keys, ["ak1", "ak1", "ak2"]);
    }
}

#[tokio::test]
async fn a_removed_person_sees_the_portals_message() {
    let server = Server::start_with(in_turn(&[Some("ak1"), None]), |_| {
        Told::error(403, "AccessDenied")
    })
    .await;
    let failed = read(&server.objects).await.unwrap_err();
    assert_eq!(failed.to_string(), "you are not in m13/readers");
    assert_eq!(failed.hint(), "ask olive");
    assert!(failed.is_final());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_refusal_that_other_credentials_do_not_mend_is_one() {
    let server = Server::start_with(in_turn(&[Some("ak1"), Some("ak1")]), |_| {
        Told::error(403, "AccessDenied")
    })
    .await;
    let failed = read(&server.objects).await.unwrap_err();
    assert!(
        failed
            .to_string()
            .starts_with("cannot read s3://m13/a: the object store refuses it")
    );
    assert_eq!(server.asked().len(), 1);
}
