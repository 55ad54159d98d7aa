//! A real Keystone and a real Ceph, if `SKYKEY_REALSTACK` names the `stack.json` of one
//! (`tests/realstack/up` and `tests/realstack/wire --role`). Without it what needs them is left out.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use skykey::config::Config;
use skykey_site::{ApplyOptions, apply};
use skykey_types::{AccessKeyId, Credentials, Secret};
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

const VARIABLE: &str = "SKYKEY_REALSTACK";

/// The test that sweeps the backend user's strays runs alone.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The stack, as its own file tells of it. One test has it at a time.
pub(crate) struct Stack {
    facts: Value,
    _alone: MutexGuard<'static, ()>,
}

impl Stack {
    #[expect(
        clippy::print_stderr,
        reason = "the person who runs the tests should know"
    )]
    pub(crate) async fn open() -> Option<Self> {
        let Some(path) = std::env::var_os(VARIABLE) else {
            eprintln!("left out: {VARIABLE} names no stack.json of a running tests/realstack/up");
            return None;
        };
        let facts = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let alone = ALONE.lock().await;
        Some(Self {
            facts,
            _alone: alone,
        })
    }

    /// A text of the file, by its JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let found = self.facts.pointer(pointer);
        let text = found.and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("stack.json has no {pointer}"))
            .to_owned()
    }

    pub(crate) fn keystone(&self) -> Url {
        self.text("/keystone").parse().unwrap()
    }

    pub(crate) fn rgw(&self) -> Url {
        self.text("/rgw").parse().unwrap()
    }

    pub(crate) fn password(&self, user: &str) -> Secret {
        let path = self.text(&format!("/users/{user}/password_file"));
        Secret::new(std::fs::read_to_string(path).unwrap().trim_end())
    }

    /// The gateway's own user.
    pub(crate) fn operator(&self) -> Credentials {
        let path = self.text("/rgw_admin/keys_file");
        let keys: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Credentials {
            access_key_id: AccessKeyId::new(keys["access"].as_str().unwrap()),
            secret_access_key: Secret::new(keys["secret"].as_str().unwrap()),
            session_token: None,
            expiration: None,
        }
    }

    /// The sections `[keystone]` and `[echo]`, and the survey `m13`, as a site would write them, with the
    /// secrets in files of `folder`.
    pub(crate) fn sections(&self, folder: &Path, keystone: &Url, echo: &Url) -> String {
        for (file, secret) in [
            ("backend", self.password("skykey")),
            ("admin", self.password("skykey-admin")),
            ("operator", self.operator().secret_access_key),
        ] {
            secret_file(&folder.join(file), &secret);
        }
        let operator = self.operator().access_key_id;
        let role = self.text("/surveys/0/role");
        format!(
            r#"
[keystone]
url = "{keystone}"
backend_user = {{ name = "skykey", password = {{ file = "backend" }} }}
admin_user = {{ name = "skykey-admin", password = {{ file = "admin" }}, project = "service" }}

[echo]
endpoint = "{echo}"
admin = {{ access_key_id = "{operator}", secret_access_key = {{ file = "operator" }} }}

[[survey]]
name = "m13"
prefixes = ["m13/"]
methods = ["sts-lite", "assume-role"]
roles = {{ read = "{role}" }}
"#
        )
    }

    /// Brings the survey's site into order, as an operator would.
    pub(crate) async fn put_in_order(&self, folder: &Path) {
        let config: PathBuf = folder.join("apply.toml");
        let sections = self.sections(folder, &self.keystone(), &self.rgw());
        std::fs::write(&config, sections).unwrap();
        let site = Config::real_site(&config).unwrap();
        let options = ApplyOptions {
            surveys: Vec::new(),
            dry_run: false,
        };
        apply(site, options).await.unwrap();
    }
}

/// A file that only its owner can read.
pub(crate) fn secret_file(path: &Path, secret: &Secret) {
    std::fs::write(path, secret.expose()).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
