//! Application credentials: a machine leases in its owner's name, to read, and nobody else's token does.

use reqwest::Method;
use serde_json::{Value, json};
use skykey_types::{AccessKeyId, Credentials, Secret, SignedDuration};

use crate::world::TestWorld;

const CONFIG: &str =
    "[ec2]\nkept = \"0s\"\n[[survey]]\nname = \"m13\"\n[[survey]]\nname = \"other\"\n";
const LEASES: &str = "leases";

struct Site(TestWorld);

/// An application credential.
struct Machine {
    id: String,
    secret: String,
}

impl Site {
    async fn start() -> Self {
        Self(TestWorld::start_with(CONFIG).await)
    }

    fn password(&self, username: &str) -> String {
        let people = &self.0.world.up_file().people;
        if let Some(person) = people.iter().find(|person| person.username == username) {
            return person.password.clone();
        }
        // A service of Keystone's own.
        let secrets = std::fs::read(self.0.state().join("secrets.json")).unwrap();
        let pairs: Vec<(String, String)> = serde_json::from_slice(&secrets).unwrap();
        let secrets: std::collections::HashMap<String, String> = pairs.into_iter().collect();
        secrets["keystone-backend"].clone()
    }

    async fn keystone(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (Value, String) {
        let url = format!("{}{path}", self.0.world.up_file().keystone);
        let request = self
            .0
            .http
            .request(method, url)
            .header("x-auth-token", token);
        let answer = request.json(body).send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
        let token = answer.headers().get("x-subject-token");
        let token = token.map_or("", |value| value.to_str().unwrap()).to_owned();
        (answer.json().await.unwrap_or_default(), token)
    }

    /// A token of a login with a password, for a project.
    async fn password_token(&self, username: &str, project: &str) -> (Value, String) {
        let user = json!({"name": username, "domain": {"id": "default"}, "password": self.password(username)});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": project, "domain": {"id": "default"}}},
        }});
        self.keystone(Method::POST, "/auth/tokens", "", &body).await
    }

    async fn app_credential(&self, username: &str, project: &str, unrestricted: bool) -> Machine {
        let (about, token) = self.password_token(username, project).await;
        let user = about["token"]["user"]["id"].as_str().unwrap();
        let body = json!({"application_credential": {
            "name": skykey_types::random_token(8), "roles": [{"name": "reader"}], "unrestricted": unrestricted,
        }});
        let path = format!("/users/{user}/application_credentials");
        let (made, _) = self.keystone(Method::POST, &path, &token, &body).await;
        let part = |name: &str| {
            made["application_credential"][name]
                .as_str()
                .unwrap()
                .to_owned()
        };
        Machine {
            id: part("id"),
            secret: part("secret"),
        }
    }

    async fn machine_token(&self, machine: &Machine) -> String {
        let url = self.0.world.up_file().keystone.clone();
        let credential = skykey_keystone::ApplicationCredential {
            id: machine.id.clone(),
            secret: Secret::new(&machine.secret),
        };
        let login = skykey_keystone::MachineLogin::new(&url, None, credential).unwrap();
        login.token().await.unwrap().token.expose().to_owned()
    }

    async fn token_of(&self, username: &str) -> String {
        let machine = self.app_credential(username, "m13-ro", false).await;
        self.machine_token(&machine).await
    }

    async fn api(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let url = self
            .0
            .world
            .up_file()
            .portal
            .join(&format!("api/v1/{path}"))
            .unwrap();
        let mut request = self.0.http.request(method, url).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or_default(),
        )
    }

    async fn ask(&self, token: &str, wish: &Value) -> (u16, Value) {
        let mut body = json!({"survey": "m13", "method": "gateway"});
        body.as_object_mut()
            .unwrap()
            .extend(wish.as_object().unwrap().clone());
        self.api(Method::POST, LEASES, &[("x-auth-token", token)], &body)
            .await
    }

    async fn refused(&self, token: &str, wish: Value, (status, code, word): (u16, &str, &str)) {
        let (found, body) = self.ask(token, &wish).await;
        let error = &body["error"];
        assert_eq!(
            (found, error["code"].as_str().unwrap_or_default()),
            (status, code),
            "{body}"
        );
        assert!(error["message"].as_str().unwrap().contains(word), "{body}");
        assert!(!error["hint"].as_str().unwrap().is_empty());
    }
}

