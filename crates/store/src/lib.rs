//! Objects in buckets on this machine's disk, behind one narrow trait, [`ObjectStore`]. It knows
//! nothing of HTTP, of S3's XML, or of people and their rights. What always holds: what was
//! acknowledged is on the disk, an object is replaced as a whole or not at all, and whoever reads
//! an object reads one version of it from the first byte to the last.

mod error;
mod file_store;
mod import;
mod object;
mod store;
mod upload;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use error::StoreError;
pub use file_store::FileStore;
pub use import::{Imported, import};
pub use object::{
    Attributes, BucketInfo, MAX_KEY_BYTES, ObjectInfo, Precondition, Source, check_key,
};
pub use store::{After, Body, Bytestream, ObjectStore, ObjectWriter, Opened};
pub use upload::{Completion, MAX_PARTS, MIN_PART_BYTES, PartInfo, UploadId, UploadInfo};
