//! The crate's errors.

use std::io;
use std::path::PathBuf;

use skykey_types::GroupPath;

/// Why the stand-ins could not do something. What goes wrong in a request because of the request
/// is an answer of the protocol, not one of these.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// A state file cannot be read or written; nothing was changed.
    #[error("cannot use the state file {path}: {source}; check that it is yours and that its folder has room", path = .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A state file holds something else.
    #[error("the state file {path} is damaged ({why}); restore it from a backup, or remove it to start afresh", path = .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What the parser said.
        why: String,
    },
    /// Nobody has this `sub`.
    #[error("there is no person with the subject {0}")]
    NoSuchPerson(String),
    /// There is no group with this path.
    #[error("there is no group {0}")]
    NoSuchGroup(GroupPath),
    /// A seed cannot be used.
    #[error("the seed cannot be used: {0}")]
    Seed(String),
    /// The cryptographic library refused: a hash, a key, a signature.
    #[error("cannot {0}")]
    Crypto(String),
}
