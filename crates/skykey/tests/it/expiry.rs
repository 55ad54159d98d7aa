//! Credentials end when they said they would, for every operation, without anybody waiting.

use skykey_types::SignedDuration;

use crate::world::TestWorld;

/// Every operation that is served, and some that are not: method, path and query, body.
const OPERATIONS: [(&str, &str, &str); 27] = [
    ("GET", "/", ""),
    ("HEAD", "/m13", ""),
    ("GET", "/m13?location=", ""),
    ("GET", "/m13?versioning=", ""),
    ("GET", "/m13", ""),
    ("GET", "/m13?list-type=2", ""),
    ("GET", "/m13/a", ""),
    ("HEAD", "/m13/a", ""),
    ("GET", "/m13/a?attributes=", ""),
    ("GET", "/m13/a?tagging=", ""),
    ("PUT", "/m13/a", "x"),
    ("DELETE", "/m13/a", ""),
    (
        "POST",
        "/m13?delete=",
        "<Delete><Object><Key>a</Key></Object></Delete>",
    ),
    ("PUT", "/m13/b", "copy"),
    ("POST", "/m13/b?uploads=", ""),
    ("PUT", "/m13/b?partNumber=1&uploadId=u", "x"),
    ("PUT", "/m13/b?partNumber=1&uploadId=u", "copy"),
    ("POST", "/m13/b?uploadId=u", "<CompleteMultipartUpload/>"),
    ("DELETE", "/m13/b?uploadId=u", ""),
    ("GET", "/m13/b?uploadId=u", ""),
    ("GET", "/m13?uploads=", ""),
    ("PUT", "/m13?policy=", "{}"),
    ("GET", "/m13?acl=", ""),
    ("PUT", "/new-bucket", ""),
    ("DELETE", "/m13", ""),
    ("POST", "/", "Action=GetSessionToken&Version=2011-06-15"),
    ("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused_by_every_operation() {
    for method in ["gateway", "sts-lite"] {
        let sky = TestWorld::start().await;
        let issued = sky.lease("carol", method, "3600", "write").await;
        let credentials = issued.credentials;
        assert_eq!(sky.send(&credentials, "PUT", "/m13/a", "x").await.0, 200);
        // A second before expiry the credentials work, at expiry they do not.
        sky.clock.advance(SignedDuration::from_secs(3599));
        assert_eq!(
            sky.send(&credentials, "GET", "/m13/a", "").await.0,
            200,
            "{method}"
        );
        sky.clock.advance(SignedDuration::from_secs(1));
        for (verb, path, body) in OPERATIONS {
            let (status, answer) = sky.send(&credentials, verb, path, body).await;
            assert!(
                (400..=403).contains(&status),
                "{method} {verb} {path}: {status} {answer}"
            );
            if verb != "HEAD" {
                assert!(
                    answer.contains("<Code>ExpiredToken</Code>"),
                    "{method} {verb} {path}: {answer}"
                );
            }
        }
        let fresh = sky.lease("carol", method, "3600", "write").await;
        assert_eq!(
            sky.send(&fresh.credentials, "GET", "/m13/a", "").await,
            (200, "x".to_owned()),
            "something was changed"
        );
        sky.world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_access_token_is_refused_by_every_route_of_the_api() {
    let sky = TestWorld::start().await;
    let up = sky.world.up_file().clone();
    let password = up
        .people
        .iter()
        .find(|person| person.username == "bob")
        .unwrap()
        .password
        .clone();
    let token = crate::world::access_token(&sky, "bob", &password).await;
    let routes = [
        ("GET", "surveys"),
        ("GET", "leases"),
        ("POST", "leases"),
        ("DELETE", "leases/lease-0"),
    ];
    let ask = async |method: &str, route: &str| {
        let url = up.portal.join("api/v1/").unwrap().join(route).unwrap();
        let request = sky
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(&token);
        request
            .body(r#"{"survey":"m13"}"#)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let before: Vec<u16> = [ask("GET", "surveys").await, ask("POST", "leases").await].to_vec();
    assert_eq!(before, [200, 201]);
    sky.clock.advance(SignedDuration::from_hours(2));
    for (method, route) in routes {
        assert_eq!(ask(method, route).await, 401, "{method} {route}");
    }
    sky.world.stop().await;
}
