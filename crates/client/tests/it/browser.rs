//! A login in a browser that comes back to this machine.

use serde_json::json;
use skykey_client::{BrowserLogin, ClientError, Keep, KeptIn, NotOurs};
use skykey_types::{LoginPorts, Secret};
use url::form_urlencoded;

use crate::portal::{ACCESS, Fake, REFRESH};

const CODE: &str = "the-code-that-came-back";
const TOKEN: &str = "POST /token";

async fn begun(fake: &Fake) -> BrowserLogin {
    fake.offers_logins();
    let redirect = LoginPorts::redirect(28_411).parse().unwrap();
    fake.client().begin_browser_login(redirect).await.unwrap()
}

fn field(login: &BrowserLogin, name: &str) -> String {
    let mut pairs = login.url().query_pairs();
    let found = pairs.find(|(found, _)| found == name);
    found.unwrap_or_default().1.into_owned()
}

/// What a browser brings back.
fn brought(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

#[tokio::test]
async fn a_login_in_a_browser_is_kept_like_any_other() {
    let fake = Fake::start().await;
    let login = begun(&fake).await;
    for (name, value) in [
        ("client_id", "cli"),
        ("redirect_uri", "http://127.0.0.1:28411/callback"),
        ("scope", "openid profile offline_access"),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
    ] {
        assert_eq!(field(&login, name), value, "{name}");
    }
    let (state, nonce) = (field(&login, "state"), field(&login, "nonce"));
    let query = brought(&[("code", CODE), ("state", &state), ("iss", &fake.url)]);
    let code = login.read(&query).unwrap().unwrap();
    fake.set(TOKEN, 200, fake.login_answer(Some(&nonce)));
    let client = fake.client();
    let done = client
        .finish_browser_login(&login, &code, Keep::InFile)
        .await
        .unwrap();
    assert_eq!(done.who.username, "ada");
    assert_eq!(
        done.who.kept,
        KeptIn::File(fake.folder().join("login.json"))
    );
    assert_eq!(done.no_keyring, None);
    assert_eq!(fake.login_file()["refresh_token"], REFRESH);
    let sent = &fake.seen(TOKEN)[0].body;
    assert!(
        sent.contains(CODE) && sent.contains("code_verifier="),
        "{sent}"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_this_logins_is_not_ours() {
    let fake = Fake::start().await;
    let login = begun(&fake).await;
    let state = field(&login, "state");
    for fields in [
        &[("code", CODE)][..],
        &[("code", CODE), ("state", "another")],
        &[("code", CODE), ("state", "")],
        &[("error", "access_denied"), ("state", "another")],
        &[("error", "access_denied")],
        &[("state", &state)],
        &[("code", ""), ("state", &state)],
        &[("code", CODE), ("error", "x"), ("state", &state)],
        &[("code", CODE), ("code", "other"), ("state", &state)],
        &[("code", CODE), ("state", &state), ("state", &state)],
        &[
            ("code", CODE),
            ("state", &state),
            ("iss", "https://elsewhere/"),
        ],
        &[],
    ] {
        let read = login.read(&brought(fields));
        assert!(matches!(read, Err(NotOurs)), "{fields:?}");
    }
    assert!(fake.seen(TOKEN).is_empty());
}

#[tokio::test]
async fn an_error_of_the_iams_is_told_in_one_line() {
    let fake = Fake::start().await;
    let login = begun(&fake).await;
    let state = field(&login, "state");
    let denied = brought(&[("error", "access_denied"), ("state", &state)]);
    let error = login.read(&denied).unwrap().unwrap_err();
    assert!(matches!(error, ClientError::LoginRefused), "{error}");
    let query = brought(&[
        ("error", "invalid_scope"),
        ("error_description", "not\n\u{1b}[31mthis"),
        ("state", &state),
    ]);
    let error = login.read(&query).unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the IAM did not log you in (invalid_scope: not  [31mthis)"
    );
    assert_eq!(error.code(), "login_failed");
    assert!(error.hint().contains("--device"), "{}", error.hint());
}

#[tokio::test]
async fn a_login_that_was_begun_elsewhere_is_not_kept() {
    let fake = Fake::start().await;
    let login = begun(&fake).await;
    fake.set(TOKEN, 200, fake.login_answer(Some("another")));
    let code = Secret::new(CODE);
    let error = fake
        .client()
        .finish_browser_login(&login, &code, Keep::InFile)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("nonce"), "{error}");
    let all = format!("{error} {error:?}");
    assert!(!all.contains(CODE) && !all.contains(ACCESS), "{all}");
    assert_eq!(
        fake.client().me().await.unwrap_err().code(),
        "not_logged_in"
    );
}

#[tokio::test]
async fn the_portal_says_where_a_browser_may_come_back_to() {
    let fake = Fake::start().await;
    fake.offers_logins();
    let ports = fake.client().site().await.unwrap().login_ports;
    assert_eq!(ports, Some(LoginPorts::Any));
    let mut site =
        json!({ "portal": "x", "issuer": "x", "s3": "x", "region": "y", "version": "z" });
    fake.set("GET /api/v1/site", 200, site.clone());
    assert_eq!(fake.client().site().await.unwrap().login_ports, None);
    site["login_ports"] = json!([]);
    fake.set("GET /api/v1/site", 200, site);
    let error = fake.client().site().await.unwrap_err();
    assert_eq!(error.code(), "unexpected");
}
