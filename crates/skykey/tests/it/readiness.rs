//! What `/readyz` says of surveys.

use std::sync::Arc;

use serde_json::Value;
use skykey::config::{Config, Rounds};
use skykey::up::{Options, World};
use skykey_types::{ManualClock, Timestamp};

/// The status, `ready`, and the names of what is not well.
pub(crate) async fn readyz(world: &World) -> (u16, bool, Vec<String>) {
    let url = world.up_file().portal.join("readyz").unwrap();
    let answer = reqwest::get(url).await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let systems = body["systems"].as_array().unwrap().iter();
    let wrong = systems.filter(|system| system["ok"] == false);
    let names = wrong.map(|system| system["name"].as_str().unwrap().to_owned());
    (status, body["ready"] == true, names.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_ready_before_a_proof_nor_while_a_project_is_suspended() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("skykey.toml");
    let survey = |name: &str| format!("[[survey]]\nname = \"{name}\"\nmethods = [\"gateway\"]\n");
    std::fs::write(&file, survey("m13") + &survey("m31")).unwrap();
    let mut config = Config::load(Some(&file), &[]).unwrap();
    config.rounds = Rounds::ByHand;
    let state = dir.path().join("state");
    let options = Options {
        state: state.clone(),
        base_port: 0,
        listen: "127.0.0.1".parse().unwrap(),
        surveys: Vec::new(),
        config: Some(file),
    };
    let clock = Arc::new(ManualClock::at(Timestamp::now()));
    let world = World::start_configured(options, config, clock)
        .await
        .unwrap();
    let both = ["survey m13 by gateway", "survey m31 by gateway"].map(str::to_owned);
    assert_eq!(readyz(&world).await, (503, false, both.to_vec()));
    world.broker().upkeep_once().await;
    assert_eq!(readyz(&world).await, (200, true, Vec::new()));
    // The page reports one survey less, and the other can be leased.
    let suspended = |project: &str| state.join(format!("suspended-{project}.json"));
    std::fs::write(suspended("m13-ro"), "[]").unwrap();
    assert_eq!(readyz(&world).await, (200, false, both[..1].to_vec()));
    std::fs::write(suspended("m31-ro"), "[]").unwrap();
    let (status, ready, _) = readyz(&world).await;
    assert_eq!((status, ready), (503, false));
    for project in ["m13-ro", "m31-ro"] {
        std::fs::remove_file(suspended(project)).unwrap();
    }
    assert_eq!(readyz(&world).await, (200, true, Vec::new()));
    world.stop().await;
}
