//! The refresh token in the keyring, and what becomes of it when that cannot be used.

use serde_json::json;
use skykey_client::{Client, Keep, KeptIn, KeyringError, LoggedIn};

use crate::portal::{Fake, REFRESH};

const TOKEN: &str = "POST /token";

async fn log_in(fake: &Fake, keep: Keep) -> (Client, LoggedIn) {
    let client = fake.client();
    let done = fake.log_in(&client, keep).await;
    (client, done)
}

/// The next renewal brings this refresh token.
fn renewal(fake: &Fake, next: &str) {
    let answer = json!({
        "access_token": "fresh", "refresh_token": next, "token_type": "bearer", "expires_in": 3600,
    });
    fake.set(TOKEN, 200, answer);
    fake.later(7200);
}

fn me(fake: &Fake) {
    let me = json!({ "username": "ada", "groups": [], "account_end": null, "join_at": "x", "surveys": [] });
    fake.set("GET /api/v1/me", 200, me);
}

#[tokio::test]
async fn the_refresh_token_is_in_the_keyring_and_in_no_file() {
    let fake = Fake::start().await;
    let (client, done) = log_in(&fake, Keep::InKeyring).await;
    assert_eq!((done.who.kept, done.no_keyring), (KeptIn::Keyring, None));
    assert_eq!(fake.keyring.secret().as_deref(), Some(REFRESH));
    let entry = fake.keyring.kept.lock().unwrap().clone().unwrap().0;
    assert_eq!(entry.portal, fake.url);
    assert_eq!(entry.folder, fake.folder().display().to_string());
    assert_eq!(fake.login_file()["keyring"], true);
    assert!(!fake.login_file().to_string().contains(REFRESH));

    me(&fake);
    renewal(&fake, "next");
    client.me().await.unwrap();
    let sent = &fake.seen(TOKEN)[1].body;
    assert!(sent.contains(&format!("refresh_token={REFRESH}")), "{sent}");
    assert_eq!(fake.keyring.secret().as_deref(), Some("next"));
    assert!(!fake.login_file().to_string().contains("next"));
}

#[tokio::test]
async fn without_a_keyring_the_login_is_in_the_file_and_that_is_said() {
    let fake = Fake::start().await;
    fake.keyring.refuse("it is locked");
    let (client, done) = log_in(&fake, Keep::InKeyring).await;
    let file = fake.folder().join("login.json");
    assert_eq!(done.who.kept, KeptIn::File(file));
    let why = KeyringError("it is locked".to_owned());
    assert_eq!(done.no_keyring, Some(why));
    assert_eq!(fake.login_file()["refresh_token"], REFRESH);
    assert_eq!(client.who().unwrap(), done.who);
}

#[tokio::test]
async fn who_wants_no_keyring_gets_none_and_an_earlier_entry_goes() {
    let fake = Fake::start().await;
    log_in(&fake, Keep::InKeyring).await;
    let (_, done) = log_in(&fake, Keep::InFile).await;
    assert_eq!(done.no_keyring, None);
    assert!(matches!(done.who.kept, KeptIn::File(_)));
    assert_eq!(fake.keyring.secret(), None);
    assert_eq!(fake.login_file()["refresh_token"], REFRESH);
}

#[tokio::test]
async fn a_keyring_that_was_locked_since_is_said_and_ends_no_login() {
    let fake = Fake::start().await;
    let (client, _) = log_in(&fake, Keep::InKeyring).await;
    me(&fake);
    renewal(&fake, "next");
    fake.keyring.refuse("it is locked");
    let error = client.me().await.unwrap_err();
    assert_eq!(error.code(), "keyring");
    // So kept credentials go on being handed out.
    assert!(error.is_outage());
    assert!(error.to_string().contains("it is locked"), "{error}");
    assert!(error.hint().contains("unlock it"), "{}", error.hint());
    assert_eq!(fake.seen(TOKEN).len(), 1);
    *fake.keyring.no.lock().unwrap() = None;
    client.me().await.unwrap();
}

#[tokio::test]
async fn a_keyring_that_has_lost_the_login_says_to_log_in_again() {
    let fake = Fake::start().await;
    let (client, _) = log_in(&fake, Keep::InKeyring).await;
    *fake.keyring.kept.lock().unwrap() = None;
    fake.later(7200);
    let error = client.me().await.unwrap_err();
    assert_eq!(error.code(), "login_ended");
    assert!(error.to_string().contains("keyring"), "{error}");
}

/// The old one is spent by then, so the file is better than nothing.
#[tokio::test]
async fn a_new_refresh_token_that_the_keyring_does_not_take_is_in_the_file() {
    let fake = Fake::start().await;
    let (client, _) = log_in(&fake, Keep::InKeyring).await;
    me(&fake);
    renewal(&fake, "next");
    // It still gives, and takes nothing.
    let held = fake.keyring.kept.lock().unwrap().clone();
    let stubborn = std::sync::Arc::new(Stubborn(held.unwrap().1));
    let client = client.with_keyring(stubborn);
    client.me().await.unwrap();
    assert_eq!(fake.login_file()["refresh_token"], "next");
    assert!(matches!(client.who().unwrap().kept, KeptIn::File(_)));
}

#[derive(Debug)]
struct Stubborn(skykey_types::Secret);

#[async_trait::async_trait]
impl skykey_client::Keyring for Stubborn {
    async fn put(
        &self,
        _: &skykey_client::Entry,
        _: &skykey_types::Secret,
    ) -> Result<(), KeyringError> {
        Err(KeyringError("no".to_owned()))
    }

    async fn get(
        &self,
        _: &skykey_client::Entry,
    ) -> Result<Option<skykey_types::Secret>, KeyringError> {
        Ok(Some(self.0.clone()))
    }

    async fn remove(&self, _: &skykey_client::Entry) -> Result<(), KeyringError> {
        Ok(())
    }
}
