//! Private files, replaced as a whole and durable when the call returns.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use skykey_types::random_token;

/// The end of a temporary file's name, and the length of the random part before it.
const TEMPORARY_SUFFIX: &str = ".new";
const RANDOM_CHARS: usize = 8;
/// The age at which a temporary file is left over.
const LEFTOVER_AGE: Duration = Duration::from_hours(1);

/// Replaces `path` by `bytes`, mode 0600: a reader sees the old content or the new, never a part,
/// and after a crash one of the two is there.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Room::take(path, 0)?.fill(bytes)
}

/// Reserved space on the disk beside a file, for data that must not get lost because the disk is full.
/// Reserve it before the data is requested. Dropped without [`fill`](Self::fill), it is released.
#[derive(Debug)]
pub struct Room {
    path: PathBuf,
    fresh: PathBuf,
    file: File,
}

impl Room {
    /// Reserves `length` bytes to replace the file at `path`.
    pub fn take(path: &Path, length: usize) -> io::Result<Self> {
        let mut name = path
            .file_name()
            .ok_or_else(|| io::Error::other("the path names no file"))?
            .to_owned();
        sweep(path, &name);
        // A unique name: another process may write the same file now.
        name.push(format!(".{}{TEMPORARY_SUFFIX}", random_token(RANDOM_CHARS)));
        let fresh = path.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        let mut room = Self {
            path: path.to_owned(),
            fresh,
            file,
        };
        if length > 0 {
            // Written, not only reserved. (A file system that compresses, or copies on write, reserves nothing.)
            room.file.write_all(&vec![0; length])?;
            room.file.sync_all()?;
        }
        Ok(room)
    }

    /// Writes `bytes` and replaces the file: durable, mode 0600.
    pub fn fill(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(bytes)?;
        self.file.set_len(bytes.len() as u64)?;
        self.file.sync_all()?;
        fs::rename(&self.fresh, &self.path)?;
        let folder = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(folder)?.sync_all()
    }
}

/// Removes temporary files of killed processes, which may contain secrets or zeros.
fn sweep(path: &Path, name: &OsStr) {
    let Some(start) = name.to_str().map(|name| format!("{name}.")) else {
        return;
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let Ok(files) = fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return;
    };
    for file in files.flatten() {
        let known = file.file_name();
        let random = known.to_str().and_then(|known| {
            let rest = known.strip_prefix(&start)?;
            rest.strip_suffix(TEMPORARY_SUFFIX)
        });
        let ours = random.is_some_and(|random| {
            let alphabet = |b| matches!(b, b'A'..=b'Z' | b'2'..=b'7');
            random.len() == RANDOM_CHARS && random.bytes().all(alphabet)
        });
        let age = || file.metadata().ok()?.modified().ok()?.elapsed().ok();
        if ours && age().is_some_and(|age| age > LEFTOVER_AGE) {
            let _ = fs::remove_file(file.path());
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Filled, it has its right name, and there is nothing of this one.
        let _ = fs::remove_file(&self.fresh);
    }
}

/// Reads `path`, or returns `None` if it does not exist.
pub fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_is_replaced_whole_and_for_one_pair_of_eyes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.json");
        assert_eq!(read_private(&path).unwrap(), None);
        let others = dir.path().join("secret.json.new");
        fs::write(&others, "somebody else's").unwrap();
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read_private(&path).unwrap().unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_to_string(&others).unwrap(), "somebody else's");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_a_killed_process_left_goes_when_it_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("login.json");
        let at = |name: &str| dir.path().join(name);
        let old = std::time::SystemTime::now() - LEFTOVER_AGE * 2;
        for name in [
            "login.json.ABCDEFG2.new",
            "login.json.new",
            "login.json.mine-too.new",
        ] {
            fs::write(at(name), "x").unwrap();
            File::options()
                .write(true)
                .open(at(name))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
        fs::write(at("login.json.ABCDEFG3.new"), "x").unwrap();
        write_private(&path, b"y").unwrap();
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let kept = [
            "login.json",
            "login.json.ABCDEFG3.new",
            "login.json.mine-too.new",
            "login.json.new",
        ];
        assert_eq!(names, kept);
    }

    #[test]
    fn room_that_is_not_filled_is_given_back_and_filled_it_is_as_long_as_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("login.json");
        write_private(&path, b"before").unwrap();
        drop(Room::take(&path, 4096).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read_private(&path).unwrap().unwrap(), b"before");
        Room::take(&path, 4096).unwrap().fill(b"after").unwrap();
        assert_eq!(read_private(&path).unwrap().unwrap(), b"after");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
