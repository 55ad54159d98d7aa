//! Objects over S3, as a person reads them: listed page by page, read on where a connection broke,
//! copied to this machine under their right name whole or not at all, and, by whoever may, put
//! there. It is no general client of S3: every operation here is one that a person at a terminal
//! needs. It decides nothing about rights and prints nothing. What always holds: credentials are
//! asked for anew before each request, and once more when the store refuses them, so that a lease
//! may end in the middle; what is read on is the object that was begun (its ETag says so); size and,
//! where the ETag is one, MD5 are compared before a file gets its name; a file that is there is
//! replaced only on demand; a key never leads out of the folder it is copied to.

mod address;
mod copy;
mod download;
mod error;
mod etag;
mod keys;
mod list;
mod local;
mod ops;
mod part;
mod reading;
mod store;
mod upload;

pub use address::{ObjectAddress, ParseAddressError};
pub use copy::{Copied, CopyOptions, Progress, Silent, Tally};
pub use download::Outcome;
pub use error::ObjectError;
pub use etag::ETag;
pub use keys::{Keys, NoKeys};
pub use list::{Entry, Lister, Page};
pub use reading::Reading;
pub use store::{Objects, ObjectsSettings};
