//! Every operation of S3 refuses the wrong caller. The requests are derived from the endpoint's table
//! of operations, so an operation that joins the table is tried here without a further line.

use skykey_s3::{Need, On, Row, TABLE};
use skykey_testkit::broker::{World, demo};
use skykey_types::{Credentials, Method, RequestId, Secret};

use crate::world::{Ask, TestEndpoint, ask};

/// The request for a row's operation, on the object `a` of the bucket `demo`.
fn request_for(row: &Row) -> Ask {
    let path = match row.on {
        On::Service => "/",
        On::Bucket => "/demo",
        On::Object => "/demo/a",
    };
    let (headers, query): (Vec<&str>, Vec<&str>) = row
        .selectors
        .iter()
        .partition(|selector| selector.starts_with("x-amz-"));
    let query: Vec<String> = query
        .into_iter()
        .map(|selector| match selector {
            "partNumber" => "partNumber=1".to_owned(),
            "uploadId" => "uploadId=none".to_owned(),
            selector if selector.contains('=') => selector.to_owned(),
            selector => format!("{selector}="),
        })
        .collect();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    let mut request = ask(&format!("{} {path}{query}", row.method));
    for header in headers {
        request = request.header(header, "demo/a");
    }
    request
}

/// Credentials that were right and are not any more, or never were, and the status that they get.
async fn wrong_credentials(world: &World) -> Vec<(&'static str, Credentials)> {
    let issue = async |who: &str| world.issue(who, &demo(Method::Gateway)).await;
    let returned = issue("bob").await;
    let id = returned.lease.id.as_str();
    world
        .broker
        .give_back(&world.caller("bob"), id, &RequestId::new())
        .await
        .unwrap_or_else(|why| panic!("{why}"));
    let removed = issue("alice").await.credentials;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let live = issue("bob").await.credentials;
    vec![
        ("given back", returned.credentials),
        ("of somebody who left the group", removed),
        (
            "a wrong secret",
            Credentials {
                secret_access_key: Secret::new("guessed"),
                ..live.clone()
            },
        ),
        (
            "without its session token",
            Credentials {
                session_token: None,
                ..live
            },
        ),
    ]
}

#[tokio::test]
async fn every_operation_of_the_table_refuses_the_wrong_caller() {
    let endpoint = TestEndpoint::start().await;
    endpoint.put("a", "x").await;
    let reader = endpoint.reader().await;
    let curator = endpoint.curator().await;
    let mut fields = demo(Method::Gateway);
    fields.survey = "plain".to_owned();
    let other = endpoint.world.issue("bob", &fields).await.credentials;
    let wrong = wrong_credentials(&endpoint.world).await;
    for row in TABLE {
        let name = row.operation.name();
        let send = async |credentials| endpoint.send(credentials, request_for(row)).await.status;
        let unsigned = endpoint.send_as_it_is(request_for(row)).await;
        assert_eq!(unsigned.status, 403, "{name}, unsigned");
        for (what, credentials) in &wrong {
            assert_eq!(send(credentials).await, 403, "{name}, {what}");
        }
        let old = endpoint.world.now() - skykey_sigv4::MAX_CLOCK_SKEW * 2;
        let old = endpoint
            .send_as_it_is(request_for(row).signed(&curator, old))
            .await;
        assert_eq!(old.status, 403, "{name}, signed too long ago");

        let elsewhere = send(&other).await;
        assert_eq!(
            elsewhere == 403,
            row.need != Need::Key,
            "{name}, of another survey"
        );
        let reads = matches!(row.need, Need::Key | Need::See | Need::List | Need::Read);
        assert_eq!(send(&reader).await == 403, !reads, "{name}, a reader");
        let by_curator = send(&curator).await;
        assert_eq!(
            by_curator == 403,
            row.need == Need::Nobody,
            "{name}, a curator"
        );
        assert_ne!(by_curator, 500, "{name}");
    }
    let left = endpoint.send(&reader, ask("GET /demo/a")).await;
    assert!(matches!(left.status, 200 | 404), "{left:?}");
}
