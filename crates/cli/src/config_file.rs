//! Somebody else's configuration file, changed in our blocks only.

mod blocks;

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Which of our commands writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// `skykey setup`; the file keeps its permissions.
    Setup,
    /// `skykey agent`; the file is for its owner alone, since it holds credentials.
    Agent,
}

/// The file as it was read and as it will be.
pub(super) struct ConfigFile {
    by: By,
    path: PathBuf,
    /// `None` if there was no file.
    before: Option<String>,
    after: String,
}

/// Whether a line begins the section `heading`, as AWS's tools read it: blanks do not count, and words may be quoted.
fn same_section(line: &str, heading: &str) -> bool {
    let inner = line.trim().strip_prefix('[');
    let inner = inner.and_then(|inner| inner.split_once(']'));
    let Some((inner, _)) = inner else {
        return false;
    };
    let words = |text: &str| {
        let words = text.split_whitespace();
        let words = words.map(|word| word.trim_matches(['"', '\'']).to_owned());
        words.collect::<Vec<_>>()
    };
    words(inner) == words(heading)
}

impl ConfigFile {
    /// Returns whether the file has such a section outside skykey's block.
    pub(super) fn has_section(&self, heading: &str) -> bool {
        let ours = blocks::remove(&self.after, None);
        let others = ours.map_or_else(|_| self.after.clone(), |(others, _)| others);
        others.lines().any(|line| same_section(line, heading))
    }

    pub(super) fn open(path: PathBuf, by: By) -> anyhow::Result<Self> {
        // A file that lives elsewhere, as with dotfiles under version control, is changed there.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let before = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Ok(Self {
            by,
            after: before.clone().unwrap_or_default(),
            before,
            path,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn exists(&self) -> bool {
        self.before.is_some()
    }

    /// Whether there is anything to save.
    pub(super) fn is_changed(&self) -> bool {
        self.before.as_deref().unwrap_or_default() != self.after
    }

    /// The content, as it will be.
    pub(super) fn preview(&self) -> &str {
        &self.after
    }

    /// Writes the section `[heading]` for `name`, in place of our earlier one. A section of that heading
    /// that is not ours is an error.
    pub(super) fn put(&mut self, name: &str, heading: &str, body: &str) -> anyhow::Result<()> {
        let line = format!("[{heading}]");
        let others = blocks::others(&self.after, name).map_err(|no_end| self.spoilt(&no_end))?;
        if others.lines().any(|other| same_section(other, heading)) {
            bail!(
                "{} already has a section {line} that skykey did not write; choose another name with --profile",
                self.path.display()
            );
        }
        if others.starts_with("# Encrypted rclone configuration File") {
            bail!(
                "{} is encrypted; add the remote with 'rclone config'",
                self.path.display()
            );
        }
        self.after = blocks::put(&self.after, name, self.by, &format!("{line}\n{body}"))
            .map_err(|no_end| self.spoilt(&no_end))?;
        Ok(())
    }

    /// Whether there is anything beside our section of that name.
    pub(super) fn has_more_than(&self, name: &str) -> anyhow::Result<bool> {
        let others = blocks::others(&self.after, name).map_err(|no_end| self.spoilt(&no_end))?;
        Ok(!others.trim().is_empty())
    }

    /// Takes our sections out, or the one of that name; their names.
    pub(super) fn remove(&mut self, only: Option<&str>) -> anyhow::Result<Vec<String>> {
        let (after, removed) =
            blocks::remove(&self.after, only).map_err(|no_end| self.spoilt(&no_end))?;
        self.after = after;
        Ok(removed)
    }

    /// Replaces the file, with the permissions that it had; a file in which nothing is left goes.
    pub(super) fn save(&self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn write(&self) -> io::Result<()> {
        if self.after.is_empty() {
            return fs::remove_file(&self.path);
        }
        if let Some(folder) = self.path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let mode = match fs::metadata(&self.path) {
            Ok(known) if self.by == By::Setup => Some(known.permissions().mode()),
            _ => None,
        };
        skykey_seal::write_private(&self.path, self.after.as_bytes())?;
        match mode {
            Some(mode) => fs::set_permissions(&self.path, Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }

    fn spoilt(&self, no_end: &blocks::NoEnd) -> anyhow::Error {
        anyhow::anyhow!(
            "in {} the line '# <<< skykey {}' is missing, so the end of skykey's part is unknown; correct it by hand",
            self.path.display(),
            no_end.0
        )
    }
}
