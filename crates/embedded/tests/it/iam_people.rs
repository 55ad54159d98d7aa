//! The broker's port to an IAM without SCIM: memberships by userinfo, with the login that people leave.

use std::sync::Arc;

use skykey_broker::{People, PortError};
use skykey_database::SqliteDatabase;
use skykey_iam::{Iam, Login, MembershipSource, conformance};
use skykey_seal::KeyRing;
use skykey_site::IamPeople;
use skykey_types::SignedDuration;

use crate::iam_client::Served;
use crate::iam_world::READERS;

struct Left {
    served: Served,
    people: IamPeople,
    login: Login,
    folder: tempfile::TempDir,
}

impl Left {
    /// Eve has logged in.
    async fn by_eve() -> Self {
        let served = Served::new().await;
        let iam = served.skykey(MembershipSource::Userinfo);
        let login = conformance::login_with(&iam, async |url| served.drive("eve", url).await).await;
        let folder = tempfile::tempdir().unwrap();
        let people = people(&served, iam, &folder).await;
        Self {
            served,
            people,
            login,
            folder,
        }
    }

    async fn keep(&self) {
        let token = self.login.refresh_token.as_ref().unwrap();
        self.people.keep_login(&self.login.id, token).await.unwrap();
    }

    /// Whether she is seen to be a reader; `None` if there is no such account.
    async fn reads(&self) -> Result<Option<bool>, PortError> {
        let found = self.people.person(&self.login.id, None).await?;
        Ok(found.map(|person| person.groups.contains(&READERS.parse().unwrap())))
    }
}

async fn people(served: &Served, iam: Iam, folder: &tempfile::TempDir) -> IamPeople {
    let ring = KeyRing::open_or_create(&folder.path().join("ring.json")).unwrap();
    IamPeople::new(
        Arc::new(iam),
        Arc::new(
            SqliteDatabase::open(&folder.path().join("broker.db"))
                .await
                .unwrap(),
        ),
        Arc::new(ring),
        Arc::new(served.world.clock.clone()),
    )
}

#[tokio::test]
async fn a_removal_is_seen_with_the_login_that_was_left_and_after_it_was_renewed_many_times() {
    let eve = Left::by_eve().await;
    eve.keep().await;
    for _ in 0..4 {
        assert_eq!(eve.reads().await.unwrap(), Some(true));
        // The access token ends; the refresh token is spent and replaced.
        eve.served
            .world
            .clock
            .advance(SignedDuration::from_hours(2));
    }
    let directory = &eve.served.world.directory;
    directory
        .remove_from_group(&eve.login.id.sub, &READERS.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(eve.reads().await.unwrap(), Some(false));
}

#[tokio::test]
async fn the_login_survives_a_restart_sealed() {
    let mut eve = Left::by_eve().await;
    eve.keep().await;
    let token = eve.login.refresh_token.clone().unwrap();
    for entry in std::fs::read_dir(eve.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(token.expose()), "it lies there in clear");
    }
    let iam = eve.served.skykey(MembershipSource::Userinfo);
    eve.people = people(&eve.served, iam, &eve.folder).await;
    assert_eq!(eve.reads().await.unwrap(), Some(true));
}

#[tokio::test]
async fn an_account_that_is_disabled_is_nobodys_any_more() {
    let eve = Left::by_eve().await;
    eve.keep().await;
    assert_eq!(eve.reads().await.unwrap(), Some(true));
    let directory = &eve.served.world.directory;
    directory
        .set_active(&eve.login.id.sub, false)
        .await
        .unwrap();
    eve.served
        .world
        .clock
        .advance(SignedDuration::from_hours(2));
    assert_eq!(eve.reads().await.unwrap(), None);
    // Her login is forgotten, and having none is no answer.
    assert!(matches!(eve.reads().await, Err(PortError::Refused(_))));
}

#[tokio::test]
async fn who_left_no_login_can_be_asked_about_while_they_bring_a_token() {
    let eve = Left::by_eve().await;
    assert!(matches!(eve.reads().await, Err(PortError::Refused(_))));
    let brought = Some(&eve.login.access_token);
    let found = eve.people.person(&eve.login.id, brought).await.unwrap();
    assert_eq!(found.unwrap().username, "eve");
    eve.served
        .world
        .clock
        .advance(SignedDuration::from_hours(2));
    let outcome = eve.people.person(&eve.login.id, brought).await;
    assert!(matches!(outcome, Err(PortError::Refused(_))));
}

#[tokio::test]
async fn two_who_ask_at_once_renew_the_login_once() {
    let eve = Left::by_eve().await;
    eve.keep().await;
    eve.served
        .world
        .clock
        .advance(SignedDuration::from_hours(2));
    let (one, other) = tokio::join!(eve.reads(), eve.reads());
    assert_eq!((one.unwrap(), other.unwrap()), (Some(true), Some(true)));
    assert_eq!(eve.reads().await.unwrap(), Some(true));
}
