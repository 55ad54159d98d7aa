//! No secret is where it does not belong: leases are issued, renewed, revoked and fail in every way while
//! all that skykey logs is kept, at its most talkative; then the log and every file of the state
//! directory are searched for every secret that went over any wire.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use skykey_types::SignedDuration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::fault_proxy::Fault;
use crate::faults::{Site, both};

both! {
    no_secret_is_in_a_log_or_a_file
}

/// What the whole process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The log of this process from the first call on; tests run at once, so it is everybody's.
fn log() -> Log {
    static LOG: std::sync::OnceLock<Log> = std::sync::OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let all = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("info,skykey=trace"))
            .with_ansi(false)
            .with_writer(log.clone());
        all.init();
        log
    })
    .clone()
}

async fn no_secret_is_in_a_log_or_a_file(mut site: Site) {
    let log = log();
    // A real Ceph's leases end by the machine's time, of which the stories are ahead.
    site.lifetime = 43200;
    let mut secrets = BTreeSet::new();
    let methods: &[&'static str] = match site.stack {
        None => &["sts-lite", "assume-role", "ec2"],
        Some(_) => &["sts-lite", "assume-role"],
    };
    let mut stories = vec![
        Fault::Pass,
        Fault::ResetAfter,
        Fault::Truncated,
        Fault::page(200),
    ];
    if site.stack.is_none() {
        stories.extend([
            Fault::FailsAfter(500),
            Fault::wrong_json(),
            Fault::page(403),
        ]);
    }
    for fault in stories {
        site.grow_cold().await;
        let (token, refresh) = site.login("bob").await;
        let caller = site.caller("bob");
        site.world
            .broker()
            .logged_in(&caller.id, &refresh)
            .await
            .unwrap();
        secrets.insert(token.expose().to_owned());
        secrets.insert(refresh.expose().to_owned());
        site.heal();
        site.keystone.rule("POST", "", fault.clone(), 4);
        site.echo.rule("POST", "", fault.clone(), 4);
        site.iam.rule("POST", "", fault, 2);
        for method in methods.iter().cycle().take(8) {
            let answer = site.ask_with(&token, method).await;
            if answer.status == 201 {
                let credentials = answer.credentials();
                secrets.insert(credentials.secret_access_key.expose().to_owned());
                secrets.extend(
                    credentials
                        .session_token
                        .map(|token| token.expose().to_owned()),
                );
            }
        }
        site.world.broker().watch_once().await.unwrap();
        site.heal();
        // Long enough for every breaker.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        site.clock.advance(SignedDuration::from_secs(60));
        site.world.broker().watch_once().await.unwrap();
    }
    let id = site.caller("bob").id;
    let leases = site.world.broker().leases(&id).await.unwrap();
    assert!(leases.len() > 8, "the stories were told: {}", leases.len());
    site.lease("bob", "sts-lite").await;
    let bob = site.stand_ins.directory.by_username("bob").unwrap().sub;
    let readers = "m13/readers".parse().unwrap();
    let directory = site.stand_ins.directory.clone();
    directory.remove_from_group(&bob, &readers).await.unwrap();
    assert!(site.world.broker().watch_once().await.unwrap().revoked > 0);

    for proxy in [&site.iam, &site.keystone, &site.echo] {
        secrets.append(&mut proxy.secrets());
    }
    let passwords = &site.passwords;
    for password in [
        &passwords.portal,
        &passwords.backend,
        &passwords.admin,
        &passwords.people,
    ] {
        secrets.insert(password.expose().to_owned());
    }
    assert!(
        secrets.len() > 30,
        "only {} secrets were seen",
        secrets.len()
    );
    let state = site.folder.path().join("state");
    search(&state, &secrets, "while it runs");
    let folder = site.stop_and_keep().await;
    search(&state, &secrets, "when it has stopped");
    drop(folder);
    let text = log.0.lock().unwrap();
    let bob = BTreeSet::from(["bob".to_owned()]);
    assert!(
        find(&text, &bob).is_some(),
        "it logs, and what is there is found"
    );
    let found = find(&text, &secrets);
    assert!(found.is_none(), "the log: {}", found.unwrap_or_default());
}

/// No file of `folder` holds any of them.
fn search(folder: &Path, secrets: &BTreeSet<String>, when: &str) {
    let mut folders = vec![folder.to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    assert!(files.iter().any(|file| file.ends_with("broker.db")));
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let found = find(&bytes, secrets);
        let shown = file.display();
        assert!(
            found.is_none(),
            "{shown}, {when}: {}",
            found.unwrap_or_default()
        );
    }
}

/// What stands around the first that is found, without it.
fn find(text: &[u8], secrets: &BTreeSet<String>) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let found = secrets
        .iter()
        .find(|secret| text.contains(secret.as_str()))?;
    let at = text.find(found.as_str())?;
    let before: String = text[..at].chars().rev().take(200).collect();
    let before: String = before.chars().rev().collect();
    Some(format!("{before}[a secret of {} characters]", found.len()))
}
