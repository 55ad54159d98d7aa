use skykey_types::{Method, RequestId};

use super::{Handles, after, audit, record};
use crate::Audit;

/// Entries are read by both, the newest first, and no more than asked for.
pub async fn the_audit_is_read_from_the_newest_entry_on(Handles { one, other }: &Handles) {
    assert_eq!(one.last_written().await.expect("no time"), None);
    for action in ["issue", "renew", "revoke"] {
        one.audit(&audit("alice", action)).await.expect("stored");
    }
    let newest = other.audit_trail(2).await.expect("entries");
    let actions: Vec<&str> = newest.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["revoke", "renew"]);
    assert_eq!(
        (newest[0].at, newest[0].outcome.as_str()),
        (after(0), "yes")
    );
    assert_eq!(newest[0].username, "alice");
    assert_eq!(other.last_written().await.expect("a time"), Some(after(0)));
}

/// The id of a request is stored with what it decided, alone or beside a lease; a background round
/// has none.
pub async fn the_audit_names_the_request(Handles { one, other }: &Handles) {
    let id = |text: &str| RequestId::parse(text);
    let refused = Audit {
        request_id: id("request-1"),
        ..audit("alice", "issue")
    };
    one.audit(&refused).await.expect("stored");
    let granted = Audit {
        request_id: id("request-2"),
        ..audit("alice", "issue")
    };
    let lease = record("alice", "key", Method::Gateway);
    one.insert_lease(&lease, &granted).await.expect("stored");
    one.audit(&audit("alice", "prove")).await.expect("stored");
    let newest = other.audit_trail(3).await.expect("entries");
    let ids: Vec<Option<&str>> = newest
        .iter()
        .map(|entry| entry.request_id.as_deref())
        .collect();
    assert_eq!(ids, [None, Some("request-2"), Some("request-1")]);
}
