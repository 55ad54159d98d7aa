//! The agent's own files: `agent.env` for shells, `bearer` for SDKs that read it from a file, `address` for
//! the next agent here, `lock` for one agent at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use skykey_types::Secret;
use tokio::time::{Duration, Instant, sleep};

/// What group and others may do, in a file's mode.
const OTHERS: u32 = 0o077;

/// How long a starting agent waits for one that is stopping.
const AGENT_STOP_TIMEOUT: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The folder of an agent.
pub(super) struct Folder {
    path: PathBuf,
}

/// That a folder is taken, while it lives.
pub(super) struct Taken(
    #[expect(dead_code, reason = "the lock is as long as the file is open")] File,
);

/// Returns whether the folder holds more than what a file system creates by itself.
fn holds_more(path: &Path) -> anyhow::Result<bool> {
    let files = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut names = files.flatten().map(|file| file.file_name());
    Ok(names.any(|name| name != "lost+found"))
}

impl Folder {
    /// Makes the folder and takes it; another agent's is refused, and one that is another person's.
    pub(super) async fn take(path: PathBuf) -> anyhow::Result<(Self, Taken)> {
        let path = std::path::absolute(path).context("the agent's folder")?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        let owner = fs::metadata(&path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .uid();
        // Root's may be a volume that was mounted for us.
        if owner != us() && owner != 0 {
            bail!(
                "{} belongs to another user ({owner}), who could put a bearer there; choose another folder with --folder",
                path.display()
            );
        }
        let at = path.join("lock");
        if !at.exists() && holds_more(&path)? {
            bail!(
                "{} is not an agent's folder: it contains other files; name an empty one with --folder",
                path.display()
            );
        }
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&at)
            .with_context(|| format!("cannot open {}", at.display()))?;
        let patience = Instant::now() + AGENT_STOP_TIMEOUT;
        while let Err(error) = lock.try_lock() {
            let TryLockError::Error(error) = error else {
                if Instant::now() < patience {
                    sleep(LOOK_EVERY).await;
                    continue;
                }
                let mut pid = String::new();
                let _ = lock.read_to_string(&mut pid);
                bail!(
                    "an agent (process {}) has {} already; use it by 'skykey agent env', stop it, or choose another folder with --folder",
                    pid.trim(),
                    path.display()
                );
            };
            return Err(error).with_context(|| format!("cannot lock {}", at.display()));
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .with_context(|| format!("cannot write {}", at.display()))?;
        let folder = Self { path };
        // Of an agent that was killed.
        folder.remove_env()?;
        Ok((folder, Taken(lock)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Holds what `Authorization` must be, without a line break.
    pub(super) fn bearer(&self) -> PathBuf {
        self.path.join("bearer")
    }

    /// Where the last agent here listened, and its bearer, if nobody else can have put it there or read it.
    pub(super) fn door(&self) -> anyhow::Result<Option<(SocketAddr, Secret)>> {
        let path = self.bearer();
        match fs::symlink_metadata(&path) {
            Ok(found) => {
                let is_ours = found.is_file() && found.uid() == us() && found.mode() & OTHERS == 0;
                if !is_ours {
                    return Ok(None);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
        let read = |path: &Path| -> anyhow::Result<String> {
            let text = skykey_seal::read_private(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            Ok(String::from_utf8(text.unwrap_or_default()).unwrap_or_default())
        };
        let bearer = read(&path)?;
        let address = read(&self.path.join("address"))?.trim().parse();
        // Anything else is not what an agent wrote: a new one is made.
        Ok(match address {
            Ok(address) if bearer.len() >= 40 && !bearer.chars().any(char::is_control) => {
                Some((address, Secret::new(bearer)))
            }
            _ => None,
        })
    }

    pub(super) fn keep_door(&self, address: SocketAddr, bearer: &Secret) -> anyhow::Result<()> {
        // A bearer without its address is not used again.
        self.write("address", "")?;
        self.write("bearer", bearer.expose())?;
        self.write("address", &address.to_string())
    }

    pub(super) fn write_env(&self, text: &str) -> anyhow::Result<()> {
        self.write("agent.env", text)
    }

    pub(super) fn remove_env(&self) -> anyhow::Result<()> {
        let path = self.path.join("agent.env");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        skykey_seal::write_private(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// An agent's folder, seen by another process.
pub(super) struct Seen(pub(super) PathBuf);

impl Seen {
    /// Whether an agent has it now.
    pub(super) fn is_running(&self) -> bool {
        File::open(self.0.join("lock"))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// `agent.env`, once the agent has had its first credentials.
    pub(super) fn env(&self) -> anyhow::Result<Option<String>> {
        let path = self.0.join("agent.env");
        let bytes = skykey_seal::read_private(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        bytes
            .map(String::from_utf8)
            .transpose()
            .with_context(|| format!("{} is not text", path.display()))
    }

    /// Where the agent listens.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let text = fs::read_to_string(self.0.join("address")).ok()?;
        text.trim().parse().ok()
    }
}

fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn one_agent_a_folder_and_everything_in_it_for_one_pair_of_eyes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent");
        let seen = Seen(path.clone());
        assert!(!seen.is_running());
        let (folder, taken) = Folder::take(path.clone()).await.unwrap();
        assert!(seen.is_running());
        let address = "127.0.0.1:4000".parse().unwrap();
        let bearer = Secret::new(format!("Bearer {}", "x".repeat(48)));
        folder.keep_door(address, &bearer).unwrap();
        folder.write_env("export A='b'\n").unwrap();
        assert_eq!(mode(&path), 0o700);
        for name in ["lock", "bearer", "address", "agent.env"] {
            assert_eq!(mode(&path.join(name)), 0o600, "{name}");
        }
        assert_eq!(seen.env().unwrap().as_deref(), Some("export A='b'\n"));
        assert_eq!(seen.address(), Some(address));
        let Err(error) = Folder::take(path.clone()).await else {
            panic!("two agents in one folder");
        };
        let pid = std::process::id();
        assert!(
            error.to_string().contains(&format!("process {pid}")),
            "{error}"
        );
        drop(taken);
        assert!(!seen.is_running());
        let (next, _taken) = Folder::take(path).await.unwrap();
        assert_eq!(next.door().unwrap(), Some((address, bearer)));
        assert_eq!(seen.env().unwrap(), None, "a killed agent's is gone");
    }

    #[tokio::test]
    async fn a_bearer_that_somebody_else_can_read_or_has_written_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, _taken) = Folder::take(dir.path().join("agent")).await.unwrap();
        let address = "127.0.0.1:4000".parse().unwrap();
        let bearer = Secret::new(format!("Bearer {}", "x".repeat(48)));
        let keep = || folder.keep_door(address, &bearer).unwrap();
        keep();
        let path = folder.bearer();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(folder.door().unwrap(), None);
        for spoilt in ["", "short", &format!("{}\n", bearer.expose())] {
            keep();
            fs::write(&path, spoilt).unwrap();
            assert_eq!(folder.door().unwrap(), None, "{spoilt:?}");
        }
        keep();
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert_eq!(folder.door().unwrap(), None);
        keep();
        assert!(folder.door().unwrap().is_some());
        fs::write(dir.path().join("agent/address"), "elsewhere").unwrap();
        assert_eq!(folder.door().unwrap(), None);
    }
}