fn keys(granted: &Value) -> Credentials {
    let part = |name: &str| granted["credentials"][name].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: AccessKeyId::new(part("AccessKeyId")),
        secret_access_key: Secret::new(part("SecretAccessKey")),
        session_token: Some(Secret::new(part("SessionToken"))),
        expiration: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_reads_what_its_owner_may_until_they_are_removed() {
    let site = Site::start().await;
    let token = site.token_of("bob").await;
    let (status, granted) = site.ask(&token, &json!({})).await;
    assert_eq!(status, 201, "{granted}");
    let keys = keys(&granted);
    let list = "/m13?list-type=2";
    assert_eq!(site.0.send(&keys, "GET", list, "").await.0, 200);
    assert_eq!(site.0.send(&keys, "PUT", "/m13/x", "x").await.0, 403);
    let (_, state) = site.ask(&token, &json!({"method": "sts-lite"})).await;
    assert_eq!(state["lease"]["state"], "live", "{state}");
    let audit = site.0.newest_audit().await;
    assert_eq!(
        (audit.action.as_str(), audit.username.as_str()),
        ("machine", "bob")
    );
    assert!(
        audit.reason.starts_with("application credential "),
        "{}",
        audit.reason
    );

    let header = [("x-auth-token", token.as_str())];
    for (path, field) in [
        ("me", "username"),
        ("surveys", "surveys"),
        (LEASES, "leases"),
    ] {
        let (status, body) = site.api(Method::GET, path, &header, &Value::Null).await;
        assert_eq!(status, 200, "{body}");
        assert!(!body[field].is_null(), "{body}");
        assert!(!body.to_string().contains(keys.secret_access_key.expose()));
    }
    let (_, about) = site.api(Method::GET, "site", &[], &Value::Null).await;
    assert_eq!(about["application_credentials"], true);
    // To give a lease back takes a person.
    let lease = granted["lease"]["id"].as_str().unwrap();
    let (status, _) = site
        .api(
            Method::DELETE,
            &format!("leases/{lease}"),
            &header,
            &Value::Null,
        )
        .await;
    assert_eq!(status, 401);
    assert_eq!(site.0.send(&keys, "GET", list, "").await.0, 200);

    let directory = site.0.world.directory().unwrap();
    let sub = site.0.caller("bob").id.sub;
    directory
        .remove_from_group(&sub, &"m13/readers".parse().unwrap())
        .await
        .unwrap();
    site.refused(&token, json!({}), (403, "not_a_member", "m13/readers"))
        .await;
    site.0.world.broker().watch_once().await.unwrap();
    assert_eq!(site.0.send(&keys, "GET", list, "").await.0, 403);
    site.0.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_only_reads_and_does_nothing_in_its_owners_name_elsewhere() {
    let site = Site::start().await;
    let carol = site.token_of("carol").await;
    site.refused(
        &carol,
        json!({"access": "write"}),
        (403, "machines_read", "application credential"),
    )
    .await;
    let audit = site.0.newest_audit().await;
    assert_eq!(
        (audit.action.as_str(), audit.outcome.as_str()),
        ("issue", "no")
    );
    site.refused(
        &carol,
        json!({"access": "everything"}),
        (400, "bad_access", "everything"),
    )
    .await;
    site.refused(
        &carol,
        json!({"method": "ec2"}),
        (403, "needs_login", "in your name"),
    )
    .await;
    site.refused(
        &carol,
        json!({"method": "sts-lite", "key": "own"}),
        (403, "needs_login", ""),
    )
    .await;
    let (status, granted) = site.ask(&carol, &json!({"access": "read"})).await;
    assert_eq!(status, 201, "{granted}");
    assert_eq!(
        site.0.send(&keys(&granted), "PUT", "/m13/x", "x").await.0,
        403
    );
    site.0.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_token_that_an_application_credential_made_counts() {
    let site = Site::start().await;
    let code = "bad_keystone_token";
    let (_, password) = site.password_token("bob", "m13-ro").await;
    site.refused(&password, json!({}), (403, code, "made with password"))
        .await;
    let unrestricted = site.app_credential("bob", "m13-ro", true).await;
    let unrestricted = site.machine_token(&unrestricted).await;
    site.refused(
        &unrestricted,
        json!({}),
        (403, code, "not a restricted one"),
    )
    .await;
    let local = site.app_credential("skykey", "m13-ro", false).await;
    let local = site.machine_token(&local).await;
    site.refused(
        &local,
        json!({}),
        (403, code, "did not come to Keystone by"),
    )
    .await;
    let audit = site
        .0
        .world
        .broker()
        .database()
        // Proofs are in it too.
        .audit_trail(100)
        .await
        .unwrap();
    let refused = audit
        .iter()
        .filter(|entry| entry.action == "machine" && entry.outcome == "no");
    assert_eq!(refused.count(), 3);

    let long = "x".repeat(4097);
    for wrong in ["garbage", "", "with a blank", &long] {
        site.refused(wrong, json!({}), (401, code, "does not stand by"))
            .await;
    }
    let good = site.token_of("bob").await;
    let bearer = format!("Bearer {good}");
    let twice = [
        ("x-auth-token", good.as_str()),
        ("x-auth-token", good.as_str()),
    ];
    let both = [
        ("x-auth-token", good.as_str()),
        ("authorization", bearer.as_str()),
    ];
    for headers in [twice, both] {
        for (method, path) in [
            (Method::POST, LEASES),
            (Method::GET, LEASES),
            (Method::GET, "me"),
            (Method::GET, "surveys"),
        ] {
            let (status, body) = site
                .api(method, path, &headers, &json!({"survey": "m13"}))
                .await;
            assert_eq!(
                (status, &body["error"]["code"]),
                (400, &json!("bad_request")),
                "{path}: {body}"
            );
        }
    }
    // It is no access token of the IAM.
    let (status, _) = site
        .api(
            Method::GET,
            "me",
            &[("authorization", &bearer)],
            &Value::Null,
        )
        .await;
    assert_eq!(status, 401);
    assert_eq!(site.ask(&good, &json!({})).await.0, 201);
    site.0.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_time_its_credential_and_its_owner() {
    let site = Site::start().await;
    let gone = (401, "bad_keystone_token", "does not stand by");
    let machine = site.app_credential("bob", "m13-ro", false).await;
    let token = site.machine_token(&machine).await;
    assert_eq!(site.ask(&token, &json!({})).await.0, 201);
    site.0.clock.advance(SignedDuration::from_secs(3600));
    site.refused(&token, json!({}), gone).await;
    let token = site.machine_token(&machine).await;
    assert_eq!(site.ask(&token, &json!({})).await.0, 201);

    let (about, password) = site.password_token("bob", "m13-ro").await;
    let user = about["token"]["user"]["id"].as_str().unwrap();
    let path = format!("/users/{user}/application_credentials/{}", machine.id);
    site.keystone(Method::DELETE, &path, &password, &Value::Null)
        .await;
    site.refused(&token, json!({}), gone).await;

    let token = site.token_of("bob").await;
    let sub = site.0.caller("bob").id.sub;
    let directory = site.0.world.directory().unwrap();
    directory.set_active(&sub, false).await.unwrap();
    site.refused(&token, json!({}), gone).await;
    site.0.world.stop().await;
}

/// Each costs Keystone a question.
#[tokio::test(flavor = "multi_thread")]
async fn many_different_wrong_tokens_of_keystone_shut_an_address_out_for_a_minute() {
    let site = Site::start().await;
    let token = site.token_of("bob").await;
    for number in 0..300 {
        site.refused(
            &format!("wrong-{number}"),
            json!({}),
            (401, "bad_keystone_token", ""),
        )
        .await;
    }
    site.refused(&token, json!({}), (429, "too_many", "300 different tokens"))
        .await;
    site.0.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(site.ask(&token, &json!({})).await.0, 201);
    site.0.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_does_not_say_so_takes_none() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    skykey_seal::write_private(&secret, b"secret").unwrap();
    let secret = secret.display();
    let site = Site(
        TestWorld::start_with(&format!(
            "[keystone]\nurl = \"http://127.0.0.1:1/v3\"\n\
             backend_user = {{ name = \"b\", password = {{ file = \"{secret}\" }} }}\n\
             admin_user = {{ name = \"a\", project = \"p\", password = {{ file = \"{secret}\" }} }}\n\
             [[survey]]\nname = \"m13\"\nmethods = [\"gateway\"]\n"
        ))
        .await,
    );
    let (_, about) = site.api(Method::GET, "site", &[], &Value::Null).await;
    assert_eq!(about["application_credentials"], false);
    site.refused(
        "a-token",
        json!({}),
        (401, "bad_keystone_token", "takes no tokens of Keystone"),
    )
    .await;
    site.0.world.stop().await;
}
