//! `skykey doctor` at a running world: all well when all is, the cause and the remedy when something is
//! not, and nothing left behind.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skykey::doctor::{DoctorOptions, Source};
use skykey_site::doctor::{Check, Report, examine};

use crate::world::TestWorld;

/// Keystone's word about EC2 credentials is not kept, so that a deleted one is refused at once.
const CONFIG: &str =
    "[ec2]\nkept = \"0s\"\n[[survey]]\nname = \"m13\"\n[[survey]]\nname = \"other\"\n";

async fn doctor(source: Source) -> Report {
    let options = DoctorOptions {
        source,
        patient: false,
    };
    examine(options.examination().unwrap()).await.unwrap()
}

fn check<'r>(report: &'r Report, name: &str) -> &'r Check {
    let found = report.checks.iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check {name} in {report:#?}"))
}

/// Which checks failed, leaving out what could not be done.
fn failed(report: &Report) -> Vec<&str> {
    let failed = report.checks.iter();
    failed
        .filter(|check| !check.ok && !check.is_skipped())
        .map(|check| check.name.as_str())
        .collect()
}

/// What a running skykey says of itself, with something wrong in it.
struct Copy(tempfile::TempDir);

impl Copy {
    fn of(sky: &TestWorld) -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        for name in ["up.json", "secrets.json"] {
            std::fs::copy(sky.state().join(name), copy.path(name)).unwrap();
        }
        copy
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Value)) -> Source {
        let path = self.path(name);
        let mut value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        write(&path, &value.to_string());
        Source::State(self.0.path().to_owned())
    }

    fn secret(&self, name: &str) -> Source {
        self.change("secrets.json", |secrets| {
            let mut secrets = secrets.as_array_mut().unwrap().iter_mut();
            let found = secrets.find(|pair| pair[0] == name).unwrap();
            found[1] = json!("hunter2");
        })
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// The access keys of the backend user's EC2 credentials, by Keystone's word.
async fn backend_credentials(sky: &TestWorld) -> Vec<String> {
    let secrets: Vec<(String, String)> =
        serde_json::from_slice(&std::fs::read(sky.state().join("secrets.json")).unwrap()).unwrap();
    let (_, password) = secrets
        .iter()
        .find(|(name, _)| name == "keystone-backend")
        .unwrap();
    let keystone = &sky.world.up_file().keystone;
    let login = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": "skykey", "domain": {"name": "Default"}, "password": password,
        }}},
        "scope": {"project": {"name": "m13-ro", "domain": {"name": "Default"}}},
    }});
    let answer = sky.http.post(format!("{keystone}/auth/tokens"));
    let answer = answer.json(&login).send().await.unwrap();
    let token = answer.headers()["x-subject-token"].clone();
    let body: Value = answer.json().await.unwrap();
    let user = body["token"]["user"]["id"].as_str().unwrap();
    let list = sky
        .http
        .get(format!("{keystone}/users/{user}/credentials/OS-EC2"))
        .header("x-auth-token", token);
    let list: Value = list.send().await.unwrap().json().await.unwrap();
    let credentials = list["credentials"].as_array().unwrap().iter();
    let mut keys: Vec<String> = credentials
        .map(|key| key["access"].as_str().unwrap().to_owned())
        .collect();
    keys.sort();
    keys
}

