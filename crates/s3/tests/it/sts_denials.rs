//! Every action of STS refuses the wrong caller. The walk goes by the table of actions; one without a
//! form here does not compile.

use serde_json::json;
use skykey_s3::{Action, ActionNeed};
use skykey_testkit::broker::demo;
use skykey_testkit::oidc::SigningKey;
use skykey_types::{AccessKeyId, Credentials, Method, RequestId, Secret};

use crate::world::{Answer, Ask, TestEndpoint, form};

const ROLE: &str = "arn:aws:iam:::role/demo-read";

/// The form of an action, with a token where the action takes one.
fn form_of(action: Action, token: &str) -> Ask {
    let role = [("RoleArn", ROLE), ("RoleSessionName", "bob")];
    let mut fields = vec![("Action", action.name()), ("Version", "2011-06-15")];
    match action {
        Action::GetSessionToken | Action::GetCallerIdentity => {}
        Action::AssumeRole => fields.extend(role),
        Action::AssumeRoleWithWebIdentity => {
            fields.extend(role);
            if !token.is_empty() {
                fields.push(("WebIdentityToken", token));
            }
        }
    }
    form(&fields)
}

fn check(answer: &Answer, expected: &[(u16, &str)], what: &str) {
    assert!(expected.contains(&answer.error()), "{what}: {answer:?}");
    assert_eq!(answer.element("RequestId"), answer.id, "{what}");
    assert!(!answer.text().contains("SecretAccessKey"), "{what}");
}

#[tokio::test]
async fn every_action_that_is_signed_refuses_the_wrong_signature() {
    let endpoint = TestEndpoint::start().await;
    let world = &endpoint.world;
    let ec2 = async |who: &str| world.issue(who, &demo(Method::Ec2)).await;
    let returned = ec2("bob").await;
    let id = returned.lease.id.as_str();
    world
        .broker
        .give_back(&world.caller("bob"), id, &RequestId::new())
        .await
        .unwrap();
    let removed = ec2("alice").await.credentials;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let good = ec2("bob").await.credentials;
    let temporary = endpoint.reader().await;
    let guessed = Credentials {
        secret_access_key: Secret::new("guessed"),
        ..good.clone()
    };
    let unknown = Credentials {
        access_key_id: AccessKeyId::new("AKIAUNKNOWN"),
        ..good.clone()
    };
    let signed = Action::ALL
        .into_iter()
        .filter(|action| action.need() != ActionNeed::WebIdentity);
    for action in signed {
        let name = action.name();
        let denied = &[(403, "AccessDenied"), (403, "InvalidClientTokenId")];
        let unsigned = endpoint.send_as_it_is(form_of(action, "")).await;
        check(&unsigned, denied, &format!("{name}, unsigned"));
        for (credentials, what) in [
            (&returned.credentials, "given back"),
            (&removed, "of somebody who left the group"),
            (&unknown, "unknown"),
        ] {
            let answer = endpoint.send(credentials, form_of(action, "")).await;
            check(&answer, denied, &format!("{name}, {what}"));
        }
        let answer = endpoint.send(&guessed, form_of(action, "")).await;
        let wrong = &[(403, "SignatureDoesNotMatch")];
        check(&answer, wrong, &format!("{name}, a wrong secret"));
        let old = world.now() - skykey_sigv4::MAX_CLOCK_SKEW * 2;
        let answer = form_of(action, "").signed(&good, old);
        let answer = endpoint.send_as_it_is(answer).await;
        check(
            &answer,
            &[(403, "RequestExpired")],
            &format!("{name}, an old signature"),
        );
        let mut changed = form_of(action, "").signed(&good, world.now());
        changed.body = [&changed.body[..], b"&DurationSeconds=43200"]
            .concat()
            .into();
        let answer = endpoint.send_as_it_is(changed).await;
        let changed = &[
            (400, "XAmzContentSHA256Mismatch"),
            (403, "SignatureDoesNotMatch"),
        ];
        check(&answer, changed, &format!("{name}, a changed form"));

        let answer = endpoint.send(&temporary, form_of(action, "")).await;
        if action.need() == ActionNeed::Ec2Signature {
            check(&answer, denied, &format!("{name}, temporary credentials"));
        } else {
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
        }
        let answer = endpoint.send(&good, form_of(action, "")).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn every_action_by_web_identity_refuses_the_wrong_token() {
    let endpoint = TestEndpoint::start().await;
    let ended = endpoint.access_token("bob");
    endpoint.world.wait(3700);
    let signer = endpoint
        .world
        .issue("bob", &demo(Method::Ec2))
        .await
        .credentials;
    let claims = json!({ "iss": endpoint.iam.issuer, "sub": "bob", "exp": 4_000_000_000_i64 });
    let forged = SigningKey::new("first").sign(&claims);
    let actions = Action::ALL
        .into_iter()
        .filter(|action| action.need() == ActionNeed::WebIdentity);
    for action in actions {
        let name = action.name();
        for (token, expected, what) in [
            ("", (400, "ValidationError"), "no token"),
            (
                "wrong",
                (400, "InvalidIdentityToken"),
                "no token of the IAM's",
            ),
            (
                &forged,
                (400, "InvalidIdentityToken"),
                "another key's signature",
            ),
            (&ended, (400, "ExpiredTokenException"), "an expired token"),
            (
                &endpoint.access_token("dave"),
                (403, "AccessDenied"),
                "not a member",
            ),
        ] {
            let answer = endpoint.send_as_it_is(form_of(action, token)).await;
            check(&answer, &[expected], &format!("{name}, {what}"));
            // A signature stands in for no token.
            let answer = endpoint.send(&signer, form_of(action, token)).await;
            check(&answer, &[expected], &format!("{name}, {what}, signed"));
        }
        let good = endpoint.access_token("bob");
        let answer = endpoint.send_as_it_is(form_of(action, &good)).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn an_action_that_is_not_in_the_table_is_not_served() {
    let endpoint = TestEndpoint::start().await;
    let signer = endpoint
        .world
        .issue("bob", &demo(Method::Ec2))
        .await
        .credentials;
    for name in [
        "GetFederationToken",
        "getsessiontoken",
        "DecodeAuthorizationMessage",
    ] {
        let answer = endpoint.send(&signer, form(&[("Action", name)])).await;
        check(&answer, &[(400, "InvalidAction")], name);
        for action in Action::ALL {
            assert!(answer.text().contains(action.name()), "{answer:?}");
        }
    }
    let answer = endpoint
        .send(&signer, form(&[("Version", "2011-06-15")]))
        .await;
    check(&answer, &[(400, "ValidationError")], "no action");
}
