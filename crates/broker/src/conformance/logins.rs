use super::{Handles, after, subject};

/// A login that was renewed by another process stays.
pub async fn a_login_is_forgotten_only_if_it_is_still_the_same(Handles { one, other }: &Handles) {
    let alice = subject("alice");
    assert_eq!(one.login(&alice).await.expect("none"), None);
    let kept = one.keep_login(&alice, b"first", after(0)).await;
    kept.expect("stored");
    let kept = other.keep_login(&alice, b"second", after(1)).await;
    kept.expect("stored");
    let forgot = one.forget_login(&alice, b"first").await;
    assert!(!forgot.expect("an answer"));
    let found = one.login(&alice).await.expect("a login");
    assert_eq!(found.as_deref(), Some(&b"second"[..]));
    let forgot = one.forget_login(&alice, b"second").await;
    assert!(forgot.expect("an answer"));
    assert_eq!(other.login(&alice).await.expect("none"), None);
}
