//! Accounts that end, and people who are removed.

use skykey_broker::{Denied, LeaseRequest};
use skykey_types::{Clock, Limit, Method, RequestId, SignedDuration};

use crate::world::TestWorld;

#[tokio::test(flavor = "multi_thread")]
async fn no_lease_outlives_the_account() {
    let sky = TestWorld::start().await;
    let caller = sky.caller("bob");
    let end = sky.clock.now() + SignedDuration::from_secs(5000);
    sky.world
        .directory()
        .unwrap()
        .set_account_end(&caller.id.sub, Some(end))
        .await
        .unwrap();
    let issued = sky.lease("bob", "gateway", "43200", "read").await;
    assert_eq!(issued.lease.limit, Limit::AccountEnd);
    assert!(issued.lease.expires.unwrap() <= end);
    sky.clock.advance(SignedDuration::from_secs(4000));
    let request = LeaseRequest {
        method: Some(Method::Gateway),
        ..LeaseRequest::new("m13".parse().unwrap())
    };
    let denied = sky
        .world
        .broker()
        .issue(&caller, &request, &RequestId::new())
        .await
        .unwrap_err();
    assert_eq!(denied.code(), "bad_lifetime", "{denied}");
    sky.clock.advance(SignedDuration::from_secs(1001));
    let denied = sky
        .world
        .broker()
        .issue(&caller, &request, &RequestId::new())
        .await
        .unwrap_err();
    assert!(matches!(denied, Denied::NoAccount(_)), "{denied}");
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_person_is_refused_after_the_next_membership_check() {
    let sky = TestWorld::start().await;
    let bob = sky
        .lease("bob", "gateway", "3600", "read")
        .await
        .credentials;
    let behind_backend = sky
        .lease("bob", "sts-lite", "3600", "read")
        .await
        .credentials;
    let carol = sky
        .lease("carol", "gateway", "3600", "write")
        .await
        .credentials;
    assert_eq!(sky.send(&bob, "GET", "/m13?list-type=2", "").await.0, 200);
    let sub = sky.caller("bob").id.sub;
    sky.world
        .directory()
        .unwrap()
        .remove_from_group(&sub, &"m13/readers".parse().unwrap())
        .await
        .unwrap();
    let report = sky.world.broker().watch_once().await.unwrap();
    assert_eq!((report.people, report.revoked), (2, 2));
    for credentials in [&bob, &behind_backend] {
        let (status, answer) = sky.send(credentials, "GET", "/m13?list-type=2", "").await;
        assert_eq!(status, 403);
        assert!(
            answer.contains("left the survey&apos;s group")
                || answer.contains("left the survey's group"),
            "{answer}"
        );
    }
    assert_eq!(sky.send(&carol, "GET", "/m13?list-type=2", "").await.0, 200);
    sky.world.stop().await;
}
