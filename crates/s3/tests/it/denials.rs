//! Every operation of S3 refuses the wrong caller. The requests are derived from the endpoint's table
//! of operations, so an operation that joins the table is tried here without a further line.

use skykey_broker::LeaseRequest;
use skykey_s3::{Need, On, Row, TABLE};
use skykey_types::{Credentials, Method};

use crate::world::TestWorld;

/// The path and query that ask for a row's operation, on the object `a` of the bucket `m13`.
fn path_of(row: &Row) -> String {
    let path = match row.on {
        On::Service => "/",
        On::Bucket => "/m13",
        On::Object => "/m13/a",
    };
    let query: Vec<String> = row
        .selectors
        .iter()
        .filter(|selector| !is_header(selector))
        .map(|selector| match *selector {
            "partNumber" => "partNumber=1".to_owned(),
            "uploadId" => "uploadId=none".to_owned(),
            selector if selector.contains('=') => selector.to_owned(),
            selector => format!("{selector}="),
        })
        .collect();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", query.join("&"))
    }
}

fn is_header(selector: &str) -> bool {
    selector.starts_with("x-amz-")
}

/// The status of the row's operation, asked for with these credentials.
async fn ask(sky: &TestWorld, row: &Row, credentials: &Credentials) -> u16 {
    // The test client sends a copy's source for this body.
    let body = if row.selectors.iter().any(|selector| is_header(selector)) {
        "copy"
    } else {
        ""
    };
    sky.send(credentials, row.method.as_str(), &path_of(row), body)
        .await
        .0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_table_refuses_the_wrong_caller() {
    let sky = TestWorld::start().await;
    let lease = async |who: &str, access: &str| sky.lease(who, "gateway", "3600", access).await;
    let reader = lease("bob", "read").await.credentials;
    let curator = lease("carol", "write").await.credentials;
    let other = LeaseRequest {
        method: Some(Method::Gateway),
        ..LeaseRequest::new("other".parse().unwrap())
    };
    let broker = sky.world.broker();
    let other = broker.issue(&sky.caller("bob"), &other).await.unwrap();
    let returned = lease("bob", "read").await;
    let id = returned.lease.id.to_string();
    broker.give_back(&sky.caller("bob"), &id).await.unwrap();
    assert_eq!(sky.send(&curator, "PUT", "/m13/a", "x").await.0, 200);

    let endpoint = &sky.world.up_file().s3;
    for row in TABLE {
        let name = row.operation.name();
        let unsigned = sky
            .http
            .request(row.method.clone(), endpoint.join(&path_of(row)).unwrap());
        assert_eq!(
            unsigned.send().await.unwrap().status(),
            403,
            "{name}, unsigned"
        );
        assert_eq!(
            ask(&sky, row, &returned.credentials).await,
            403,
            "{name}, given back"
        );

        let elsewhere = ask(&sky, row, &other.credentials).await;
        assert_eq!(
            elsewhere == 403,
            row.need != Need::Key,
            "{name}, of another survey"
        );

        let reads = matches!(row.need, Need::Key | Need::See | Need::List | Need::Read);
        assert_eq!(
            ask(&sky, row, &reader).await == 403,
            !reads,
            "{name}, a reader"
        );
        let by_curator = ask(&sky, row, &curator).await;
        assert_eq!(
            by_curator == 403,
            row.need == Need::Nobody,
            "{name}, a curator"
        );
        assert_ne!(by_curator, 500, "{name}");
    }
    sky.world.stop().await;
}
