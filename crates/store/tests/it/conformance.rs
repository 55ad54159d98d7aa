use skykey_store::{FileStore, conformance};

use super::clock;

#[tokio::test(flavor = "multi_thread")]
async fn the_file_store_does_what_every_store_must() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path(), clock()).await.unwrap();
    conformance::all(&store).await;
    assert_eq!(
        std::fs::read_dir(dir.path().join("tmp")).unwrap().count(),
        0,
        "something was left in tmp/"
    );
}
