use skykey_types::AccessKeyId;

use super::{Handles, after};
use crate::BackendKey;

fn key(access: &str) -> BackendKey {
    BackendKey {
        access: AccessKeyId::new(access),
        user_id: "backend".to_owned(),
        sealed: vec![0, 1, 255],
        created: after(0),
        used: after(0),
    }
}

/// Of two that replace the same credential, one succeeds and the other learns that it did not.
pub async fn a_backend_key_is_replaced_only_if_it_is_still_the_same(handles: &Handles) {
    let Handles { one, other } = handles;
    let project = "demo-ro".parse().expect("a project's name");
    assert_eq!(one.backend_key(&project).await.expect("none"), None);
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let (first, second) = tokio::join!(
        one.replace_backend_key(&project, None, &a),
        other.replace_backend_key(&project, None, &b)
    );
    let (first, second) = (first.expect("an answer"), second.expect("an answer"));
    assert!(first != second, "both stored one where there was none");
    let stored = if first { a } else { b };
    let found = other.backend_key(&project).await.expect("a credential");
    assert_eq!(found.as_ref(), Some(&stored));
    let replace = one.replace_backend_key(&project, Some(&c.access), &c);
    assert!(!replace.await.expect("an answer"), "it is another one");
    let replace = one.replace_backend_key(&project, Some(&stored.access), &c);
    assert!(replace.await.expect("an answer"));
    let forget = other.forget_backend_key(&project, &stored.access);
    assert!(!forget.await.expect("an answer"), "it was replaced");
    let forget = other.forget_backend_key(&project, &c.access);
    assert!(forget.await.expect("an answer"));
    assert_eq!(one.backend_key(&project).await.expect("none"), None);
}

/// The later of two times stays.
pub async fn the_use_of_a_backend_key_never_goes_back(Handles { one, other }: &Handles) {
    let project = "demo-ro".parse().expect("a project's name");
    let stored = one.replace_backend_key(&project, None, &key("a")).await;
    assert!(stored.expect("an answer"));
    for at in [7200, 3600] {
        let noted = other.backend_key_used(&project, after(at)).await;
        noted.expect("noted");
    }
    let found = one.backend_key(&project).await.expect("a credential");
    assert_eq!(found.map(|key| key.used), Some(after(7200)));
}
