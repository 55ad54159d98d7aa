//! The operations that are served, a file each, named as S3 names them.

mod abort_multipart_upload;
mod complete_multipart_upload;
mod condition;
mod copy_object;
mod create_multipart_upload;
mod delete_object;
mod delete_objects;
mod get_object;
mod get_object_attributes;
mod head_bucket;
mod head_object;
mod list_buckets;
mod list_multipart_uploads;
mod list_objects;
mod list_parts;
mod listing;
mod put_object;
mod range;
mod upload_part;
mod upload_part_copy;
mod words;

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectInput,
    GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput,
    PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};
use skykey_broker::Principal;
use skykey_store::ObjectStore;

use crate::access::deny;

/// What the operations work on.
#[derive(Clone)]
pub(crate) struct Operations {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) region: String,
}

/// Who asks; the table has put it there.
fn principal<T>(request: &S3Request<T>) -> S3Result<Arc<Principal>> {
    request
        .extensions
        .get::<Arc<Principal>>()
        .cloned()
        .ok_or_else(|| deny("the request is not signed"))
}

macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident = $($path:ident)::+;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                $($path)::+(self, request).await
            })*
        }
    };
}

operations! {
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = abort_multipart_upload::answer;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = complete_multipart_upload::answer;
    copy_object(CopyObjectInput) -> CopyObjectOutput = copy_object::answer;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = create_multipart_upload::answer;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = delete_object::answer;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = delete_objects::answer;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = head_bucket::location;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = head_bucket::versioning;
    get_object(GetObjectInput) -> GetObjectOutput = get_object::answer;
    get_object_attributes(GetObjectAttributesInput) -> GetObjectAttributesOutput = get_object_attributes::answer;
    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput = head_object::tagging;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = head_bucket::answer;
    head_object(HeadObjectInput) -> HeadObjectOutput = head_object::answer;
    list_buckets(ListBucketsInput) -> ListBucketsOutput = list_buckets::answer;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = list_multipart_uploads::answer;
    list_objects(ListObjectsInput) -> ListObjectsOutput = list_objects::v1;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = list_objects::v2;
    list_parts(ListPartsInput) -> ListPartsOutput = list_parts::answer;
    put_object(PutObjectInput) -> PutObjectOutput = put_object::answer;
    upload_part(UploadPartInput) -> UploadPartOutput = upload_part::answer;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = upload_part_copy::answer;
}
