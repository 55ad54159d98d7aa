//! What every request carries: its client's address and an id.

use skykey_serve::ServeSettings;

use crate::site::{Site, header};

const FORWARDED: &str = "x-forwarded-for: 1.1.1.1, 198.51.100.9\r\nx-request-id: edge-42\r\n";

fn trusting(network: &str) -> ServeSettings {
    ServeSettings {
        trusted_proxies: vec![network.parse().unwrap()],
        ..ServeSettings::default()
    }
}

#[tokio::test]
async fn a_trusted_proxy_names_client_and_request() {
    let site = Site::open(trusting("127.0.0.0/8")).await;
    let answer = site.get("/who", FORWARDED).await;
    assert!(answer.ends_with("198.51.100.9 edge-42"), "{answer}");
    assert_eq!(header(&answer, "x-request-id"), Some("edge-42"));
}

#[tokio::test]
async fn anybody_else_does_not() {
    let site = Site::open(trusting("10.0.0.0/8")).await;
    let answer = site.get("/who", FORWARDED).await;
    let id = header(&answer, "x-request-id").unwrap();
    assert_eq!(id.len(), 16);
    assert!(answer.ends_with(&format!("127.0.0.1 {id}")), "{answer}");
}

#[tokio::test]
async fn a_proxys_id_that_is_none_is_replaced() {
    let site = Site::open(trusting("127.0.0.1")).await;
    let answer = site.get("/who", "x-request-id: a b\r\n").await;
    assert_eq!(header(&answer, "x-request-id").unwrap().len(), 16);
}

#[tokio::test]
async fn two_requests_have_two_ids() {
    let site = Site::open(ServeSettings::default()).await;
    let first = site.get("/", "").await;
    let second = site.get("/nowhere", "").await;
    assert!(second.starts_with("HTTP/1.1 404"), "{second}");
    assert_ne!(
        header(&first, "x-request-id").unwrap(),
        header(&second, "x-request-id").unwrap()
    );
}
