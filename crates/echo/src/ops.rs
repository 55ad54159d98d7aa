//! The operations of S3, IAM, STS and the admin API that are asked here, a file each: the request,
//! and what is read out of its answer.

pub(crate) mod abort_multipart_upload;
pub(crate) mod copy_object;
pub(crate) mod create_bucket;
pub(crate) mod create_multipart_upload;
pub(crate) mod delete_bucket;
pub(crate) mod delete_object;
pub(crate) mod delete_objects;
pub(crate) mod get_bucket_policy;
pub(crate) mod get_object;
pub(crate) mod get_user;
pub(crate) mod get_user_policy;
pub(crate) mod head_object;
pub(crate) mod list_buckets;
pub(crate) mod list_objects;
pub(crate) mod list_user_policies;
pub(crate) mod malformed;
pub(crate) mod modify_user;
pub(crate) mod put_bucket_policy;
pub(crate) mod put_object;
pub(crate) mod put_user_policy;
pub(crate) mod renew;
pub(crate) mod upload_part;
