//! The proof at skykey's own endpoint, as at Ceph: a reader cannot write, whatever the request.

use std::sync::Arc;

use skykey_broker::LeaseRequest;
use skykey_echo::{Echo, Operation, Proof, ProofPlan, Reading, Verdict, prove};
use skykey_s3_client::S3Settings;
use skykey_types::{Credentials, Method, RequestId, SystemClock};
use skykey_upstream::UpstreamMetrics;

use crate::world::{TestWorld, access_token};

async fn proof(sky: &TestWorld, credentials: &Credentials) -> Proof {
    let settings = S3Settings::new(sky.world.up_file().s3.clone(), "us-east-1");
    // Signatures are judged by the machine's time.
    let echo = Echo::new(settings, &UpstreamMetrics::default(), Arc::new(SystemClock)).unwrap();
    let plan = ProofPlan {
        prefixes: vec!["m13/".parse().unwrap()],
        renewal_refused: credentials.session_token.is_some(),
        tidy: None,
    };
    prove(&echo, credentials, &plan).await
}

/// An EC2 credential of somebody's own, for which Keystone wants their login.
async fn ec2(sky: &TestWorld, username: &str) -> Credentials {
    let people = &sky.world.up_file().people;
    let person = people.iter().find(|person| person.username == username);
    let token = access_token(sky, username, &person.unwrap().password).await;
    let mut caller = sky.caller(username);
    caller.iam_token = Some(token.into());
    let request = LeaseRequest {
        method: Some(Method::Ec2),
        ..LeaseRequest::new("m13".parse().unwrap())
    };
    let issued = sky
        .world
        .broker()
        .issue(&caller, &request, &RequestId::new())
        .await
        .unwrap();
    issued.credentials
}

#[tokio::test(flavor = "multi_thread")]
async fn a_readers_lease_of_every_method_is_read_only_and_a_curators_is_not() {
    let sky = TestWorld::start().await;
    let lease = async |who: &str, method: &str, access: &str| {
        sky.lease(who, method, "3600", access).await.credentials
    };
    let reader = lease("bob", "gateway", "read").await;
    let empty = proof(&sky, &reader).await;
    assert_eq!(empty.reading, Reading::ListedEmpty, "{empty}");
    assert_eq!(empty.verdict(), Verdict::ReadOnly, "{empty}");

    let curator = lease("carol", "gateway", "write").await;
    assert_eq!(sky.send(&curator, "PUT", "/m13/a", "x").await.0, 200);
    let with_login = ec2(&sky, "bob").await;
    for (method, reader) in [
        ("gateway", lease("bob", "gateway", "read").await),
        ("sts-lite", lease("bob", "sts-lite", "read").await),
        ("ec2", with_login),
    ] {
        let found = proof(&sky, &reader).await;
        assert_eq!(found.verdict(), Verdict::ReadOnly, "{method}: {found}");
        let object = "m13/a".to_owned();
        assert_eq!(found.reading, Reading::Read { object }, "{method}");
    }

    let found = proof(&sky, &curator).await;
    let expected = vec![
        Operation::PutObject,
        Operation::CopyObject,
        Operation::UploadPart,
        Operation::DeleteObject,
        Operation::DeleteObjects,
    ];
    assert_eq!(found.verdict(), Verdict::Writes(expected), "{found}");
    assert!(found.left.is_empty(), "{found}");
    let (_, listing) = sky.send(&curator, "GET", "/m13?list-type=2", "").await;
    assert!(!listing.contains("skykey-proof"), "{listing}");
    let (_, uploads) = sky.send(&curator, "GET", "/m13?uploads=", "").await;
    assert!(!uploads.contains("skykey-proof"), "{uploads}");
    assert_eq!(
        sky.send(&curator, "GET", "/m13/a", "").await,
        (200, "x".to_owned())
    );
    sky.world.stop().await;
}
