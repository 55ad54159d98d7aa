use skykey_types::{LeaseEnd, Method, Timestamp};

use super::{Handles, actions, after, audit, deletion, record};
use crate::{Database, Revocation};

/// Removes alice at `at`, whose lease it is.
async fn remove(database: &dyn Database, at: Timestamp) {
    let alices = record("alice", "key", Method::StsLite);
    let revocation = Revocation {
        lease: &alices.lease.id,
        at,
        why: LeaseEnd::Removed,
        audit: &audit("alice", "revoke"),
        deletion: Some(&deletion("alice", at)),
    };
    database.revoke_lease(&revocation).await.expect("revoked");
}

async fn lease_and_remove(handles: &Handles) {
    let alices = record("alice", "key", Method::StsLite);
    let issue = audit("alice", "issue");
    let issued = handles.one.insert_lease(&alices, &issue).await;
    issued.expect("stored");
    remove(&*handles.one, after(10)).await;
}

/// The number of the only deletion there is.
async fn number(handles: &Handles) -> i64 {
    let pending = handles.other.pending_deletions().await.expect("deletions");
    assert_eq!(pending.len(), 1);
    pending[0].0
}

/// Both see it; of two that finish it one does, and writes the audit.
pub async fn a_deletion_is_stored_with_the_removal_and_finished_once(handles: &Handles) {
    lease_and_remove(handles).await;
    let pending = handles.other.pending_deletions().await.expect("deletions");
    assert_eq!(pending[0].1, deletion("alice", after(10)));
    let number = number(handles).await;
    let done = audit("alice", "delete-ec2");
    let (one, other) = tokio::join!(
        handles.one.finish_deletion(number, after(10), Some(&done)),
        handles
            .other
            .finish_deletion(number, after(10), Some(&done))
    );
    assert!(one.expect("an answer") != other.expect("an answer"));
    let pending = handles.one.pending_deletions().await.expect("deletions");
    assert_eq!(pending, []);
    assert_eq!(
        actions(&handles.one).await,
        ["issue", "revoke", "delete-ec2"]
    );
}

/// Only one gets it, until the claim is given up or expires.
pub async fn a_deletion_is_claimed_by_one_process(handles: &Handles) {
    lease_and_remove(handles).await;
    let Handles { one, other } = handles;
    let number = number(handles).await;
    let claim = |database: &std::sync::Arc<dyn Database>, now: i64| {
        let database = database.clone();
        async move {
            let claim = database.claim_deletion(number, after(10), after(now), after(now + 60));
            claim.await.expect("an answer")
        }
    };
    let (first, second) = tokio::join!(claim(one, 20), claim(other, 20));
    assert!(first != second, "both claimed it");
    assert!(!claim(one, 79).await && !claim(other, 79).await);
    assert!(claim(other, 80).await, "the claim expired");
    other.release_deletion(number).await.expect("released");
    assert!(claim(one, 81).await, "it was given up");
    let other_since = one.claim_deletion(number, after(11), after(500), after(560));
    assert!(!other_since.await.expect("an answer"), "of another removal");
    let finished = one.finish_deletion(number, after(10), None).await;
    assert!(finished.expect("an answer"));
    assert!(!claim(one, 1000).await, "it is finished");
}

/// It cannot be finished for the first removal any more, and can be claimed again.
pub async fn a_second_removal_renews_a_deletion(handles: &Handles) {
    lease_and_remove(handles).await;
    let Handles { one, other } = handles;
    let number = number(handles).await;
    let claimed = one.claim_deletion(number, after(10), after(20), after(80));
    assert!(claimed.await.expect("an answer"));
    remove(&**other, after(30)).await;
    let done = audit("alice", "delete-ec2");
    let finished = one.finish_deletion(number, after(10), Some(&done)).await;
    assert!(!finished.expect("an answer"));
    let pending = one.pending_deletions().await.expect("deletions");
    assert_eq!(pending, [(number, deletion("alice", after(30)))]);
    let claimed = other.claim_deletion(number, after(30), after(31), after(91));
    assert!(claimed.await.expect("an answer"), "the old claim ended");
}
