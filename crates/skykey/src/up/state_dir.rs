//! The state directory: one process at a time, and the secrets that are made once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use skykey_seal::{read_private, write_private};
use skykey_types::{Secret, random_token};
use zeroize::Zeroizing;

/// A state directory that is ours until we end.
pub(super) struct StateDir {
    root: PathBuf,
    /// Held for as long as the process lives; the system lets go of it even after kill -9.
    _lock: File,
}

impl StateDir {
    /// Makes the directory if it is not there (mode 0700), locks it, keeps others out of it, and takes
    /// `up.json` away.
    pub(super) fn open(root: &Path) -> anyhow::Result<Self> {
        let shown = root.display();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .with_context(|| {
                format!("cannot make the state directory {shown}; choose another with --state DIR")
            })?;
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(root.join("lock"))
            .with_context(|| {
                format!(
                    "cannot write into the state directory {shown}; choose another with --state DIR"
                )
            })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another skykey is using the state directory {shown}; stop it, or choose another with --state DIR"
                )
            }
            Err(TryLockError::Error(error)) => {
                return Err(error)
                    .with_context(|| format!("cannot lock the state directory {shown}"));
            }
        }
        let state = Self {
            root: root.to_owned(),
            _lock: lock,
        };
        keep_others_out(root)?;
        // That of a process that was killed names nothing that answers.
        state.remove_up_file()?;
        Ok(state)
    }

    /// A path inside it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A folder inside it, made if it is not there.
    pub(super) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Takes `up.json` away: whoever finds it may believe that what it names answers.
    pub(super) fn remove_up_file(&self) -> anyhow::Result<()> {
        let path = self.path("up.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// The secrets of this state directory, made the first time.
    pub(super) fn secrets(&self) -> anyhow::Result<Secrets> {
        let path = self.path(SECRETS_FILE);
        let mut file = SecretsFile::read(&path)?.unwrap_or_default();
        let mut made = false;
        let mut secrets = Secrets(Vec::new());
        for name in NAMES {
            let known = file.0.iter().find(|(found, _)| found == name);
            let secret = if let Some((_, secret)) = known {
                secret.to_string()
            } else {
                made = true;
                let secret = random_token(24).to_lowercase();
                file.0
                    .push((name.to_owned(), Zeroizing::new(secret.clone())));
                secret
            };
            secrets.0.push((name, Secret::new(secret)));
        }
        if made {
            let text = Zeroizing::new(serde_json::to_vec_pretty(&file)?);
            write_private(&path, &text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(secrets)
    }
}

/// Takes a directory that was there already away from others' eyes. One that is somebody else's stays
/// as it is: what is in it is for its owner alone all the same.
fn keep_others_out(root: &Path) -> anyhow::Result<()> {
    let shown = root.display();
    let mode = fs::metadata(root)
        .with_context(|| format!("cannot look at {shown}"))?
        .permissions()
        .mode();
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    let was = format!("{:o}", mode & 0o777);
    match fs::set_permissions(root, fs::Permissions::from_mode(mode & 0o7700)) {
        Ok(()) => {
            tracing::warn!(state = %shown, %was, "the state directory was open to others; it is mode 0700 now");
        }
        Err(error) => {
            tracing::warn!(state = %shown, mode = %was, %error, "the state directory is open to others, and \
            not ours to close; give it to the user that skykey runs as, and run chmod 700 on it");
        }
    }
    Ok(())
}

/// Passwords and client secrets, by name.
pub(crate) struct Secrets(Vec<(&'static str, Secret)>);

const SECRETS_FILE: &str = "secrets.json";
const NAMES: [&str; 8] = [
    "portal-client",
    "hub-client",
    "keystone-endpoint",
    "keystone-backend",
    "alice",
    "bob",
    "carol",
    "olive",
];

impl Secrets {
    /// Those of a state directory that somebody else has, as they are: nothing is locked, made or changed.
    pub(super) fn peek(root: &Path) -> anyhow::Result<Self> {
        let path = root.join(SECRETS_FILE);
        let shown = path.display();
        let Some(file) = SecretsFile::read(&path)? else {
            bail!("{shown} is not there; --state DIR is the state directory of a 'skykey up'");
        };
        let find = |name: &'static str| {
            let found = file.0.iter().find(|(found, _)| found == name);
            let (_, secret) = found.with_context(|| {
                format!("{shown} has no '{name}'; it was made by another version, start 'skykey up' on it once")
            })?;
            Ok((name, Secret::new(secret.as_str())))
        };
        NAMES
            .into_iter()
            .map(find)
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// The secret of that name.
    pub(super) fn of(&self, name: &str) -> Secret {
        let found = self.0.iter().find(|(found, _)| *found == name);
        found
            .expect("only names from the list above are asked for")
            .1
            .clone()
    }
}

#[derive(Default, Serialize, Deserialize)]
struct SecretsFile(Vec<(String, Zeroizing<String>)>);

impl SecretsFile {
    /// What is in the file; nothing if there is none.
    fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let shown = path.display();
        let bytes = read_private(path)
            .with_context(|| format!("cannot read {shown}"))?
            .map(Zeroizing::new);
        let parsed = bytes.as_deref().map(|bytes| {
            serde_json::from_slice(bytes).with_context(|| {
                format!("{shown} is damaged; restore it, or start with a new --state DIR")
            })
        });
        parsed.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_that_others_may_look_into_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let mode = || fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let _state = StateDir::open(dir.path()).unwrap();
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn secrets_are_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("state");
        let first = StateDir::open(&root)
            .unwrap()
            .secrets()
            .unwrap()
            .of("alice");
        let again = StateDir::open(&root).unwrap().secrets().unwrap();
        assert_eq!(again.of("alice"), first);
        assert_ne!(again.of("bob"), first);
    }

    #[test]
    fn secrets_are_read_beside_their_owner_and_never_made() {
        let dir = tempfile::tempdir().unwrap();
        let error = Secrets::peek(dir.path()).err().unwrap().to_string();
        assert!(error.contains("secrets.json is not there"), "{error}");
        assert!(!dir.path().join("secrets.json").exists());
        let owner = StateDir::open(dir.path()).unwrap();
        let secrets = owner.secrets().unwrap();
        let peeked = Secrets::peek(dir.path()).unwrap();
        assert_eq!(peeked.of("olive"), secrets.of("olive"));
        write_private(&dir.path().join("secrets.json"), b"[]").unwrap();
        let error = Secrets::peek(dir.path()).err().unwrap().to_string();
        assert!(error.contains("another version"), "{error}");
    }

    #[test]
    fn a_second_process_is_told_to_stop_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let _first = StateDir::open(dir.path()).unwrap();
        let error = StateDir::open(dir.path()).err().unwrap().to_string();
        assert!(error.contains("another skykey is using"), "{error}");
    }
}
