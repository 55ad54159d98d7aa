//! The conformance suite on a certified OpenID provider that is not INDIGO: no SCIM, opaque access
//! tokens, rotating refresh tokens. It runs if `SKYKEY_OPENID_PROVIDER` names a copy of
//! `tests/openid-provider` in which `npm ci` was run.

mod browser;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use browser::Browser;
use serde_json::{Value, json};
use skykey_iam::{GroupsClaim, Iam, IamSettings, conformance};
use skykey_types::{Secret, SystemClock};
use skykey_upstream::UpstreamMetrics;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const SECRET: &str = "the client's secret of a test: 1";
const REDIRECT: &str = "http://127.0.0.1:9/callback";

struct Provider {
    dir: TempDir,
    iam: Iam,
    // It ends when these are dropped.
    _process: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// The provider with its people, or nothing if it is not installed.
    async fn start() -> Option<Self> {
        let Some(folder) = std::env::var_os("SKYKEY_OPENID_PROVIDER").map(PathBuf::from) else {
            #[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
            {
                eprintln!("left out: SKYKEY_OPENID_PROVIDER names no certified OpenID provider");
            }
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let people = dir.path().join("people.json");
        write(&people, &json!({}));
        let mut process = Command::new("node")
            .arg(folder.join("provider.mjs"))
            .arg("0")
            .arg(&people)
            .env("CLIENT_SECRET", SECRET)
            .env("REDIRECT_URI", REDIRECT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = lines.next_line().await.unwrap();
        let issuer = issuer.expect("the provider starts: is `npm ci` done in its folder?");
        let mut settings = IamSettings::new(issuer.parse().unwrap(), "skykey", Secret::new(SECRET));
        settings.groups = GroupsClaim::Claim("groups".to_owned());
        settings.scopes = vec!["groups".to_owned()];
        let redirect = REDIRECT.parse().unwrap();
        let metrics = UpstreamMetrics::default();
        let provider = Self {
            iam: Iam::new(settings, redirect, &metrics, Arc::new(SystemClock)).unwrap(),
            dir,
            _process: process,
            _output: lines,
        };
        provider.people(&json!({
            "ada": { "name": "Ada Lovelace", "groups": ["lsst/dr1", "ska"] },
            "eve": { "groups": [] },
        }));
        Some(provider)
    }

    fn people(&self, people: &Value) {
        write(&self.dir.path().join("people.json"), people);
    }
}

/// At once, so that the provider never reads half of it.
fn write(path: &std::path::Path, people: &Value) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, people.to_string()).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

#[tokio::test]
async fn a_certified_provider_conforms() {
    let Some(provider) = Provider::start().await else {
        return;
    };
    let iam = &provider.iam;
    let log_in = async |url| Browser::of("ada", REDIRECT).open(url).await;

    let offer = conformance::discovery(iam).await;
    assert!(!offer.scim);
    conformance::refuses_wrong_code(iam).await;
    conformance::refuses_a_code_of_another_login(iam, log_in).await;
    conformance::refuses_a_code_twice(iam, log_in).await;
    conformance::refuses_foreign_token(iam).await;
    conformance::device(iam, async |start| {
        Browser::of("ada", REDIRECT).approve(start).await;
    })
    .await;
    conformance::device_denied(iam, async |start| {
        Browser::of("ada", REDIRECT).deny(start).await;
    })
    .await;

    let login = conformance::login_with(iam, log_in).await;
    assert_eq!(
        (login.username.as_str(), login.name.as_str()),
        ("ada", "Ada Lovelace")
    );
    let other = conformance::login_with(iam, log_in).await;
    conformance::revocation(iam, &other).await;
    conformance::introspection(iam, &login).await;
    let groups = ["lsst/dr1", "ska"];
    conformance::userinfo(iam, &login.id, &login.access_token, &groups).await;
    let refreshed = conformance::refresh(iam, &login).await;
    provider.people(&json!({ "ada": { "groups": ["ska"] } }));
    conformance::userinfo(iam, &login.id, &refreshed.access_token, &["ska"]).await;
    let live = refreshed.refresh_token.or(login.refresh_token).unwrap();
    let remove = async || provider.people(&json!({}));
    conformance::no_longer_vouches(iam, &live, remove).await;
}
