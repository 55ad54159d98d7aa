//! The browser of this machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use url::Url;

/// A program that opens an address in the person's browser.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opener(PathBuf);

impl Opener {
    /// The one of this machine, if there is somebody in front of it: `$BROWSER`, or what the desktop has. None over
    /// ssh, whose windows, if it has any, are those of a browser far away.
    pub(super) fn find() -> Option<Self> {
        Self::of(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        if let Some(chosen) = variable("BROWSER") {
            // A list with colons, by custom; the first that is there.
            return env::split_paths(&chosen).find_map(|program| on_path(&path, &program));
        }
        let far_away = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"]
            .iter()
            .any(|name| variable(name).is_some());
        let windows = cfg!(target_os = "macos")
            || variable("WAYLAND_DISPLAY").is_some()
            || variable("DISPLAY").is_some();
        let program = if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        if far_away || !windows {
            return None;
        }
        on_path(&path, Path::new(program))
    }

    /// Whether it could be started. What it prints is not ours, and nobody waits for it.
    pub(super) fn open(&self, url: &Url) -> bool {
        Command::new(&self.0)
            .arg(url.as_str())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .is_ok()
    }
}

fn on_path(path: &OsStr, program: &Path) -> Option<Opener> {
    let is_program = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let mut places: Box<dyn Iterator<Item = PathBuf>> = if program.components().count() > 1 {
        Box::new(std::iter::once(program.to_owned()))
    } else {
        Box::new(env::split_paths(path).map(|folder| folder.join(program)))
    };
    places.find(is_program).map(Opener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_opened_where_somebody_sees_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            file
        };
        let (desktop, mine) = (program("xdg-open"), program("mine"));
        program("open");
        let found = |set: &[(&str, &str)]| {
            let set: Vec<(String, OsString)> = set
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).into()))
                .collect();
            let path = folder.path().as_os_str().to_owned();
            Opener::of(move |name| match name {
                "PATH" => Some(path.clone()),
                name => set
                    .iter()
                    .find(|(set, _)| set == name)
                    .map(|(_, value)| value.clone()),
            })
        };
        if cfg!(target_os = "linux") {
            assert_eq!(found(&[]), None);
            assert_eq!(found(&[("DISPLAY", ":0")]), Some(Opener(desktop.clone())));
            assert_eq!(
                found(&[("WAYLAND_DISPLAY", "wayland-0")]),
                Some(Opener(desktop))
            );
        }
        assert_eq!(found(&[("DISPLAY", ":0"), ("SSH_CONNECTION", "x")]), None);
        assert_eq!(found(&[("BROWSER", "none:mine")]), Some(Opener(mine)));
        assert_eq!(found(&[("BROWSER", "none"), ("DISPLAY", ":0")]), None);
    }
}
