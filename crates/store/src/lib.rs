//! Objects in buckets on this machine's disk, behind one narrow trait, [`ObjectStore`].
//!
//! It knows nothing of HTTP, of S3's XML, or of people and their rights.
//!
//! What always holds:
//! - An acknowledged write is durable, and so is an acknowledged deletion.
//! - An object is replaced as a whole or not at all; a reader reads one version of it from the first
//!   byte to the last.
//! - On a full disk writes fail with [`StoreError::Full`] and leave nothing behind; reads and
//!   deletions work.
//! - After a failed sync nothing is written any more ([`StoreError::Poisoned`]); reads work.
//! - Memory holds of each object its key and 56 bytes. Attributes stay on the disk.
//! - Every call of a [`FileStore`] to the file system goes through a [`Disk`](disk::Disk), which
//!   tests replace.

pub mod disk;
mod error;
mod file_store;
mod import;
mod listing;
mod object;
mod read;
mod store;
mod upload;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use error::{ErrorKind, StoreError};
pub use file_store::FileStore;
pub use import::{Imported, import};
pub use listing::{After, Item, Page, common_prefix};
pub use object::{
    Attributes, BucketInfo, Entry, MAX_KEY_BYTES, ObjectInfo, Precondition, Source, check_key,
};
pub use read::Object;
pub use store::{Bytestream, ObjectStore, ObjectWriter};
pub use upload::{Completion, MAX_PARTS, MIN_PART_BYTES, PartInfo, UploadId, UploadInfo};
