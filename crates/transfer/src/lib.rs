//! Objects and files: objects are listed page by page, read on where a connection broke, copied to
//! this machine under their right name whole or not at all, and, where the lease allows it, put into
//! the store. The requests are `s3-client`'s; here is what many of them together do. It decides
//! nothing about rights and prints nothing. What always holds: credentials are asked for anew before
//! each request, and once more when the store refuses them, so that a lease may end in the middle;
//! reading continues with the same object (its ETag says so); size and, where the ETag is one,
//! MD5 are compared before a file gets its name; a file that is there is replaced only on demand; a key
//! never leads out of the folder it is copied to; files are worked on by threads that may block.

mod copy;
mod disk;
mod download;
mod error;
mod list;
mod local;
mod objects;
mod part;
mod reading;
mod upload;
mod writer;

pub use copy::{Copied, CopyOptions, Progress, Silent, Tally};
pub use download::Downloaded;
pub use error::ObjectError;
pub use list::Lister;
pub use objects::{Objects, ObjectsSettings};
pub use reading::Reading;
pub use skykey_s3_client::operations::list_objects_v2::{Entry, Page};
pub use skykey_s3_client::{
    CredentialsProvider, ETag, NoCredentials, ObjectAddress, ParseAddressError,
};
