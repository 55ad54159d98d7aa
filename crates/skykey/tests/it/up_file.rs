//! `up.json` is there while everything answers, and only then.

use std::sync::Arc;

use skykey::up::{Options, World};
use skykey_types::SystemClock;

fn options(state: &std::path::Path, images: &str) -> Options {
    Options {
        state: state.to_owned(),
        base_port: 0,
        listen: "127.0.0.1".parse().unwrap(),
        surveys: vec![format!("m13={images}").parse().unwrap()],
        config: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_json_goes_with_a_clean_stop_and_at_the_beginning_of_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let (state, images) = (dir.path().join("state"), dir.path().join("images"));
    std::fs::create_dir(&images).unwrap();
    let up = state.join("up.json");
    let good = options(&state, images.to_str().unwrap());
    let start = async |options| World::start(options, Arc::new(SystemClock)).await;
    let world = start(good.clone()).await.unwrap();
    assert!(up.exists());
    // A process that cannot lock the state takes nothing away from the one that holds it.
    assert!(start(good.clone()).await.is_err());
    assert!(up.exists());
    world.stop().await;
    assert!(!up.exists());
    // As after kill -9; the start gets as far as the images, which are not there.
    std::fs::write(&up, "{\"portal\":\"http://127.0.0.1:1/\"}").unwrap();
    let error = start(options(&state, "/no/such/folder"))
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
    assert!(!up.exists());
}
