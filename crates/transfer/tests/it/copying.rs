//! A file gets its name when it is whole, and nothing of the person's is lost.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use skykey_transfer::{CopyOptions, Downloaded, ObjectError, Silent};

use crate::server::{Asked, Server, Told, at, content, listing, object};

const OPTIONS: CopyOptions = CopyOptions {
    replace: false,
    at_once: 3,
};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_object_becomes_a_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("a.fits");
    let server = Server::start(|asked| object(asked, &content(100_000))).await;
    let copy = async |replace| {
        server
            .objects
            .download(&at("s3://m13/a.fits"), &to, replace, &Silent)
            .await
    };
    assert_eq!(copy(false).await.unwrap(), Downloaded::Copied(100_000));
    assert_eq!(fs::read(&to).unwrap(), content(100_000));
    assert_eq!(copy(false).await.unwrap(), Downloaded::WasThere);
    fs::write(&to, "mine").unwrap();
    assert_eq!(
        copy(false).await.unwrap_err(),
        ObjectError::FileExists(to.clone())
    );
    let mut same_size = content(100_000);
    same_size[7] = b'!';
    fs::write(&to, same_size).unwrap();
    assert_eq!(
        copy(false).await.unwrap_err(),
        ObjectError::FileExists(to.clone())
    );
    assert_eq!(copy(true).await.unwrap(), Downloaded::Copied(100_000));
    assert_eq!(fs::read(&to).unwrap(), content(100_000));
    assert_eq!(names(dir.path()), ["a.fits"]);
}

#[tokio::test]
async fn what_arrives_damaged_gets_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("a.fits");
    fs::write(&to, "old").unwrap();
    let server = Server::start(|asked| {
        let mut told = object(asked, &content(1000));
        told.body[1] = b'!';
        told
    })
    .await;
    let failed = server
        .objects
        .download(&at("s3://m13/a.fits"), &to, true, &Silent)
        .await
        .unwrap_err();
    assert!(matches!(failed, ObjectError::Damaged { .. }), "{failed}");
    assert_eq!(fs::read(&to).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["a.fits"]);
}

fn folder(asked: &Asked) -> Told {
    if asked.line.contains("list-type=2") {
        assert!(asked.line.contains("prefix=f%2F"), "{}", asked.line);
        return listing(&[
            ("f/", 0),
            ("f/a.fits", 1000),
            ("f/deep/er/b.fits", 2000),
            ("f/../up.fits", 10),
            ("f/gone.fits", 10),
            ("f/c.fits", 3000),
        ]);
    }
    match asked.line.rsplit('/').next().unwrap() {
        "a.fits" => object(asked, &content(1000)),
        "b.fits" => object(asked, &content(2000)),
        "c.fits" => object(asked, &content(3000)),
        _ => Told::error(404, "NoSuchKey"),
    }
}

#[tokio::test]
async fn a_folder_is_copied_as_far_as_it_goes_and_never_out_of_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().join("here");
    let server = Server::start(folder).await;
    let copied = server
        .objects
        .copy_all(
            &at("s3://m13/f/"),
            &here,
            OPTIONS,
            Arc::new(Silent),
            std::future::pending(),
        )
        .await
        .unwrap();
    let tally = copied.tally;
    assert_eq!((tally.copied, tally.bytes, tally.failed), (3, 6000, 2));
    assert!(!copied.interrupted);
    let mut said: Vec<String> = copied.errors.iter().map(ToString::to_string).collect();
    said.sort();
    assert!(
        said[0].contains("f/../up.fits cannot be a file here"),
        "{said:?}"
    );
    assert_eq!(said[1], "there is no object s3://m13/f/gone.fits");
    assert_eq!(names(dir.path()), ["here"]);
    assert_eq!(names(&here), ["a.fits", "c.fits", "deep"]);
    assert_eq!(
        fs::read(here.join("deep/er/b.fits")).unwrap(),
        content(2000)
    );
    // The same command takes it up.
    let again = server
        .objects
        .copy_all(
            &at("s3://m13/f/"),
            &here,
            OPTIONS,
            Arc::new(Silent),
            std::future::pending(),
        )
        .await
        .unwrap();
    assert_eq!((again.tally.copied, again.tally.were_there), (0, 3));
}

#[tokio::test]
async fn a_removal_ends_it_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        if asked.line.contains("list-type=2") {
            let keys: Vec<String> = (0..50).map(|number| format!("{number}.fits")).collect();
            let entries: Vec<(&str, usize)> = keys.iter().map(|key| (key.as_str(), 10)).collect();
            return listing(&entries);
        }
        Told::error(403, "AccessDenied")
    })
    .await;
    let copied = server
        .objects
        .copy_all(
            &at("s3://m13/"),
            dir.path(),
            OPTIONS,
            Arc::new(Silent),
            std::future::pending(),
        )
        .await
        .unwrap();
    assert!(copied.errors[0].is_final(), "{:?}", copied.errors);
    assert!(server.asked().len() < 10);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[tokio::test]
async fn a_stopped_copy_leaves_no_partial_file() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        if asked.line.contains("list-type=2") {
            return listing(&[("a.fits", 1000), ("b.fits", 1000)]);
        }
        let mut told = object(asked, &content(1000));
        if asked.line.contains("b.fits") {
            // The rest never comes, and breaks again and again.
            told.breaks_after = Some(if asked.header("range").is_some() {
                0
            } else {
                500
            });
        }
        told
    })
    .await;
    let folder = dir.path().to_owned();
    let half = async {
        while !(folder.join("a.fits").exists() && names(&folder).len() == 2) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let copied = server
        .objects
        .copy_all(
            &at("s3://m13/"),
            dir.path(),
            OPTIONS,
            Arc::new(Silent),
            half,
        )
        .await
        .unwrap();
    assert!(copied.interrupted);
    assert_eq!(names(dir.path()), ["a.fits"]);
}

#[tokio::test]
async fn as_many_are_in_flight_as_were_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<String> = (0..100).map(|number| format!("{number}.fits")).collect();
    let server = Server::start(move |asked| {
        if asked.line.contains("list-type=2") {
            let entries: Vec<(&str, usize)> = keys.iter().map(|key| (key.as_str(), 10)).collect();
            return listing(&entries);
        }
        Told {
            waits_for: 64,
            ..object(asked, &content(10))
        }
    })
    .await;
    let options = CopyOptions {
        at_once: 64,
        ..OPTIONS
    };
    let all = at("s3://m13/");
    let never = std::future::pending();
    let copied = server
        .objects
        .copy_all(&all, dir.path(), options, Arc::new(Silent), never)
        .await
        .unwrap();
    assert_eq!((copied.tally.copied, copied.tally.failed), (100, 0));
    assert_eq!(server.most_in_flight(), 64);
}
