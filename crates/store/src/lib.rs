//! Objects in buckets on this machine's disk, behind one narrow trait, [`ObjectStore`]. It knows
//! nothing of HTTP, of S3's XML, or of people and their rights. What always holds: what was
//! acknowledged is on the disk, an object is replaced as a whole or not at all, and whoever reads
//! an object reads one version of it from the first byte to the last.

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
