//! The id that a response carries leads to the decision in the audit, at every door.

use reqwest::Response;
use serde_json::{Value, json};
use skykey_types::{AccessKeyId, Credentials, Secret};

use crate::world::{TestWorld, access_token, signed_response};

/// Checks that the audit has one decision for the request of that response.
async fn written_down(sky: &TestWorld, response: &Response, action: &str, outcome: &str) {
    let header = |name: &str| response.headers().get(name).map(|id| id.to_str().unwrap());
    let id = header("x-request-id").unwrap();
    let of_s3 = header("x-amz-request-id");
    assert!(of_s3.is_none_or(|of_s3| of_s3 == id), "{of_s3:?}, {id}");
    let trail = sky.world.broker().database().audit_trail(100).await;
    let decisions: Vec<(String, String)> = trail
        .unwrap()
        .into_iter()
        .filter(|entry| entry.request_id.as_deref() == Some(id))
        .map(|entry| (entry.action, entry.outcome))
        .collect();
    assert_eq!(decisions, [(action.to_owned(), outcome.to_owned())]);
}

/// Logs somebody in at the IAM; an access token.
async fn token_of(sky: &TestWorld, username: &str) -> String {
    let people = &sky.world.up_file().people;
    let person = people.iter().find(|person| person.username == username);
    access_token(sky, username, &person.unwrap().password).await
}

async fn issue_by_api(sky: &TestWorld, token: &str, body: &Value) -> Response {
    let url = sky.world.up_file().portal.join("api/v1/leases").unwrap();
    let request = sky.http.post(url).bearer_auth(token).json(body);
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_of_the_api_is_in_the_audit() {
    let sky = TestWorld::start().await;
    let token = token_of(&sky, "bob").await;
    let refused = json!({ "survey": "m13", "lifetime": 1 });
    let refused = issue_by_api(&sky, &token, &refused).await;
    assert_eq!(refused.status(), 400);
    written_down(&sky, &refused, "issue", "no").await;
    let granted = json!({ "survey": "m13", "method": "gateway" });
    let granted = issue_by_api(&sky, &token, &granted).await;
    assert_eq!(granted.status(), 201);
    written_down(&sky, &granted, "issue", "yes").await;
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_of_sts_is_in_the_audit() {
    let sky = TestWorld::start().await;
    let token = token_of(&sky, "bob").await;
    let ec2 = json!({ "survey": "m13", "method": "ec2" });
    let issued: Value = issue_by_api(&sky, &token, &ec2).await.json().await.unwrap();
    let text = |name: &str| issued["credentials"][name].as_str().unwrap().to_owned();
    let ec2 = Credentials {
        access_key_id: AccessKeyId::new(text("AccessKeyId")),
        secret_access_key: Secret::new(text("SecretAccessKey")),
        session_token: None,
        expiration: None,
    };
    let endpoint = &sky.world.up_file().s3;
    for (form, status, outcome) in [
        ("Action=GetSessionToken", 200, "yes"),
        ("Action=GetSessionToken&DurationSeconds=1", 400, "no"),
    ] {
        let answer = signed_response(&sky.http, endpoint, &ec2, "POST", "/", form).await;
        assert_eq!(answer.status(), status, "{form}");
        assert!(answer.headers().contains_key("x-amz-request-id"), "{form}");
        written_down(&sky, &answer, "renew", outcome).await;
    }
    for (role, status, outcome) in [
        ("arn:aws:iam:::role/skykey-m13-readers", 200, "yes"),
        ("arn:aws:iam:::role/nobodys", 403, "no"),
    ] {
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", "a-job"),
            ("WebIdentityToken", token.as_str()),
        ];
        let answer = sky.http.post(endpoint.clone()).form(&form);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), status, "{role}");
        assert!(answer.headers().contains_key("x-amz-request-id"), "{role}");
        written_down(&sky, &answer, "issue", outcome).await;
    }
    sky.world.stop().await;
}

/// A lease is decided about at the S3 door where its owner is back in the group.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_of_s3_is_in_the_audit() {
    let sky = TestWorld::start().await;
    let keys = sky.lease("bob", "gateway", "3600", "read").await;
    let (sub, readers) = (sky.caller("bob").id.sub, "m13/readers".parse().unwrap());
    let directory = sky.world.directory().unwrap();
    directory.remove_from_group(&sub, &readers).await.unwrap();
    assert_eq!(sky.world.broker().watch_once().await.unwrap().revoked, 1);
    let revoked = sky.newest_audit().await;
    assert_eq!(
        (revoked.action.as_str(), revoked.request_id),
        ("revoke", None)
    );
    directory.add_to_group(&sub, &readers).await.unwrap();
    let endpoint = &sky.world.up_file().s3;
    let list = "/m13?list-type=2";
    let answer = signed_response(&sky.http, endpoint, &keys.credentials, "GET", list, "").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("x-amz-request-id"));
    written_down(&sky, &answer, "reinstate", "yes").await;
    sky.world.stop().await;
}
