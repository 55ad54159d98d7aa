use jiff::{SignedDuration, Timestamp};
use skykey_types::ManualClock;

use super::*;

fn seed() -> Seed {
    Seed {
        groups: vec![GroupSeed {
            path: path("lsst/echo-readers"),
            description: "may read".to_owned(),
        }],
        people: vec![PersonSeed {
            username: "ada".to_owned(),
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
            email: "ada@example.org".to_owned(),
            is: "an astronomer".to_owned(),
            password: Secret::new("correct horse"),
            groups: [path("lsst/echo-readers")].into(),
            manages: [path("des/readers")].into(),
        }],
    }
}

fn path(text: &str) -> GroupPath {
    text.parse().unwrap()
}

fn open(dir: &Path) -> (Directory, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap());
    (
        Directory::open(dir, Arc::new(clock.clone()), seed()).unwrap(),
        clock,
    )
}

#[tokio::test]
async fn the_right_password_opens_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, _) = open(dir.path());
    let account = directory
        .check_password("ada", &Secret::new("correct horse"))
        .await
        .unwrap();
    assert_eq!(account.full_name(), "Ada Lovelace");
    for (name, password) in [
        ("ada", "wrong"),
        ("ada", ""),
        ("bob", "correct horse"),
        ("ada", &"x".repeat(5000)),
    ] {
        assert_eq!(
            directory.check_password(name, &Secret::new(password)).await,
            Err(PasswordError::Wrong)
        );
    }
    let file = std::fs::read_to_string(dir.path().join("directory.json")).unwrap();
    assert!(!file.contains("correct horse") && file.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test]
async fn after_five_failures_the_next_try_waits_and_a_right_password_does_not_help() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, clock) = open(dir.path());
    for _ in 0..5 {
        assert_eq!(
            directory.check_password("ada", &Secret::new("wrong")).await,
            Err(PasswordError::Wrong)
        );
    }
    let right = Secret::new("correct horse");
    let wait = SignedDuration::from_secs(1);
    assert_eq!(
        directory.check_password("ada", &right).await,
        Err(PasswordError::Throttled { retry_after: wait })
    );
    clock.advance(wait);
    assert!(directory.check_password("ada", &right).await.is_ok());
    assert_eq!(
        directory.check_password("ada", &Secret::new("wrong")).await,
        Err(PasswordError::Wrong)
    );
}

#[tokio::test]
async fn a_deactivated_or_ended_account_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, clock) = open(dir.path());
    let right = Secret::new("correct horse");
    let sub = directory.by_username("ada").unwrap().sub;
    directory.set_active(&sub, false).await.unwrap();
    assert_eq!(
        directory.check_password("ada", &right).await,
        Err(PasswordError::Disabled)
    );
    assert_eq!(directory.usable(&sub), None);
    directory.set_active(&sub, true).await.unwrap();
    directory
        .set_account_end(&sub, Some(clock.now() + SignedDuration::from_secs(1)))
        .await
        .unwrap();
    assert!(directory.check_password("ada", &right).await.is_ok());
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(
        directory.check_password("ada", &right).await,
        Err(PasswordError::Disabled)
    );
}

#[tokio::test]
async fn who_was_removed_from_a_group_stays_removed_at_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, _) = open(dir.path());
    let ada = directory.by_username("ada").unwrap();
    assert_eq!(ada.groups, [path("lsst"), path("lsst/echo-readers")].into());
    directory
        .remove_from_group(&ada.sub, &path("lsst"))
        .await
        .unwrap();
    let (again, _) = open(dir.path());
    let ada_again = again.by_username("ada").unwrap();
    assert_eq!(
        (ada_again.sub, ada_again.groups.len()),
        (ada.sub.clone(), 0)
    );
    again
        .add_to_group(&ada.sub, &path("lsst/echo-readers"))
        .await
        .unwrap();
    assert_eq!(again.by_sub(&ada.sub).unwrap().groups, ada.groups);
}

#[tokio::test]
async fn what_does_not_exist_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, _) = open(dir.path());
    let sub = directory.by_username("ada").unwrap().sub;
    let error = directory
        .add_to_group(&sub, &path("ska"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no group ska");
    let error = directory
        .add_to_group("nobody", &path("lsst"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no person with the subject nobody"
    );
    assert!(!lies_at_or_below(&path("lsst2"), &path("lsst")));
}

#[test]
fn a_uuid_is_of_version_4() {
    let id = uuid();
    assert_eq!((id.len(), &id[14..15]), (36, "4"));
    assert!("89ab".contains(&id[19..20]));
    assert_ne!(id, uuid());
}

#[test]
fn a_bad_username_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut bad = seed();
    bad.people[0].username = "a b".to_owned();
    let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
    assert!(matches!(
        Directory::open(dir.path(), Arc::new(clock), bad),
        Err(EmbeddedError::Seed(_))
    ));
}
