//! Whose a token is, and for how long that is believed.

use serde_json::json;
use skykey_hub::{CACHE_TTL, Hub, HubError, HubSettings};
use skykey_types::{Secret, SignedDuration};
use skykey_upstream::UpstreamMetrics;

use crate::fake::Fake;

fn token() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef")
}

#[tokio::test]
async fn a_servers_token_says_whose_it_is_and_which_server() {
    for (path, asked) in [
        ("/", "/hub/api/user"),
        ("", "/hub/api/user"),
        ("/jupyter/", "/jupyter/hub/api/user"),
        ("/jupyter", "/jupyter/hub/api/user"),
    ] {
        let fake = Fake::start(path).await;
        fake.know_ada();
        let user = fake.hub.user(&token()).await.unwrap().unwrap();
        assert_eq!((user.name.as_str(), user.kind.as_str()), ("ada", "user"));
        assert_eq!(user.server.as_deref(), Some(""));
        assert_eq!(user.groups, ["lsst"]);
        assert_eq!(user.token_id.as_deref(), Some("a7"));
        let authorization = format!("token {}", token().expose());
        assert_eq!(fake.seen(), [(format!("GET {asked}"), authorization)]);
    }
}

#[tokio::test]
async fn a_yes_is_kept_for_a_while_and_not_longer() {
    let fake = Fake::start("/").await;
    fake.know_ada();
    for _ in 0..3 {
        assert!(fake.hub.user(&token()).await.unwrap().is_some());
    }
    assert_eq!(fake.seen().len(), 1);
    fake.say(403, json!({ "message": "Missing or invalid credentials." }));
    fake.clock.advance(CACHE_TTL - SignedDuration::from_secs(1));
    assert!(fake.hub.user(&token()).await.unwrap().is_some());
    fake.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(fake.hub.user(&token()).await.unwrap(), None);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_make_a_yes_last() {
    let fake = Fake::start("/").await;
    fake.know_ada();
    fake.hub.user(&token()).await.unwrap();
    fake.say(403, json!({}));
    fake.clock.advance(SignedDuration::from_hours(-1));
    assert_eq!(fake.hub.user(&token()).await.unwrap(), None);
}

#[tokio::test]
async fn a_no_is_not_kept() {
    let fake = Fake::start("/").await;
    for status in [401, 403] {
        fake.say(status, json!({}));
        assert_eq!(fake.hub.user(&token()).await.unwrap(), None);
    }
    fake.know_ada();
    assert!(fake.hub.user(&token()).await.unwrap().is_some());
}

#[tokio::test]
async fn many_who_ask_about_one_token_ask_the_hub_once() {
    let fake = Fake::start("/").await;
    fake.know_ada();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let hub = fake.hub.clone();
        tasks.spawn(async move { hub.user(&token()).await.unwrap().is_some() });
    }
    assert!(tasks.join_all().await.into_iter().all(|known| known));
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn what_no_token_looks_like_is_refused_without_asking() {
    let fake = Fake::start("/").await;
    for text in ["", "a b", "a\nb", "gänse", &"x".repeat(1025)] {
        assert_eq!(fake.hub.user(&Secret::new(text)).await.unwrap(), None);
    }
    assert_eq!(fake.seen(), []);
}

#[tokio::test]
async fn a_hub_in_trouble_or_a_wrong_address_is_an_error_and_no_no() {
    let fake = Fake::start("/").await;
    for status in [302, 404, 500, 503] {
        fake.say(status, json!({}));
        let error = fake.hub.user(&token()).await.unwrap_err();
        assert_eq!(error, HubError::Status(status));
        assert!(error.to_string().contains("[jupyterhub] url"));
    }
    fake.say(200, json!([1]));
    let error = fake.hub.user(&token()).await.unwrap_err();
    assert!(matches!(error, HubError::Unexpected(_)), "{error:?}");
    fake.say(200, json!({ "name": "" }));
    let error = fake.hub.user(&token()).await.unwrap_err();
    assert!(error.to_string().contains("has no name"), "{error}");
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_an_error_without_the_token() {
    let clock = skykey_types::ManualClock::at(skykey_types::Timestamp::UNIX_EPOCH);
    let settings = HubSettings {
        // Nobody listens on the discard port.
        url: "http://127.0.0.1:9/".parse().unwrap(),
        authorities: None,
        service_token: None,
        stop_servers: false,
    };
    let hub = Hub::new(
        &settings,
        &UpstreamMetrics::default(),
        std::sync::Arc::new(clock),
    )
    .unwrap();
    let error = hub.user(&token()).await.unwrap_err();
    assert!(matches!(error, HubError::Unreachable(_)));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(token().expose()));
}
