//! Files that older versions wrote open for ever.

use std::path::Path;

use skykey_broker::{
    AuditLog, BackendKeyStore, ChangeCursor, Database, Leases, Logins, PendingDeletions, ProofLog,
};
use skykey_database::SqliteDatabase;
use skykey_types::{Access, LeaseEnd, LeaseId, Limit, Method, SubjectId, Timestamp};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// Makes a database file from a dump.
async fn restore(path: &Path, dump: &'static str) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(dump).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_file_of_the_fourth_version_opens_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    restore(&path, include_str!("../fixtures/version-4.sql")).await;
    let database = SqliteDatabase::open(&path).await.unwrap();

    let alice = SubjectId {
        issuer: "https://iam.example/".to_owned(),
        sub: "alice".to_owned(),
    };
    let leases = database.leases_of(&alice).await.unwrap();
    assert_eq!(leases.len(), 2);
    let (ec2, gateway) = (&leases[0], &leases[1]);
    assert_eq!(ec2.id, LeaseId::from_text("lease-00000000000000000002"));
    assert_eq!((ec2.method, ec2.access), (Method::Ec2, Access::Read));
    let removed = (at("2026-11-01T00:30:00Z"), LeaseEnd::Removed);
    assert_eq!(ec2.revoked, Some(removed));
    assert_eq!((gateway.limit, gateway.revoked), (Limit::Asked, None));
    assert_eq!(gateway.expires, Some(at("2026-11-01T01:00:00Z")));
    let record = database.lease(&ec2.id).await.unwrap().unwrap();
    assert_eq!(record.keystone_user.as_deref(), Some("ks-alice"));

    let now = at("2026-11-01T00:40:00Z");
    let revoked = database.revoked_leases(now).await.unwrap();
    assert_eq!(
        revoked.leases,
        std::slice::from_ref(ec2),
        "it is refused after the restart"
    );
    assert_eq!(revoked.cursor, ChangeCursor::default());
    assert_eq!(database.ended_ec2_leases(now).await.unwrap(), [record]);
    let pending = database.pending_deletions().await.unwrap();
    assert_eq!(pending.len(), 1);
    let (number, deletion) = &pending[0];
    assert_eq!(deletion.project.as_str(), "demo-ro");
    let until = at("2026-11-01T00:42:00Z");
    let claimed = database.claim_deletion(*number, deletion.since, now, until);
    assert!(claimed.await.unwrap());

    let project = "demo-ro".parse().unwrap();
    let key = database.backend_key(&project).await.unwrap().unwrap();
    assert_eq!(
        (key.access.as_str(), &key.sealed[..]),
        ("backend-key", &[1, 2, 3][..])
    );
    let login = database.login(&alice).await.unwrap();
    assert_eq!(login, Some(vec![4, 5, 6]));
    let trail = database.audit_trail(10).await.unwrap();
    assert_eq!(trail.len(), 1);
    assert_eq!(
        (trail[0].action.as_str(), trail[0].outcome.as_str()),
        ("issue", "yes")
    );
    assert_eq!(trail[0].request_id, None);
    let proofs = database.proofs_since(Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(proofs, []);
    database.close().await;
    // And once more, now that it is of this version.
    SqliteDatabase::open(&path).await.unwrap().close().await;
}
