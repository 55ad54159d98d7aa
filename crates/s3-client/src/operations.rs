//! The operations, a file each, named as the operation: what is requested, and what is read out of
//! its answer. A function `request` writes the request; what the caller may add (conditions, a
//! range, checksums) are methods of [`Request`](crate::Request). Functions that read an answer
//! return an error in words when it is not the operation's; [`Request::unexpected`](crate::Request::unexpected)
//! makes an [`S3Error`](crate::S3Error) of them.

pub mod abort_multipart_upload;
pub mod complete_multipart_upload;
pub mod copy_object;
pub mod create_bucket;
pub mod create_multipart_upload;
pub mod delete_bucket;
pub mod delete_object;
pub mod delete_objects;
pub mod get_bucket_policy;
pub mod get_object;
pub mod get_user;
pub mod get_user_policy;
pub mod head_object;
pub mod list_buckets;
pub mod list_objects_v2;
pub mod list_user_policies;
pub mod modify_user;
pub mod put_bucket_policy;
pub mod put_object;
pub mod put_user_policy;
mod rgw_user;
pub mod upload_part;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

pub use rgw_user::{OpMask, RgwUser};

/// The length of the body, in bytes, by its header.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The version that an answer is about, in a bucket that has versions. Of a deletion it is the
/// delete marker's.
pub fn version_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-version-id")?.to_str().ok()
}
