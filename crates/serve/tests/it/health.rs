//! `/healthz`, `/readyz`, `/metrics`, on an address of their own.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use skykey_serve::{
    Door, Metrics, Readiness, ServeSettings, SystemState, health_router, public_health_router,
};
use skykey_types::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::site::Site;

/// An IAM that is healthy, and a Keystone that may not be.
struct Systems {
    keystone: bool,
}

#[async_trait]
impl Readiness for Systems {
    async fn systems(&self) -> Vec<SystemState> {
        let state = |name: &str, ok: bool, why: Option<&str>| SystemState {
            name: name.to_owned(),
            ok,
            needed: true,
            since: "2026-11-24T08:00:00Z".parse().unwrap(),
            why: why.map(str::to_owned),
        };
        let why = (!self.keystone).then_some("no answer within 5 s; is it running");
        vec![
            state("iam", true, None),
            state("keystone", self.keystone, why),
        ]
    }
}

async fn served(router: Router) -> (String, watch::Sender<bool>) {
    crate::log::begin();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let door = Door::new("health", &ServeSettings::default(), &Metrics::new(), &clock).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(door.serve(listener, TowerToHyperService::new(router), stopped));
    (at, stop)
}

async fn json_of(url: String) -> (u16, Value) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn readyz_says_which_system_is_missing_and_why() {
    let systems = Arc::new(Systems { keystone: false });
    let (at, _stop) = served(health_router(systems, Metrics::new())).await;
    let (status, answer) = json_of(format!("{at}/readyz")).await;
    assert_eq!(status, 503);
    assert_eq!(
        answer,
        json!({"ready": false, "systems": [
            {"name": "iam", "ok": true, "since": "2026-11-24T08:00:00Z"},
            {"name": "keystone", "ok": false, "since": "2026-11-24T08:00:00Z",
             "why": "no answer within 5 s; is it running"},
        ]})
    );
    // Which is no reason to restart us.
    let alive = reqwest::get(format!("{at}/healthz")).await.unwrap();
    assert_eq!(alive.status(), 200);
    assert_eq!(alive.text().await.unwrap(), "ok\n");
}

#[tokio::test]
async fn readyz_is_200_when_all_is_well() {
    let systems = Arc::new(Systems { keystone: true });
    let (at, _stop) = served(health_router(systems, Metrics::new())).await;
    let (status, answer) = json_of(format!("{at}/readyz")).await;
    assert_eq!((status, &answer["ready"]), (200, &json!(true)));
}

/// One thing that is wrong, needed or not.
struct Wrong {
    needed: bool,
}

#[async_trait]
impl Readiness for Wrong {
    async fn systems(&self) -> Vec<SystemState> {
        let name = "survey b".to_owned();
        vec![SystemState {
            name,
            ok: false,
            needed: self.needed,
            since: "2026-11-24T08:00:00Z".parse().unwrap(),
            why: Some("not proved yet".to_owned()),
        }]
    }
}

#[tokio::test]
async fn what_is_wrong_and_not_needed_is_told_beside_a_200() {
    for (needed, expected) in [(true, 503), (false, 200)] {
        let (at, _stop) = served(health_router(Arc::new(Wrong { needed }), Metrics::new())).await;
        let (status, answer) = json_of(format!("{at}/readyz")).await;
        assert_eq!((status, &answer["ready"]), (expected, &json!(false)));
        assert_eq!(answer["systems"][0]["why"], "not proved yet");
        assert_eq!(answer["systems"][0].get("needed"), None);
    }
}

#[tokio::test]
async fn the_public_is_not_told_why() {
    let systems = Arc::new(Systems { keystone: false });
    let (at, _stop) = served(public_health_router(systems)).await;
    let (status, answer) = json_of(format!("{at}/readyz")).await;
    assert_eq!(status, 503);
    assert_eq!(answer["systems"][1]["name"], "keystone");
    assert_eq!(answer["systems"][1].get("why"), None);
    let metrics = reqwest::get(format!("{at}/metrics")).await.unwrap();
    assert_eq!(metrics.status(), 404);
}

#[tokio::test]
async fn metrics_are_open_metrics_text_with_every_family() {
    let site = Site::open(ServeSettings::default()).await;
    site.get("/", "").await;
    site.get("/nowhere", "").await;
    let metrics = site.stop().await;
    let systems = Arc::new(Systems { keystone: true });
    let (at, _stop) = served(health_router(systems, metrics)).await;
    let answer = reqwest::get(format!("{at}/metrics")).await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    for line in [
        r#"skykey_http_requests_total{door="test",method="GET",status="200"} 1"#,
        r#"skykey_http_requests_total{door="test",method="GET",status="404"} 1"#,
        r#"skykey_http_request_duration_seconds_count{door="test"} 2"#,
        r#"skykey_http_request_duration_seconds_bucket{le="10.0",door="test"} 2"#,
        r#"skykey_http_connections{door="test"} 0"#,
        r#"skykey_http_connections_refused_total{door="test"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}