/// The credentials that the running skykey has of its own: one for the readers of each survey, which its
/// first proof makes.
async fn settled(sky: &TestWorld) -> Vec<String> {
    for _ in 0..200 {
        let keys = backend_credentials(sky).await;
        if keys.len() == 2 {
            return keys;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the running skykey has not proved its surveys")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_at_a_running_skykey_and_nothing_stays_behind() {
    let sky = TestWorld::start_with(CONFIG).await;
    let before = settled(&sky).await;
    let report = doctor(Source::State(sky.state())).await;
    assert!(report.is_well(), "{report:#?}");
    assert_eq!(report.complaint(), None);
    assert_eq!(backend_credentials(&sky).await, before);

    let names: Vec<&str> = report.checks.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        (names[0], names.last().copied()),
        ("iam-reachable", Some("nothing-left-behind"))
    );
    for name in [
        "iam-groups",
        "keystone-backend-roles",
        "echo-sts-token-altered",
        "survey-other-read-only",
        "way-3-sts-lite",
        "way-3-assume-role",
        "way-3-gateway",
    ] {
        check(&report, name);
    }
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), names.len(), "a name twice: {names:?}");
    let deleted = check(&report, "echo-ec2-deleted");
    assert!(deleted.found.starts_with("refused after"), "{deleted:?}");
    let again = doctor(Source::State(sky.state())).await;
    let order: Vec<&str> = again.checks.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(order, names, "the order is fixed");
    let told = serde_json::to_value(&report).unwrap();
    assert_eq!(told["checks"][0]["name"], "iam-reachable");
    // The one that runs was not disturbed.
    sky.lease("bob", "sts-lite", "3600", "read").await;
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_secret_is_named_once_and_what_depends_on_it_is_not_tried() {
    let sky = TestWorld::start_with(CONFIG).await;
    let before = settled(&sky).await;
    let report = doctor(Copy::of(&sky).secret("portal-client")).await;
    assert_eq!(failed(&report), ["iam-client"], "{report:#?}");
    let client = check(&report, "iam-client");
    assert!(client.remedy.as_ref().unwrap().contains("client_secret"));
    let scim = check(&report, "iam-scim");
    assert_eq!(scim.found, "skipped: the IAM does not know the client");
    assert!(!scim.ok && scim.remedy.is_none());

    let report = doctor(Copy::of(&sky).secret("keystone-backend")).await;
    assert_eq!(failed(&report), ["keystone-backend-login"], "{report:#?}");
    let login = check(&report, "keystone-backend-login");
    assert!(login.found.contains("401"), "{login:?}");
    assert!(
        login
            .remedy
            .as_ref()
            .unwrap()
            .contains("[keystone.backend_user]")
    );
    for skipped in [
        "keystone-ec2",
        "echo-ec2",
        "echo-sts",
        "survey-m13-listed",
        "way-4-renewal",
        "echo-ec2-deleted",
    ] {
        let check = check(&report, skipped);
        assert_eq!(
            check.found, "skipped: the backend user cannot log in",
            "{skipped}"
        );
    }
    let complaint = report.complaint().unwrap();
    assert!(
        complaint.ends_with("begin with keystone-backend-login"),
        "{complaint}"
    );

    let report = doctor(Copy::of(&sky).secret("keystone-endpoint")).await;
    assert_eq!(failed(&report), ["keystone-admin"], "{report:#?}");
    let told = serde_json::to_string(&report).unwrap();
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(backend_credentials(&sky).await, before);
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_or_a_group_that_is_not_there_is_named() {
    let sky = TestWorld::start_with(CONFIG).await;
    let before = settled(&sky).await;
    let copy = Copy::of(&sky);
    let config = copy.path("skykey.toml");
    let nowhere = format!("{CONFIG}project = \"nowhere\"\nreaders = [\"lost/readers\"]\n");
    std::fs::write(&config, nowhere).unwrap();
    let source = copy.change("up.json", |up| up["config"] = json!(config));
    let report = doctor(source).await;
    assert_eq!(
        failed(&report),
        ["iam-groups", "keystone-backend-roles"],
        "{report:#?}"
    );
    let groups = check(&report, "iam-groups");
    assert!(
        groups.found.contains("lost/readers (of the survey other)"),
        "{groups:?}"
    );
    let roles = check(&report, "keystone-backend-roles");
    assert!(
        roles.found.contains("there is no project nowhere"),
        "{roles:?}"
    );
    // The other survey is looked at all the same.
    assert!(check(&report, "survey-m13-read-only").ok);
    let other = check(&report, "survey-other-read-only");
    assert!(
        other.found.contains("not a member of the project nowhere"),
        "{other:?}"
    );
    assert!(check(&report, "way-1-ec2").is_skipped());
    assert_eq!(backend_credentials(&sky).await, before);
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_not_there_is_named() {
    let sky = TestWorld::start_with(CONFIG).await;
    let before = settled(&sky).await;
    // A port that was free a moment ago.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for (field, name, path, key) in [
        ("iam", "iam-reachable", "", "[iam] issuer"),
        ("keystone", "keystone-reachable", "v3", "[keystone] url"),
        ("s3", "echo-reachable", "", "[echo] endpoint"),
    ] {
        let copy = Copy::of(&sky);
        let source = copy.change("up.json", |up| {
            up[field] = json!(format!("http://127.0.0.1:{port}/{path}"));
        });
        let report = doctor(source).await;
        assert_eq!(failed(&report), [name], "{report:#?}");
        let remedy = check(&report, name).remedy.as_ref().unwrap();
        assert!(remedy.contains(key), "{remedy}");
    }
    assert_eq!(backend_credentials(&sky).await, before);
    sky.world.stop().await;
}

#[tokio::test]
async fn without_a_running_skykey_it_says_what_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("skykey.toml");
    std::fs::write(&config, CONFIG).unwrap();
    for (source, says) in [
        (
            Source::State(dir.path().to_owned()),
            "no 'skykey up' runs on that state",
        ),
        (Source::Config(config), "give --state DIR instead"),
    ] {
        let options = DoctorOptions {
            source,
            patient: false,
        };
        let error = options.examination().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
