//! `AssumeRoleWithWebIdentity`, for tokens that are and that are not the IAM's. The test signs with the IAM's
//! own key, so that each token is wrong in one way only.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use skykey_s3_client::ErrorBody;
use skykey_types::{Clock, Credentials, Secret, SignedDuration};

use crate::world::TestWorld;

const READERS: &str = "arn:aws:iam:::role/skykey-m13-readers";
const CURATORS: &str = "arn:aws:iam:::role/skykey-m13-curators";
const LIST: &str = "/m13?list-type=2";

/// A world whose IAM's key is known.
#[expect(clippy::struct_field_names, reason = "its other name is taken")]
struct Sky {
    sky: TestWorld,
    key: EncodingKey,
    kid: String,
}

/// What the endpoint answered.
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn credentials(&self) -> Credentials {
        assert_eq!(self.status, 200, "{}", self.body);
        let part = |name: &str| {
            let (_, rest) = self.body.split_once(&format!("<{name}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        Credentials {
            access_key_id: skykey_types::AccessKeyId::new(part("AccessKeyId")),
            secret_access_key: Secret::new(part("SecretAccessKey")),
            session_token: Some(Secret::new(part("SessionToken"))),
            expiration: Some(part("Expiration").parse().unwrap()),
        }
    }

    /// A refusal in STS's shape, with that code and those words.
    #[track_caller]
    fn refused(&self, status: u16, code: &str, word: &str) {
        assert!(self.body.contains("<ErrorResponse"), "{}", self.body);
        let fault = ErrorBody::parse(&self.body);
        assert_eq!(
            (self.status, fault.code.as_str()),
            (status, code),
            "{fault:?}"
        );
        assert!(fault.message.contains(word), "{word}: {}", fault.message);
    }
}

impl Sky {
    async fn start() -> Self {
        let sky = TestWorld::start_with(
            "[[survey]]\nname = \"m13\"\n[[survey]]\nname = \"other\"\nreaders = [\"other/few\"]\n\
             [[survey]]\nname = \"ec2-only\"\nmethods = [\"ec2\"]\n\
             [[survey]]\nname = \"short\"\nlifetime = { min = \"15m\", max = \"12h\" }\n\
             methods = [\"assume-role\", \"sts-lite\"]\n",
        )
        .await;
        let der = std::fs::read(sky.state().join("iam/iam-key.der")).unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        );
        let keys = sky.world.up_file().iam.join("jwk").unwrap();
        let keys: Value = sky
            .http
            .get(keys)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        Self {
            key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
            kid: keys["keys"][0]["kid"].as_str().unwrap().to_owned(),
            sky,
        }
    }

    /// The claims of an access token of somebody's, with these changes; `null` removes one.
    fn claims(&self, username: &str, changes: &Value) -> Value {
        let id = self.sky.caller(username).id;
        let now = self.sky.clock.now().as_second();
        let mut claims = json!({
            "iss": id.issuer, "sub": id.sub, "iat": now, "nbf": now, "exp": now + 3600, "scope": "openid",
        });
        let all = claims.as_object_mut().unwrap();
        all.extend(changes.as_object().unwrap().clone());
        all.retain(|_, value| !value.is_null());
        claims
    }

    fn token(&self, username: &str, changes: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &self.claims(username, changes), &self.key).unwrap()
    }

    /// Asks for the role with the token, and with these fields besides.
    async fn ask(&self, token: &str, role: &str, fields: &[(&str, &str)]) -> Answer {
        let usual = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", "a-job"),
            ("WebIdentityToken", token),
        ];
        let form: Vec<_> = usual.iter().chain(fields).collect();
        self.post(&form).await
    }

    async fn post(&self, form: &[&(&str, &str)]) -> Answer {
        let url = self.sky.world.up_file().s3.clone();
        let answer = self.sky.http.post(url).form(form).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/xml");
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_leases_by_the_surveys_role_and_reads_until_its_owner_is_removed() {
    let it = Sky::start().await;
    let token = it.token("bob", &json!({}));
    let answer = it.ask(&token, READERS, &[]).await;
    let keys = answer.credentials();
    let sub = it.sky.caller("bob").id.sub;
    for part in [
        format!("<SubjectFromWebIdentityToken>{sub}<"),
        "arn:aws:sts:::assumed-role/skykey-m13-readers/a-job".to_owned(),
        format!("<Provider>{}<", it.sky.world.up_file().iam),
    ] {
        assert!(answer.body.contains(&part), "{part}: {}", answer.body);
    }
    assert_eq!(it.sky.send(&keys, "GET", LIST, "").await.0, 200);
    assert_eq!(it.sky.send(&keys, "PUT", "/m13/x", "x").await.0, 403);
    assert_eq!(
        it.sky.send(&keys, "GET", "/other?list-type=2", "").await.0,
        403
    );
    let audit = it.sky.newest_audit().await;
    assert_eq!(
        (audit.action.as_str(), audit.username.as_str()),
        ("issue", "bob")
    );
    assert_eq!(audit.method.as_deref(), Some("gateway"));
    // It cannot renew itself.
    let (status, body) = it
        .sky
        .send(&keys, "POST", "/", "Action=GetSessionToken")
        .await;
    assert_eq!(status, 403, "{body}");

    let directory = it.sky.world.directory().unwrap();
    let readers = "m13/readers".parse().unwrap();
    directory.remove_from_group(&sub, &readers).await.unwrap();
    it.ask(&token, READERS, &[])
        .await
        .refused(403, "AccessDenied", "ask to join m13/readers");
    it.sky.world.broker().watch_once().await.unwrap();
    assert_eq!(it.sky.send(&keys, "GET", LIST, "").await.0, 403);
    directory.add_to_group(&sub, &readers).await.unwrap();
    it.ask(&token, READERS, &[]).await.credentials();
    directory.set_active(&sub, false).await.unwrap();
    it.ask(&token, READERS, &[])
        .await
        .refused(403, "AccessDenied", "not active");
    it.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_access_token_of_the_iam_counts() {
    let it = Sky::start().await;
    let now = it.sky.clock.now().as_second();
    let wrong = "InvalidIdentityToken";
    for (changes, code, word) in [
        (
            json!({ "iss": "https://elsewhere.example/" }),
            wrong,
            "another issuer",
        ),
        (
            json!({ "aud": "another-service" }),
            wrong,
            "another service",
        ),
        (json!({ "aud": "jupyterhub" }), wrong, "another service"),
        (
            json!({ "exp": now - 61 }),
            "ExpiredTokenException",
            "has expired",
        ),
        (json!({ "exp": null }), wrong, "cannot be read"),
        (json!({ "nbf": now + 600 }), wrong, "not begun"),
        // Ours, and another client's.
        (
            json!({ "aud": "skykey-portal", "at_hash": "x", "nonce": "x" }),
            wrong,
            "id token",
        ),
        (
            json!({ "aud": "skykey-cli", "at_hash": "x", "scope": null }),
            wrong,
            "id token",
        ),
        (
            json!({ "aud": "jupyterhub", "nonce": "x", "scope": null }),
            wrong,
            "id token",
        ),
    ] {
        let answer = it.ask(&it.token("bob", &changes), READERS, &[]).await;
        answer.refused(400, code, word);
    }
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = it.claims("bob", &json!({}));
    let unsigned = |alg: &str, signature: &str| {
        let header = json!({ "alg": alg, "kid": it.kid });
        format!("{}.{}.{signature}", encoded(&header), encoded(&claims))
    };
    let good = it.token("bob", &json!({}));
    let signature = good.rsplit('.').next().unwrap();
    let of_another_key = {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(it.kid.clone());
        let key = EncodingKey::from_secret(b"the public key, for example");
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    for token in [
        unsigned("none", ""),
        unsigned("HS256", signature),
        of_another_key,
        good.replace(signature, &"A".repeat(signature.len())),
        "garbage".to_owned(),
        String::new(),
    ] {
        let answer = it.ask(&token, READERS, &[]).await;
        answer.refused(400, wrong, "an access token of the IAM");
        assert!(token.is_empty() || !answer.body.contains(&token));
    }
    // The file that it came from may end with a newline.
    it.ask(&format!("{good}\n"), READERS, &[])
        .await
        .credentials();
    it.sky.clock.advance(SignedDuration::from_secs(3661));
    let answer = it.ask(&good, READERS, &[]).await;
    answer.refused(400, "ExpiredTokenException", "write a fresh one");
    it.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_says_the_survey_and_how_far_and_nobody_gets_further_than_their_groups() {
    let it = Sky::start().await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|who| it.token(who, &json!({})));
    let denied = "AccessDenied";
    for (token, role, word) in [
        (&alice, READERS, "not a member of m13/readers"),
        (&bob, CURATORS, "not a member of m13/curators"),
        (
            &bob,
            "arn:aws:iam:::role/skykey-m13",
            "no survey has the role",
        ),
        (
            &bob,
            "arn:aws:iam::1:role/skykey-m13-readers",
            "no survey has the role",
        ),
        (&bob, "m13", "no survey has the role"),
        (
            &bob,
            "arn:aws:iam:::role/skykey-ec2-only-readers",
            "does not offer",
        ),
    ] {
        it.ask(token, role, &[]).await.refused(403, denied, word);
    }
    let reason =
        |entry: &skykey_broker::AuditEntry| entry.reason.contains("no survey has the role");
    let audit = it
        .sky
        .world
        .broker()
        .database()
        .audit_trail(20)
        .await
        .unwrap();
    assert_eq!(audit.iter().filter(|entry| reason(entry)).count(), 3);
    // A curator requests it by the role's name, and reads by the other.
    let writes = it.ask(&carol, CURATORS, &[]).await.credentials();
    assert_eq!(it.sky.send(&writes, "PUT", "/m13/x", "x").await.0, 200);
    let reads = it.ask(&carol, READERS, &[]).await.credentials();
    assert_eq!(it.sky.send(&reads, "PUT", "/m13/x", "x").await.0, 403);
    assert_eq!(it.sky.send(&reads, "GET", LIST, "").await.0, 200);
    it.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lasts_as_long_as_the_survey_lets_it() {
    let it = Sky::start().await;
    let bob = it.token("bob", &json!({}));
    let short = "arn:aws:iam:::role/skykey-short-readers";
    for (role, asked, lasts) in [
        (READERS, None, 3600),
        (READERS, Some("43200"), 43200),
        (short, None, 3600),
        (short, Some("900"), 900),
    ] {
        let asked: Vec<_> = asked
            .iter()
            .map(|asked| ("DurationSeconds", *asked))
            .collect();
        let keys = it.ask(&bob, role, &asked).await.credentials();
        let left = keys.expiration.unwrap().duration_since(it.sky.clock.now());
        // By way of STS it is the machine's clock that counts.
        assert!(
            (left.as_secs() - lasts).abs() < 10,
            "{role} {asked:?}: {left}"
        );
    }
    for (role, asked, word) in [
        (READERS, "43201", "3600 to 43200"),
        (READERS, "3599", "3600 to 43200"),
        (READERS, "0", "3600 to 43200"),
        (READERS, "1h", "plain digits"),
        (READERS, "", "plain digits"),
        (short, "899", "900 to 43200"),
    ] {
        let answer = it.ask(&bob, role, &[("DurationSeconds", asked)]).await;
        answer.refused(400, "ValidationError", word);
    }
    it.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_policy_narrows_and_what_cannot_be_kept_is_refused() {
    let it = Sky::start().await;
    let bob = it.token("bob", &json!({}));
    let policy = |place: &str| {
        let place: skykey_types::Prefix = place.parse().unwrap();
        skykey_sts::session_policy(&skykey_types::Rights::to(
            &[place],
            skykey_types::Access::Write,
        ))
    };
    let narrow = policy("m13/images/");
    let wide = policy("other/");
    for (role, policy, all, part) in [
        (READERS, &narrow, 403, 200),
        (READERS, &wide, 403, 403),
        ("arn:aws:iam:::role/skykey-short-readers", &narrow, 403, 403),
    ] {
        let keys = it
            .ask(&bob, role, &[("Policy", policy)])
            .await
            .credentials();
        assert_eq!(it.sky.send(&keys, "GET", LIST, "").await.0, all, "{role}");
        let (status, _) = it
            .sky
            .send(&keys, "GET", "/m13?list-type=2&prefix=images%2F", "")
            .await;
        assert_eq!(status, part, "{role}");
        assert_eq!(it.sky.send(&keys, "PUT", "/m13/images/x", "x").await.0, 403);
        assert_eq!(
            it.sky.send(&keys, "GET", "/other?list-type=2", "").await.0,
            403
        );
    }
    let long = "x".repeat(2049);
    for (name, value, code) in [
        ("Policy", "{}", "MalformedPolicyDocument"),
        ("Policy", long.as_str(), "PackedPolicyTooLarge"),
        (
            "PolicyArns.member.1.arn",
            "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
            "ValidationError",
        ),
        ("ProviderId", "www.amazon.com", "ValidationError"),
        ("RoleArn", CURATORS, "ValidationError"),
    ] {
        it.ask(&bob, READERS, &[(name, value)])
            .await
            .refused(400, code, "");
    }
    let whole = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", READERS),
        ("RoleSessionName", "a-job"),
        ("WebIdentityToken", bob.as_str()),
    ];
    for missing in 1..whole.len() {
        let form: Vec<_> = whole
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != missing)
            .map(|(_, pair)| pair)
            .collect();
        it.post(&form)
            .await
            .refused(400, "ValidationError", whole[missing].0);
    }
    for session in ["", "a", "a b", "a/b", &"a".repeat(65)] {
        let mut form = whole;
        form[2].1 = session;
        it.post(&form.iter().collect::<Vec<_>>()).await.refused(
            400,
            "ValidationError",
            "RoleSessionName has 2 to 64",
        );
    }
    it.sky.world.stop().await;
}

/// Checking a token costs time; a client that sends many wrong ones is refused for a minute. A
/// token that has ended, and is brought again and again, counts once.
#[tokio::test(flavor = "multi_thread")]
async fn many_different_wrong_tokens_shut_an_address_out_for_a_minute() {
    let it = Sky::start().await;
    let ended = it.token("bob", &json!({ "exp": 1 }));
    let good = it.token("bob", &json!({}));
    for _ in 0..310 {
        it.ask(&ended, READERS, &[])
            .await
            .refused(400, "ExpiredTokenException", "");
    }
    for number in 0..299 {
        let token = it.token("bob", &json!({ "aud": format!("service-{number}") }));
        it.ask(&token, READERS, &[])
            .await
            .refused(400, "InvalidIdentityToken", "another service");
    }
    it.ask(&good, READERS, &[])
        .await
        .refused(429, "Throttling", "try again in a minute");
    it.sky.clock.advance(SignedDuration::from_secs(60));
    it.ask(&good, READERS, &[]).await.credentials();
    it.sky.world.stop().await;
}

/// Nobody can say whether the token is good: AWS's SDKs try again.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_iam_is_away_nothing_is_leased() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    skykey_seal::write_private(&secret, b"secret").unwrap();
    let secret = secret.display();
    let sky = TestWorld::start_with(&format!(
        "[iam]\nissuer = \"http://127.0.0.1:1/\"\nclient_id = \"skykey\"\nclient_secret = {{ file = \"{secret}\" }}\n\
         [keystone]\nurl = \"http://127.0.0.1:1/v3\"\nbackend_user = {{ name = \"b\", password = {{ file = \"{secret}\" }} }}\n\
         admin_user = {{ name = \"a\", project = \"p\", password = {{ file = \"{secret}\" }} }}\n\
         [[survey]]\nname = \"m13\"\nmethods = [\"gateway\"]\n"
    ))
    .await;
    let it = Sky {
        key: EncodingKey::from_secret(b""),
        kid: String::new(),
        sky,
    };
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "kid": "k" }).to_string());
    for token in [&format!("{header}.e30.AAAA"), "opaque"] {
        let answer = it.ask(token, READERS, &[]).await;
        answer.refused(400, "IDPCommunicationError", "try again in a few minutes");
    }
    it.sky.world.stop().await;
}
