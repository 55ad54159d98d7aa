//! What the actions of STS answer.

use skykey_testkit::broker::demo;
use skykey_types::{AccessKeyId, Credentials, Method, Secret};

use crate::world::{Answer, TestEndpoint, ask, form};

const ROLE: &str = "arn:aws:iam:::role/demo-read";

/// The credentials in an answer.
fn credentials(answer: &Answer) -> Credentials {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    Credentials {
        access_key_id: AccessKeyId::new(answer.element("AccessKeyId")),
        secret_access_key: Secret::new(answer.element("SecretAccessKey")),
        session_token: Some(Secret::new(answer.element("SessionToken"))),
        expiration: None,
    }
}

#[tokio::test]
async fn an_ec2_credential_is_exchanged_for_credentials_that_read() {
    let endpoint = TestEndpoint::start().await;
    endpoint.put("a", "image").await;
    let ec2 = endpoint
        .world
        .issue("bob", &demo(Method::Ec2))
        .await
        .credentials;
    for fields in [
        &[("Action", "GetSessionToken"), ("DurationSeconds", "900")][..],
        &[
            ("Action", "AssumeRole"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "bob"),
            ("DurationSeconds", "900"),
        ],
    ] {
        let answer = endpoint.send(&ec2, form(fields)).await;
        let issued = credentials(&answer);
        assert_eq!(answer.element("RequestId"), answer.id);
        assert_eq!(answer.element("Expiration"), "2027-01-01T00:15:00Z");
        let read = endpoint.send(&issued, ask("GET /demo/a")).await;
        assert_eq!((read.status, read.text()), (200, "image"));
        let write = endpoint.send(&issued, ask("PUT /demo/a").body("x")).await;
        assert_eq!(write.error(), (403, "AccessDenied"));
        let again = endpoint.send(&issued, form(fields)).await;
        assert_eq!(
            again.status, 403,
            "temporary credentials prolong themselves: {again:?}"
        );
    }
}

#[tokio::test]
async fn a_lifetime_and_a_policy_are_kept_or_refused() {
    let endpoint = TestEndpoint::start().await;
    let ec2 = endpoint
        .world
        .issue("bob", &demo(Method::Ec2))
        .await
        .credentials;
    for seconds in ["899", "43201", "0", "-1", "1e3", " 900", "soon"] {
        let fields = [("Action", "GetSessionToken"), ("DurationSeconds", seconds)];
        let answer = endpoint.send(&ec2, form(&fields)).await;
        assert_eq!(answer.error(), (400, "ValidationError"), "{seconds}");
    }
    let assume = async |name, value| {
        let fields = [
            ("Action", "AssumeRole"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "bob"),
            (name, value),
        ];
        endpoint.send(&ec2, form(&fields)).await
    };
    assert_eq!(
        assume("Policy", "{}").await.error(),
        (400, "MalformedPolicyDocument")
    );
    let long = " ".repeat(3000);
    assert_eq!(
        assume("Policy", &long).await.error(),
        (400, "PackedPolicyTooLarge")
    );
    assert_eq!(
        assume("PolicyArns.member.1.arn", "a").await.error(),
        (400, "ValidationError")
    );
    assert_eq!(
        assume("RoleArn", "twice").await.error(),
        (400, "ValidationError")
    );
    let other = [
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam:::role/x"),
        ("RoleSessionName", "bob"),
    ];
    assert_eq!(
        endpoint.send(&ec2, form(&other)).await.error(),
        (403, "AccessDenied")
    );
    let long = "a".repeat(40_000);
    let answer = endpoint.send(&ec2, form(&[("Action", &long)])).await;
    assert_eq!(answer.error(), (400, "ValidationError"));
}

#[tokio::test]
async fn a_caller_is_named_by_survey_access_and_person() {
    let endpoint = TestEndpoint::start().await;
    let reader = endpoint.reader().await;
    let answer = endpoint
        .send(&reader, form(&[("Action", "GetCallerIdentity")]))
        .await;
    assert_eq!(answer.element("Account"), "demo");
    assert_eq!(answer.element("UserId"), "bob");
    assert_eq!(
        answer.element("Arn"),
        "arn:aws:sts::demo:assumed-role/read/bob"
    );
}

#[tokio::test]
async fn an_address_that_sends_many_wrong_tokens_waits() {
    let endpoint = TestEndpoint::start().await;
    let action = "AssumeRoleWithWebIdentity";
    let send = async |token: &str| {
        let fields = [
            ("Action", action),
            ("RoleArn", ROLE),
            ("RoleSessionName", "bob"),
            ("WebIdentityToken", token),
        ];
        endpoint.send_as_it_is(form(&fields)).await.status
    };
    let mut tries = 0;
    while send(&format!("wrong-{tries}")).await == 400 {
        tries += 1;
        assert!(tries < 1000, "nothing stops an address that guesses");
    }
    assert_eq!(send(&endpoint.access_token("bob")).await, 429);
    endpoint.world.wait(61);
    assert_eq!(send(&endpoint.access_token("bob")).await, 200);
}
