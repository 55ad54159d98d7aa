use super::{Handles, after, audit};

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
