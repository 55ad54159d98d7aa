//! Where the files are.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use skykey_seal::Room;
use url::form_urlencoded;

use crate::{ClientError, Identity, Portal};

/// The folder of everything that is kept for a person: `$XDG_STATE_HOME/skykey` or
/// `~/.local/state/skykey` (XDG Base Directory Specification 0.8).
#[derive(Debug, Clone)]
pub struct Places(PathBuf);

impl Places {
    /// In `folder`, which need not be there yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Where the environment says. `variable` reads it.
    pub fn of_environment(
        variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Self, ClientError> {
        let absolute = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| Some(absolute("HOME")?.join(".local/state")))
            .ok_or(ClientError::Homeless)?;
        Ok(Self(state.join("skykey")))
    }

    /// The portals that a login is kept for.
    pub fn portals(&self) -> Result<Vec<Portal>, ClientError> {
        let folder = self.0.join("portals");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ClientError::file("read", &folder, &error)),
        };
        let mut portals: Vec<Portal> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("login.json").is_file())
            .filter_map(|entry| named(entry.file_name().to_str()?))
            .collect();
        portals.sort();
        Ok(portals)
    }

    pub(crate) fn folder(&self, portal: &Portal) -> Folder {
        let name: String = form_urlencoded::byte_serialize(portal.to_string().as_bytes()).collect();
        let path = self.0.join("portals").join(name);
        Folder {
            leases: path.join("leases"),
            path,
        }
    }

    /// Returns the lock that is held while the files of other tools change.
    pub fn setup_lock(&self) -> PathBuf {
        self.0.join("setup.lock")
    }

    /// Where an agent of this machine has its files; machines may share a home.
    pub fn agent(&self, machine: &str) -> PathBuf {
        self.0.join("agent").join(machine)
    }
}

/// The portal whose folder has this name.
fn named(folder: &str) -> Option<Portal> {
    let (portal, _) = form_urlencoded::parse(folder.as_bytes()).next()?;
    portal.parse().ok()
}

/// What is kept for one portal.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    leases: PathBuf,
}

impl Folder {
    /// The same with the leases of that identity.
    pub(crate) fn of(&self, identity: &Identity) -> Self {
        let whose = match identity.folder() {
            None => self.path.clone(),
            Some(name) => self.path.join(name),
        };
        Self {
            path: self.path.clone(),
            leases: whose.join("leases"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn login(&self) -> PathBuf {
        self.path.join("login.json")
    }

    pub(crate) fn login_lock(&self) -> PathBuf {
        self.path.join("login.lock")
    }

    /// `name` tells one wish from another and is fit for a file name.
    pub(crate) fn lease(&self, name: &str) -> PathBuf {
        self.leases.join(format!("{name}.json"))
    }

    /// The wishes of which something is kept.
    pub(crate) fn lease_names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.leases).into_iter().flatten().flatten();
        files
            .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
            .collect()
    }

    pub(crate) fn lease_lock(&self, name: &str) -> PathBuf {
        self.leases.join(format!("{name}.lock"))
    }

    /// Makes the folders, for their owner alone.
    pub(crate) fn make(&self) -> Result<(), ClientError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.leases)
            .map_err(|error| ClientError::file("make", &self.leases, &error))?;
        // Somebody else's umask or copy may have opened it.
        let owner_only = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&self.path, owner_only)
            .map_err(|error| ClientError::file("make", &self.path, &error))
    }

    /// Removes the login and the leases, of every identity.
    pub(crate) fn clear(&self) -> Result<(), ClientError> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ClientError::file("remove", &self.path, &error))
            }
            _ => Ok(()),
        }
    }
}

/// As long as a login or a lease with its tokens usually is, and longer: in bytes.
const LENGTH: usize = 16 << 10;

/// A JSON file, or `None` if it is not there. One that cannot be understood is an error that says
/// which file it is and nothing of its content.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ClientError> {
    let bytes =
        skykey_seal::read_private(path).map_err(|error| ClientError::file("read", path, &error))?;
    let Some(bytes) = bytes else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|_| ClientError::Spoilt(path.to_owned()))
}

/// Reserves room for a JSON file of any usual length, before the request whose response it will
/// hold.
pub(crate) fn room(path: &Path) -> Result<Room, ClientError> {
    Room::take(path, LENGTH).map_err(|error| ClientError::file("write", path, &error))
}

/// Replaces the JSON file, mode 0600, for which there is room.
pub(crate) fn fill(room: Room, path: &Path, content: &impl Serialize) -> Result<(), ClientError> {
    let bytes = serde_json::to_vec_pretty(content).expect("what is kept is plain data");
    room.fill(&bytes)
        .map_err(|error| ClientError::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where() {
        let places = |state: &str, home: &str| {
            let (state, home) = (state.to_owned(), home.to_owned());
            Places::of_environment(move |name| match name {
                "XDG_STATE_HOME" if !state.is_empty() => Some(state.clone().into()),
                "HOME" if !home.is_empty() => Some(home.clone().into()),
                _ => None,
            })
            .map(|places| places.0)
        };
        assert_eq!(places("/s", "/h").unwrap(), Path::new("/s/skykey"));
        assert_eq!(
            places("", "/h").unwrap(),
            Path::new("/h/.local/state/skykey")
        );
        // The specification has relative paths ignored.
        assert_eq!(
            places("s", "/h").unwrap(),
            Path::new("/h/.local/state/skykey")
        );
        assert!(matches!(places("", ""), Err(ClientError::Homeless)));
    }

    #[test]
    fn a_folder_names_its_portal() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::at(dir.path());
        assert_eq!(places.portals().unwrap(), []);
        let portal: Portal = "https://sky.example:8443/a%20b/".parse().unwrap();
        let folder = places.folder(&portal);
        folder.make().unwrap();
        assert_eq!(places.portals().unwrap(), []);
        fill(room(&folder.login()).unwrap(), &folder.login(), &1).unwrap();
        assert_eq!(places.portals().unwrap(), [portal]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.path), mode(&folder.login())), (0o700, 0o600));
        folder.clear().unwrap();
        folder.clear().unwrap();
        assert_eq!(places.portals().unwrap(), []);
    }
}
