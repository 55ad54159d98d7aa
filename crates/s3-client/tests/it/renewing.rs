//! Credentials that end between two requests.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use skykey_s3_client::operations::{get_object, put_object};
use skykey_s3_client::{CredentialsProvider, NoCredentials, RenewingClient, RequestBody};
use skykey_types::{AccessKeyId, Credentials};

use crate::server::{Asked, Server, Told, bucket, credentials};

/// Others after each refusal, as long as there are some.
#[derive(Debug)]
struct InTurn(Mutex<Vec<&'static str>>);

#[async_trait]
impl CredentialsProvider for InTurn {
    async fn credentials(&self) -> Result<Arc<Credentials>, NoCredentials> {
        Ok(credentials(self.0.lock().unwrap()[0]))
    }

    async fn after_refusal(&self, _: &AccessKeyId) -> Result<Arc<Credentials>, NoCredentials> {
        let mut names = self.0.lock().unwrap();
        if names.len() > 1 {
            names.remove(0);
        }
        Ok(credentials(names[0]))
    }
}

fn client(server: &Server, names: &[&'static str]) -> RenewingClient {
    let names = Arc::new(InTurn(Mutex::new(names.to_vec())));
    RenewingClient::new(server.client.clone(), names)
}

async fn server() -> Server {
    Server::start(|asked| {
        if asked.key() == "ak1" {
            Told::error(403, "AccessDenied")
        } else {
            Told::ok("bytes")
        }
    })
    .await
}

#[tokio::test]
async fn what_is_refused_is_asked_again_with_others_once() {
    let server = server().await;
    let get = get_object::request(&bucket(), "a");
    let answer = client(&server, &["ak1", "ak2"]).call(&get).await.unwrap();
    assert_eq!(&answer.body[..], b"bytes");
    let mut opened = client(&server, &["ak1", "ak2"]).open(&get).await.unwrap();
    assert_eq!(opened.chunk().await.unwrap().unwrap(), "bytes");
    let same = client(&server, &["ak1"]);
    let refused = same.call(&get).await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    assert!(same.open(&get).await.is_err());
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn a_body_is_sent_again_if_it_can_be() {
    let put = put_object::request(&bucket(), "a", "");
    let bytes = || RequestBody::from(Bytes::from_static(b"stamp"));
    let server = server().await;
    let renewing = client(&server, &["ak1", "ak2"]);
    let opened = renewing.stream(&put, bytes()).await.unwrap();
    assert_eq!(opened.status, 200);
    let bodies: Vec<String> = server.asked().iter().map(Asked::text).collect();
    assert_eq!(bodies, ["stamp", "stamp"]);
    let renewing = client(&server, &["ak1", "ak2"]);
    let once = RequestBody::wrap(bytes(), 5);
    let refused = renewing.stream(&put, once).await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    assert_eq!(server.asked().len(), 3);
}
