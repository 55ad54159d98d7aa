//! Every limit, from the outside.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use skykey_serve::ServeSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::site::{Site, rest};

#[tokio::test]
async fn too_many_headers_are_answered_431() {
    let site = Site::open(ServeSettings {
        header_count: 20,
        ..ServeSettings::default()
    })
    .await;
    let headers = |count| {
        (0..count).fold(String::new(), |mut text, n| {
            let _ = write!(text, "x-{n}: y\r\n");
            text
        })
    };
    // The test's client adds two more to every request.
    let answer = site.get("/", &headers(18)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = site.get("/", &headers(19)).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn too_many_bytes_of_headers_are_answered_431() {
    let site = Site::open(ServeSettings {
        header_bytes: 1000,
        ..ServeSettings::default()
    })
    .await;
    let headers = |bytes| format!("x-long: {}\r\n", "y".repeat(bytes));
    let answer = site.get("/", &headers(800)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = site.get("/", &headers(1000)).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Headers without end, of which there are never enough to judge.
    let endless = format!("GET / HTTP/1.1\r\nx-long: {}", "y".repeat(20_000));
    let answer = site.say(&endless).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn one_client_has_so_many_connections() {
    let site = Site::open(ServeSettings {
        connections_per_client: NonZeroU32::new(2),
        ..ServeSettings::default()
    })
    .await;
    let mut first = site.connect().await;
    let mut second = site.connect().await;
    for stream in [&mut first, &mut second] {
        keep_alive(stream).await;
    }
    assert_eq!(site.get("/", "").await, "");
    drop(first);
    // The door hears of it when it next reads; then there is a place again.
    let mut answer = String::new();
    for _ in 0..1000 {
        answer = site.get("/", "").await;
        if !answer.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(answer.ends_with("here"), "{answer}");
    let text = site.stop().await.text().unwrap();
    assert!(
        text.contains("skykey_http_connections_refused_total{door=\"test\"}"),
        "{text}"
    );
    assert!(
        !text.contains("skykey_http_connections_refused_total{door=\"test\"} 0"),
        "{text}"
    );
}

#[tokio::test]
async fn a_trusted_proxy_has_as_many_as_it_likes() {
    let site = Site::open(ServeSettings {
        connections_per_client: NonZeroU32::new(1),
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..ServeSettings::default()
    })
    .await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = site.connect().await;
        keep_alive(&mut stream).await;
        streams.push(stream);
    }
}

#[tokio::test]
async fn when_all_connections_are_taken_others_wait_their_turn() {
    let site = Site::open(ServeSettings {
        connections: NonZeroU32::MIN,
        ..ServeSettings::default()
    })
    .await;
    let mut first = site.connect().await;
    keep_alive(&mut first).await;
    let mut second = site.connect().await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    second.write_all(request).await.unwrap();
    keep_alive(&mut first).await;
    drop(first);
    assert!(rest(second).await.ends_with("here"));
}

#[tokio::test(start_paused = true)]
async fn slow_headers_are_cut_off() {
    let site = Site::open(ServeSettings::default()).await;
    let answer = site.say("GET / HTTP/1.1\r\nx-slow: ").await;
    assert_eq!(answer, "");
    assert_eq!(site.say("").await, "");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_after_their_time() {
    let site = Site::open(ServeSettings {
        headers_within: Duration::from_secs(5),
        ..ServeSettings::default()
    })
    .await;
    let mut stream = site.connect().await;
    keep_alive(&mut stream).await;
    let began = tokio::time::Instant::now();
    assert_eq!(rest(stream).await, "");
    assert_eq!(began.elapsed().as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let site = Site::open(ServeSettings::default()).await;
    let began = tokio::time::Instant::now();
    let answer = site
        .say("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
        .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!((60..70).contains(&began.elapsed().as_secs()));
}

#[tokio::test]
async fn a_stop_lets_a_request_under_way_end() {
    let site = Site::open(ServeSettings::default()).await;
    let mut idle = site.connect().await;
    keep_alive(&mut idle).await;
    let mut stream = site.connect().await;
    let request = b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    site.asked.notified().await;
    site.tell_stop();
    // The idle one goes at once.
    assert_eq!(rest(idle).await, "");
    site.go_on.notify_one();
    let answer = rest(stream).await;
    assert!(answer.ends_with("waited"), "{answer}");
    let text = site.stop().await.text().unwrap();
    assert!(
        text.contains("skykey_http_connections{door=\"test\"} 0"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_off_what_does_not_end() {
    let site = Site::open(ServeSettings::default()).await;
    let mut stream = site.connect().await;
    let request = b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    site.asked.notified().await;
    let began = tokio::time::Instant::now();
    let metrics = site.stop().await;
    assert_eq!(began.elapsed().as_secs(), 4);
    assert_eq!(rest(stream).await, "");
    // It is in the books, as one that got no answer.
    let text = metrics.text().unwrap();
    assert!(text.contains("status=\"499\"} 1"), "{text}");
}

/// A request that leaves the connection open.
async fn keep_alive(stream: &mut tokio::net::TcpStream) {
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"here") {
        answer.push(stream.read_u8().await.unwrap());
    }
}
