//! Stopping the notebook servers of people who were removed.

use skykey_broker::AuditEntry;
use skykey_types::Method;

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, demo, demo_writing};

async fn stops(world: &World) -> Vec<AuditEntry> {
    let mut audit = world.audit().await;
    audit.retain(|entry| entry.action == "stop-servers");
    audit
}

async fn removed(who: &str) -> World {
    let world = World::new().await;
    for name in ["alice", "bob"] {
        world.hub.start(name, 2);
        world.issue(name, &demo(Method::Gateway)).await;
    }
    world.leave_groups(who);
    world.broker.watch_once().await.unwrap();
    world
}

#[tokio::test]
async fn whoever_is_removed_has_their_servers_stopped_and_nobody_else_has() {
    let world = removed("alice").await;
    assert_eq!(world.hub.door.asked(), 0, "the watch waits for no hub");
    assert_eq!(world.broker.stop_servers_once().await.unwrap(), 1);
    assert_eq!(
        (world.hub.running("alice"), world.hub.running("bob")),
        (0, 2)
    );
    let audit = stops(&world).await;
    assert_eq!(audit.len(), 1);
    assert_eq!(
        (audit[0].username.as_str(), audit[0].outcome.as_str()),
        ("alice", "yes")
    );
    assert_eq!(
        audit[0].reason,
        "no longer in a group that may read demo; 2 notebook servers stopped"
    );
    assert_eq!(world.broker.stop_servers_once().await.unwrap(), 0);
    assert_eq!(world.hub.door.asked(), 1, "it is done");
}

#[tokio::test]
async fn whoever_has_no_server_makes_no_row() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.people.delete("alice");
    world.broker.watch_once().await.unwrap();
    assert_eq!(world.broker.stop_servers_once().await.unwrap(), 0);
    assert_eq!(world.hub.door.asked(), 1);
    assert!(stops(&world).await.is_empty());
}

#[tokio::test]
async fn a_curator_who_may_still_read_keeps_their_server() {
    let world = World::new().await;
    world.hub.start("carol", 1);
    world.issue("carol", &demo_writing(Method::Gateway)).await;
    world.leave_groups("carol");
    world.join("carol", "demo/readers");
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 1);
    assert_eq!(world.broker.stop_servers_once().await.unwrap(), 0);
    assert_eq!((world.hub.running("carol"), world.hub.door.asked()), (1, 0));
}

#[tokio::test]
async fn a_hub_that_is_away_is_asked_again_less_and_less_often() {
    let world = removed("alice").await;
    world.hub.be(Mood::Away);
    let mut asked = Vec::new();
    for second in 0..120 {
        let before = world.hub.door.asked();
        world.broker.stop_servers_once().await.unwrap();
        if world.hub.door.asked() > before {
            asked.push(second);
        }
        world.wait(1);
    }
    assert_eq!(asked, [0, 5, 15, 35, 75]);
    assert!(stops(&world).await.is_empty(), "nothing is decided yet");
    world.hub.be(Mood::Well);
    world.wait(60);
    assert_eq!(world.broker.stop_servers_once().await.unwrap(), 1);
    assert_eq!(world.hub.running("alice"), 0);
}

#[tokio::test]
async fn after_an_hour_it_is_given_up_and_written_down() {
    let world = removed("alice").await;
    world.hub.be(Mood::Away);
    for _ in 0..30 {
        world.broker.stop_servers_once().await.unwrap();
        world.wait(300);
    }
    let audit = stops(&world).await;
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0].outcome, "no");
    let says = "no longer in a group that may read demo; notebook servers could not be stopped within an hour: connection refused";
    assert_eq!(audit[0].reason, says);
    let asked = world.hub.door.asked();
    world.hub.be(Mood::Well);
    world.broker.stop_servers_once().await.unwrap();
    assert_eq!(world.hub.door.asked(), asked, "nobody is left to stop");
}

#[tokio::test]
async fn whoever_is_back_by_then_keeps_their_server() {
    let world = removed("alice").await;
    world.hub.be(Mood::Away);
    world.broker.stop_servers_once().await.unwrap();
    world.join("alice", "demo/readers");
    world.issue("alice", &demo(Method::Gateway)).await;
    world.hub.be(Mood::Well);
    world.wait(60);
    assert_eq!(world.broker.stop_servers_once().await.unwrap(), 0);
    assert_eq!((world.hub.running("alice"), world.hub.door.asked()), (2, 1));
    assert!(stops(&world).await.is_empty());
}

#[tokio::test]
async fn the_one_who_stops_wakes_up_for_a_removal_and_ends_when_told() {
    let world = World::new().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let task = tokio::spawn(world.broker.clone().stop_servers(stopped));
    world.hub.start("alice", 1);
    world.issue("alice", &demo(Method::Gateway)).await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, async {
        while world.hub.running("alice") > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    stop.send(true).unwrap();
    tokio::time::timeout(patience, task).await.unwrap().unwrap();
}
