//! An administrator whom Keystone refuses is found before somebody is removed.

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::World;

#[tokio::test]
async fn an_administrator_whom_keystone_refuses_is_no_longer_silent() {
    let world = World::new().await;
    let door = &world.keystone.admin;
    world.broker.upkeep_once().await;
    assert_eq!(world.broker.administrator_refused(), None);
    door.be(Mood::Refusing);
    world.broker.upkeep_once().await;
    let since = world.now();
    let refused = Some((since, "HTTP 403".to_owned()));
    assert_eq!(world.broker.administrator_refused(), refused);
    // Not every round: who fails too often may be locked out.
    let asked = door.asked();
    world.wait(59);
    world.broker.upkeep_once().await;
    assert_eq!(door.asked(), asked);
    world.wait(1);
    world.broker.upkeep_once().await;
    assert_eq!(door.asked(), asked + 1);
    assert_eq!(world.broker.administrator_refused(), refused);
    door.be(Mood::Well);
    world.wait(60);
    world.broker.upkeep_once().await;
    assert_eq!(world.broker.administrator_refused(), None);
}

#[tokio::test]
async fn an_outage_of_keystone_says_nothing_about_the_administrator() {
    let world = World::new().await;
    let door = &world.keystone.admin;
    door.be(Mood::Away);
    world.broker.upkeep_once().await;
    assert_eq!(world.broker.administrator_refused(), None);
    door.be(Mood::Refusing);
    world.broker.upkeep_once().await;
    door.be(Mood::Away);
    world.wait(60);
    world.broker.upkeep_once().await;
    assert!(world.broker.administrator_refused().is_some());
}
