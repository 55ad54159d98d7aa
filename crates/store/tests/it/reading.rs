//! Reading, with and without waiting for the disk.

use bytes::Bytes;
use futures::{FutureExt, TryStreamExt};
use skykey_store::ObjectStore;

use super::{put, simulated};

/// Of the simulated disk's cached calls every third would wait, and every second of the others
/// reads a part.
#[tokio::test]
async fn what_is_in_the_page_cache_is_read_without_changing_threads() {
    let (_disk, store) = simulated().await;
    let body: Vec<u8> = (0..=255).cycle().take(20_160).collect();
    put(&store, "a", &body).await;
    let opened = store.open("sky", "a").now_or_never();
    let object = opened.expect("nothing waits").unwrap().unwrap();

    let read = || object.all().try_collect::<Vec<Bytes>>();
    assert_eq!(read().await.unwrap(), [body.as_slice()], "this call waits");
    let pieces = read().now_or_never().expect("nothing waits").unwrap();
    assert_eq!(pieces, [body.as_slice()]);
    let in_parts = read().await.unwrap();
    assert_eq!(in_parts, [body.as_slice()]);
}

#[tokio::test]
async fn what_a_head_says_needs_no_other_thread_either() {
    let (_disk, store) = simulated().await;
    let info = put(&store, "a", b"x").await;
    let head = store.head("sky", "a").now_or_never();
    assert_eq!(head.expect("nothing waits").unwrap(), Some(info));
    let none = store.head("sky", "b").now_or_never();
    assert_eq!(none.expect("nothing waits").unwrap(), None);
}
