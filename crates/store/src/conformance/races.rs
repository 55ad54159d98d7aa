//! What holds when much happens at once.

use futures::future::{join, join_all};

use super::{body, bucket, get, md5_hex, open, put, try_put};
use crate::{After, ObjectStore, Precondition};

/// Sixteen try; one writes, fifteen are refused.
pub async fn only_one_of_many_finds_the_key_absent(store: &dyn ObjectStore) {
    let bucket = bucket(store, "race-absent").await;
    for round in 0..5 {
        let key = format!("object-{round}");
        let bodies: Vec<Vec<u8>> = (0..16).map(|writer| vec![writer; 1000]).collect();
        let puts = bodies
            .iter()
            .map(|content| try_put(store, &bucket, &key, content, Precondition::IfAbsent));
        let results = join_all(puts).await;
        let mut winners = results
            .iter()
            .zip(&bodies)
            .filter(|(result, _)| result.is_ok());
        let (_, content) = winners.next().expect("somebody must win");
        assert!(winners.next().is_none(), "two found the key absent");
        assert_eq!(get(store, &bucket, &key).await, *content);
    }
}

/// Index and body agree, and nothing is left of the others.
pub async fn concurrent_writers_leave_one_whole_object(store: &dyn ObjectStore) {
    let bucket = bucket(store, "race-writers").await;
    let bodies: Vec<Vec<u8>> = (0..16)
        .map(|writer| vec![writer; 1000 + usize::from(writer) * 100_000])
        .collect();
    for result in join_all(
        bodies
            .iter()
            .map(|content| put(store, &bucket, "object", content)),
    )
    .await
    {
        assert!(result.size >= 1000);
    }
    let opened = open(store, &bucket, "object").await;
    let content = body(&opened, 0..u64::MAX).await;
    assert!(bodies.contains(&content));
    assert_eq!(opened.info.etag, md5_hex(&content));
    assert_eq!(
        store.head(&bucket, "object").await.expect("known"),
        Some(opened.info)
    );
    assert_eq!(
        store
            .list(&bucket, "", None, After::Nothing, 9)
            .await
            .expect("listed")
            .items
            .len(),
        1
    );
}

/// While an object is replaced and deleted, a reader gets one version or none, never an error.
pub async fn readers_never_see_half_a_change(store: &dyn ObjectStore) {
    let bucket = bucket(store, "race-readers").await;
    let change = async {
        for round in 0..30_u8 {
            put(
                store,
                &bucket,
                "object",
                &vec![round; 1000 * usize::from(round)],
            )
            .await;
            if round % 3 == 0 {
                store
                    .delete(&bucket, "object", Precondition::None)
                    .await
                    .expect("deleted");
            }
        }
    };
    let read = async {
        for _ in 0..300 {
            if let Some(opened) = store
                .open(&bucket, "object")
                .await
                .expect("a change is not an error")
            {
                let content = body(&opened, 0..u64::MAX).await;
                assert_eq!(content.len() as u64, opened.info.size);
                assert_eq!(opened.info.etag, md5_hex(&content));
            }
        }
    };
    join(change, join_all([read])).await;
}
