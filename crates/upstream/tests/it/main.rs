//! Calls to a server that answers as it is told.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a failure")]

mod by_progress;
mod server;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use server::{Script, Server};
use skykey_upstream::{Call, Fault, Health, Settings, Upstream, UpstreamMetrics};

const SYSTEM: &str = "the test";

fn settings() -> Settings {
    Settings {
        attempt: Duration::from_millis(300),
        total: Duration::from_secs(3),
        failures: 100,
        ..Settings::of(SYSTEM)
    }
}

fn call(server: &Server, method: Method) -> Call {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{}/?secret=hunter2", server.address))
        .body(Bytes::from_static(b"body"))
        .unwrap();
    Call::new("ask", request)
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_until_it_is_answered() {
    let server = Server::start(vec![
        Script::Status(503),
        Script::Reset,
        Script::Answer("well"),
    ])
    .await;
    let upstream = Upstream::new(settings()).unwrap();
    let answer = upstream.send(&call(&server, Method::GET)).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"well"[..]));
    assert_eq!(server.requests(), 3);
    assert_eq!(upstream.health(), Health::Healthy);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    for script in [
        Script::Status(500),
        Script::Status(503),
        Script::Reset,
        Script::Truncate,
    ] {
        let server = Server::start(vec![script, Script::Answer("done twice")]).await;
        let upstream = Upstream::new(settings()).unwrap();
        let outcome = upstream.send(&call(&server, Method::POST)).await;
        match outcome {
            Ok(answer) => assert!(answer.is_outage()),
            Err(fault) => assert!(matches!(fault, Fault::Unreachable { .. }), "{fault}"),
        }
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn too_many_requests_means_not_done() {
    let server = Server::start(vec![Script::Status(429), Script::Answer("done")]).await;
    let upstream = Upstream::new(settings()).unwrap();
    let answer = upstream.send(&call(&server, Method::POST)).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn attempts_end() {
    let server = Server::start(vec![Script::Status(502); 9]).await;
    let metrics = UpstreamMetrics::default();
    let upstream = Upstream::new(Settings {
        metrics: metrics.clone(),
        ..settings()
    })
    .unwrap();
    let answer = upstream.send(&call(&server, Method::GET)).await.unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(server.requests(), 3);
    assert_eq!(metrics.attempts(SYSTEM, "ask"), 3);
}

#[tokio::test]
async fn a_black_hole_is_late_and_a_truncated_answer_is_none() {
    let server = Server::start(vec![Script::BlackHole]).await;
    let upstream = Upstream::new(Settings {
        attempts: 1,
        ..settings()
    })
    .unwrap();
    let fault = upstream
        .send(&call(&server, Method::GET))
        .await
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "cannot ask: the test did not answer within 0.3 s"
    );
    let server = Server::start(vec![Script::Truncate]).await;
    let fault = upstream
        .send(&call(&server, Method::GET))
        .await
        .unwrap_err();
    assert!(matches!(fault, Fault::Unreachable { .. }), "{fault}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let server = Server::start(vec![Script::Answer("more than sixteen bytes")]).await;
    let upstream = Upstream::new(Settings {
        longest: 16,
        ..settings()
    })
    .unwrap();
    let fault = upstream
        .send(&call(&server, Method::GET))
        .await
        .unwrap_err();
    assert!(matches!(fault, Fault::TooLong { limit: 16, .. }), "{fault}");
}

#[tokio::test]
async fn no_address_is_in_an_error() {
    let server = Server::start(Vec::new()).await;
    let address = server.address;
    let ask = call(&server, Method::GET);
    server.stop().await;
    let upstream = Upstream::new(settings()).unwrap();
    let fault = upstream.send(&ask).await.unwrap_err();
    let text = format!("{fault} {fault:?} {ask:?}");
    assert!(
        !text.contains("hunter2") && !text.contains(&format!("{address}/")),
        "{text}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(vec![Script::Redirect, Script::Answer("elsewhere")]).await;
    let upstream = Upstream::new(settings()).unwrap();
    let answer = upstream.send(&call(&server, Method::GET)).await.unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_system_that_keeps_failing_is_left_alone_and_comes_back() {
    let server = Server::start(vec![
        Script::Status(500),
        Script::Status(500),
        Script::Answer("well"),
    ])
    .await;
    let upstream = Upstream::new(Settings {
        attempts: 1,
        failures: 2,
        pause: Duration::from_millis(200),
        ..settings()
    })
    .unwrap();
    let ask = call(&server, Method::GET);
    for _ in 0..2 {
        assert_eq!(upstream.send(&ask).await.unwrap().status, 500);
    }
    let fault = upstream.send(&ask).await.unwrap_err();
    assert!(
        fault
            .to_string()
            .ends_with("is left alone for 1 s more (it answered with 500)"),
        "{fault}"
    );
    assert!(matches!(upstream.health(), Health::Failing { .. }));
    assert_eq!(server.requests(), 2);
    while upstream.send(&ask).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(upstream.health(), Health::Healthy);
}

#[tokio::test]
async fn only_so_many_calls_are_under_way_at_once() {
    let server = Server::start(vec![Script::Slow(Duration::from_millis(50)); 8]).await;
    let upstream = Upstream::new(Settings {
        at_once: 2,
        ..settings()
    })
    .unwrap();
    let asks = (0..8).map(|_| {
        let (upstream, ask) = (upstream.clone(), call(&server, Method::GET));
        tokio::spawn(async move { upstream.send(&ask).await.unwrap().status })
    });
    for ask in asks.collect::<Vec<_>>() {
        assert_eq!(ask.await.unwrap(), 200);
    }
    assert_eq!(server.most_at_once(), 2);
}

#[test]
fn certificate_authorities_that_are_none_are_refused_with_their_file() {
    let missing = Settings {
        authorities: Some("/nowhere/ca.pem".into()),
        ..settings()
    };
    let error = Upstream::new(missing).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ca.pem"), "{error}");
}

#[tokio::test]
async fn an_opened_answer_is_read_piece_by_piece_and_tried_once() {
    let server = Server::start(vec![
        Script::Answer("well"),
        Script::Truncate,
        Script::Status(503),
        Script::BlackHole,
    ])
    .await;
    let upstream = Upstream::new(settings()).unwrap();
    let call = call(&server, Method::GET);
    let mut opened = upstream.open(&call).await.unwrap();
    assert!(opened.is_success());
    assert_eq!(opened.chunk().await.unwrap().unwrap(), "well");
    assert_eq!(opened.chunk().await.unwrap(), None);
    // What was announced and did not come is a fault, and what came before is not lost.
    let mut opened = upstream.open(&call).await.unwrap();
    assert_eq!(opened.chunk().await.unwrap().unwrap(), "short");
    let fault = opened.chunk().await.unwrap_err();
    assert!(matches!(fault, Fault::Unreachable { .. }), "{fault}");
    assert!(!fault.to_string().contains("hunter2"), "{fault}");
    let refused = upstream.open(&call).await.unwrap();
    assert_eq!(refused.read().await.unwrap().status, 503);
    let late = upstream.open(&call).await.unwrap_err();
    assert!(matches!(late, Fault::Late { .. }), "{late}");
    assert_eq!(server.requests(), 4);
}
