//! The words of the configuration file that are not a type of the domain: durations, and where a
//! secret is.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skykey_types::{Secret, SignedDuration};
use zeroize::Zeroizing;

/// `"30s"`, `"5m"`, `"12h"`; never negative.
#[derive(Clone, Copy)]
pub(super) struct Duration(pub(super) SignedDuration);

impl Duration {
    /// At most what 32 bits hold, which is beyond every limit.
    pub(super) fn whole_seconds(self) -> u32 {
        u32::try_from(self.0.as_secs()).unwrap_or(u32::MAX)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<SignedDuration>() {
            Ok(duration) if !duration.is_negative() => Ok(Self(duration)),
            _ => Err(serde::de::Error::custom(format!(
                "'{text}' is not a duration; write for example \"30s\", \"5m\" or \"12h\""
            ))),
        }
    }
}

/// `{ file = "PATH" }` or `{ env = "NAME" }`: where a secret is. It is never in the configuration
/// itself, which people copy and show to each other.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected { file = \"PATH\" } or { env = \"NAME\" }"
)]
pub(super) enum SecretPlace {
    File(FilePlace),
    Env(EnvPlace),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilePlace {
    file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvPlace {
    env: String,
}

impl SecretPlace {
    /// The secret. A file lies beside the configuration unless its path is absolute, is for its
    /// owner's eyes only, and may end with a newline.
    pub(super) fn read(&self, what: &str, beside: &Path) -> Result<Secret, String> {
        let text = match self {
            Self::File(FilePlace { file }) => read_file(what, &beside.join(file))?,
            Self::Env(EnvPlace { env }) => {
                std::env::var(env).map(Zeroizing::new).map_err(|_| {
                    format!("{what}: the environment variable {env} is not set, or not text")
                })?
            }
        };
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(format!("{what} is empty"));
        }
        if secret.contains(['\r', '\n']) {
            return Err(format!(
                "{what}: {} holds {} lines; a secret is one line",
                self.shown(beside),
                secret.lines().count()
            ));
        }
        Ok(Secret::new(secret))
    }

    /// Where it is, for words about it.
    fn shown(&self, beside: &Path) -> String {
        match self {
            Self::File(FilePlace { file }) => beside.join(file).display().to_string(),
            Self::Env(EnvPlace { env }) => format!("the environment variable {env}"),
        }
    }
}

fn read_file(what: &str, path: &Path) -> Result<Zeroizing<String>, String> {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("{what}: cannot read {shown}: {error}");
    let mode = std::fs::metadata(path)
        .map_err(unreadable)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "{what}: {shown} can be read by others (mode {:o}); run: chmod 600 {shown}",
            mode & 0o777
        ));
    }
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(unreadable)
}

/// A word that another crate's type parses from text.
pub(super) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use skykey_seal::write_private;

    use super::*;

    #[test]
    fn a_secret_file_of_two_lines_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let read = |text: &str| {
            write_private(&path, text.as_bytes()).unwrap();
            let file = PathBuf::from("password");
            SecretPlace::File(FilePlace { file }).read("[x] password", dir.path())
        };
        assert_eq!(read("one\n").unwrap().expose(), "one");
        let error = read("one\n# of the test system\n").unwrap_err();
        assert_eq!(
            error,
            format!(
                "[x] password: {} holds 2 lines; a secret is one line",
                path.display()
            )
        );
    }
}
