//! Shutting down in the middle of each background job: what has begun ends before the database
//! closes, and is on disk.

use std::sync::Arc;
use std::time::Duration;

use skykey_broker::Broker;
use skykey_types::{Method, RequestId};
use tokio::sync::watch::{self, Receiver};
use tokio::task::JoinSet;

use skykey_testkit::broker::{Door, Mood};
use skykey_testkit::broker::{World, caller, demo, parsed};

/// Starts the job, waits until it is at the door, and shuts down as the program does. Only then the
/// door opens.
async fn stop_at_the_door<F: Future<Output = ()> + Send + 'static>(
    broker: &Arc<Broker>,
    door: &Door,
    job: impl FnOnce(Arc<Broker>, Receiver<bool>) -> F,
) {
    let (stop, stopped) = watch::channel(false);
    let before = door.asked();
    door.be(Mood::Holding);
    let mut jobs = JoinSet::new();
    jobs.spawn(job(broker.clone(), stopped));
    while door.asked() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.send(true).unwrap();
    let broker = broker.clone();
    let shut_down = tokio::spawn(async move {
        while jobs.join_next().await.is_some() {}
        broker.shut_down().await;
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    door.be(Mood::Well);
    tokio::time::timeout(Duration::from_secs(20), shut_down)
        .await
        .expect("it shuts down")
        .unwrap();
}

/// The actions in the audit after a restart.
async fn actions(world: &mut World) -> Vec<String> {
    world.restart().await;
    let audit = world.audit().await;
    audit.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn the_membership_watch_ends_the_leases_that_it_asked_about() {
    let mut world = World::new().await;
    world.issue("bob", &demo(Method::Gateway)).await;
    world.leave_groups("bob");
    stop_at_the_door(&world.broker, &world.people.door, |broker, stop| {
        broker.watch(stop)
    })
    .await;
    assert_eq!(actions(&mut world).await[0], "revoke");
}

#[tokio::test]
async fn upkeep_writes_the_proof_that_it_was_making() {
    let mut world = World::new().await;
    stop_at_the_door(&world.broker, &world.prover.door, |broker, stop| {
        broker.upkeep(stop)
    })
    .await;
    assert_eq!(actions(&mut world).await[0], "prove");
}

#[tokio::test]
async fn stopping_servers_is_given_up_and_forgets_nothing_on_disk() {
    let mut world = World::new().await;
    world.hub.start("bob", 1);
    world.issue("bob", &demo(Method::Gateway)).await;
    world.leave_groups("bob");
    world.broker.watch_once().await.unwrap();
    stop_at_the_door(&world.broker, &world.hub.door, |broker, stop| {
        broker.stop_servers(stop)
    })
    .await;
    assert_eq!(actions(&mut world).await[0], "revoke");
}

#[tokio::test]
async fn following_other_processes_stops_between_two_rounds() {
    let mut world = World::new().await;
    let (stop, stopped) = watch::channel(false);
    let follow = tokio::spawn(world.broker.clone().follow(stopped));
    tokio::task::yield_now().await;
    stop.send(true).unwrap();
    follow.await.unwrap();
    world.broker.shut_down().await;
    world.restart().await;
}

#[tokio::test]
async fn a_lease_that_is_being_issued_to_a_client_that_went_away_is_written_down() {
    let mut world = World::new().await;
    stop_at_the_door(
        &world.broker,
        &world.people.door,
        |broker, mut stop| async move {
            let request = parsed(&demo(Method::Gateway));
            let (alice, id) = (caller("alice"), RequestId::new());
            tokio::select! {
                _ = broker.hand_out(&alice, &request, &id) => panic!("the door is closed"),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        },
    )
    .await;
    assert_eq!(actions(&mut world).await[0], "issue");
}
