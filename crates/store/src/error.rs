//! What can go wrong, with what a person needs to know about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such bucket.
    #[error("there is no bucket '{bucket}'")]
    NoSuchBucket {
        /// What was asked for.
        bucket: String,
    },
    /// There is no such object (only from [`copy`](crate::ObjectStore::copy): a read says `None`).
    #[error("there is no object '{key}' in bucket '{bucket}'")]
    NoSuchKey {
        /// The bucket.
        bucket: String,
        /// What was asked for.
        key: String,
    },
    /// There is no such upload for this key, or it was completed or aborted.
    #[error(
        "there is no upload '{upload}' for this key: it never was, was completed, or was aborted"
    )]
    NoSuchUpload {
        /// What was asked for.
        upload: String,
    },
    /// The key is longer than 1,024 bytes.
    #[error("a key of {length} bytes is too long: at most 1024 bytes of UTF-8")]
    KeyTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The key cannot be a key.
    #[error("not a key: {why}")]
    InvalidKey {
        /// What is wrong with it.
        why: &'static str,
    },
    /// What must hold for the write does not.
    #[error("the precondition does not hold: {}", match current { Some(etag) => format!("the object exists with ETag {etag}"), None => "there is no such object".to_owned() })]
    PreconditionFailed {
        /// The ETag of the object as it is; `None` if there is none.
        current: Option<String>,
    },
    /// Part numbers go from 1 to 10,000.
    #[error("{number} is not a part number: 1 to 10000")]
    InvalidPartNumber {
        /// What was given.
        number: u16,
    },
    /// A part that was never uploaded, or whose ETag is another; number 0 if no part was named.
    #[error("part {number} was not uploaded, or its ETag is another")]
    InvalidPart {
        /// The part that was named.
        number: u16,
    },
    /// The parts of a completion do not ascend.
    #[error("part {number} is out of order: part numbers must ascend")]
    InvalidPartOrder {
        /// The first part that does not come after the one before it.
        number: u16,
    },
    /// A part other than the last has less than 5 MiB.
    #[error("part {number} has {size} bytes: every part but the last needs at least 5242880")]
    PartTooSmall {
        /// The part.
        number: u16,
        /// Its size in bytes.
        size: u64,
    },
    /// The attributes of an object take more than the store keeps for one.
    #[error("the object's attributes take {size} bytes: at most 1048576")]
    AttributesTooLarge {
        /// Their size in bytes, as the store writes them.
        size: usize,
    },
    /// The disk, or the quota of the user that the program runs as, is full. Nothing was stored;
    /// reads and deletions still work, and writes do again once there is room.
    #[error(
        "the disk is full: cannot {action} {} ({source}); delete something or add space, then try again",
        .path.display()
    )]
    Full {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system answered: `ENOSPC`, `EDQUOT` or `EFBIG`.
        source: io::Error,
    },
    /// An object's file is not what was written.
    #[error("{} is damaged: {why}; restore it from a backup, or delete the object", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk failed to make something durable. What it lost cannot be known while the program
    /// runs, so nothing is written any more.
    #[error(
        "the store takes no writes since the disk failed ({cause}): check the disk, then restart"
    )]
    Poisoned {
        /// What failed first.
        cause: String,
    },
    /// Another process has the store open.
    #[error("{} is in use by another process: stop it first", .path.display())]
    InUse {
        /// The store's directory.
        path: PathBuf,
    },
    /// The directory holds something that this version cannot read.
    #[error("{} is not a store that this version reads: {found}", .path.display())]
    UnknownFormat {
        /// The file that says so.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// A file name that cannot become a key, since keys are UTF-8.
    #[error("the name of {} is not UTF-8, so it cannot be a key: rename it", .path.display())]
    NameNotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it answered.
        source: io::Error,
    },
}

/// Who or what a [`StoreError`] is down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be right: asking again gives the same answer.
    Input,
    /// The request is right, but not for what the store holds at this moment.
    Refused,
    /// There is no room for what should be written.
    Full,
    /// The store takes no writes, or another process has it.
    Unavailable,
    /// Something is wrong with the disk, its files or the program.
    Internal,
}

impl StoreError {
    /// Who or what the error is down to.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::KeyTooLong { .. }
            | Self::InvalidKey { .. }
            | Self::InvalidPartNumber { .. }
            | Self::InvalidPart { .. }
            | Self::InvalidPartOrder { .. }
            | Self::PartTooSmall { .. }
            | Self::AttributesTooLarge { .. }
            | Self::NameNotUtf8 { .. } => ErrorKind::Input,
            Self::NoSuchBucket { .. }
            | Self::NoSuchKey { .. }
            | Self::NoSuchUpload { .. }
            | Self::PreconditionFailed { .. } => ErrorKind::Refused,
            Self::Full { .. } => ErrorKind::Full,
            Self::Poisoned { .. } | Self::InUse { .. } => ErrorKind::Unavailable,
            Self::UnknownFormat { .. } | Self::Damaged { .. } | Self::Io { .. } => {
                ErrorKind::Internal
            }
        }
    }

    /// For `map_err`: what was tried, on what. [`Full`](Self::Full) if there is no room for it.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full {
                action,
                path,
                source,
            },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}
