//! Transfers that take as long as bytes move.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use skykey_upstream::{Fault, Health, RequestBody, Settings, Upstream};

use crate::server::{Script, Server};
use crate::{SYSTEM, call};

const LIMIT: Duration = Duration::from_millis(400);

fn upstream() -> Upstream {
    Upstream::new(Settings {
        attempt: LIMIT,
        attempts: 1,
        ..Settings::data_path(SYSTEM)
    })
    .unwrap()
}

#[tokio::test]
async fn a_slow_answer_is_read_to_its_end() {
    // A second in all, more than an attempt may take that is judged by time.
    let pause = LIMIT / 4;
    let server = Server::start(vec![Script::Trickle(pause), Script::Trickle(pause)]).await;
    let call = call(&server, Method::GET);
    let answer = upstream().send(&call).await.unwrap();
    assert_eq!(&answer.body[..], b"0123456789");
    let mut opened = upstream().open(&call).await.unwrap();
    let mut all = Vec::new();
    while let Some(piece) = opened.chunk().await.unwrap() {
        all.extend_from_slice(&piece);
    }
    assert_eq!(all, b"0123456789");
}

#[tokio::test]
async fn an_answer_that_stalls_ends() {
    let server = Server::start(vec![Script::Trickle(LIMIT * 10), Script::BlackHole]).await;
    let call = call(&server, Method::GET);
    let mut opened = upstream().open(&call).await.unwrap();
    let late = opened.chunk().await.unwrap_err();
    assert!(matches!(late, Fault::Late { .. }), "{late}");
    let late = upstream().send(&call).await.unwrap_err();
    assert!(matches!(late, Fault::Late { .. }), "{late}");
}

#[tokio::test]
async fn a_body_that_nobody_reads_ends() {
    let server = Server::start(vec![Script::BlackHole]).await;
    let large = Bytes::from(vec![0; 64 << 20]);
    let request = Request::put(format!("http://{}/", server.address))
        .body(RequestBody::from(large))
        .unwrap();
    let late = upstream().stream("write", request).await.unwrap_err();
    assert!(matches!(late, Fault::Late { .. }), "{late}");
}

#[tokio::test]
async fn failures_of_some_do_not_close_it_for_others() {
    let mut script = vec![Script::Status(503); 20];
    script.push(Script::Answer("well"));
    let server = Server::start(script).await;
    let (upstream, call) = (upstream(), call(&server, Method::GET));
    for _ in 0..20 {
        assert_eq!(upstream.send(&call).await.unwrap().status, 503);
    }
    assert_eq!(upstream.send(&call).await.unwrap().status, 200);
    assert_eq!(upstream.health(), Health::Healthy);
}

#[tokio::test]
async fn three_hundred_are_in_flight_if_the_caller_wants_them() {
    let wait = Duration::from_millis(300);
    let server = Server::start(vec![Script::Slow(wait); 300]).await;
    let upstream = Upstream::new(Settings::data_path(SYSTEM)).unwrap();
    let calls = (0..300).map(|_| {
        let (upstream, call) = (upstream.clone(), call(&server, Method::GET));
        tokio::spawn(async move { upstream.send(&call).await.unwrap().status })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200);
    }
    // The first may have ended before the last began.
    assert!(server.most_at_once() > 100, "{}", server.most_at_once());
}
