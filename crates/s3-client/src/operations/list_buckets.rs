//! [ListBuckets](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html).

use http::Method;
use skykey_upstream::Answer;

use crate::Request;
use crate::xml::{element, elements};

/// The user that credentials are of, and the buckets that it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketList {
    /// The user: a project's id, or with `rgw_keystone_implicit_tenants` `ID$ID`.
    pub owner: String,
    /// The names of its buckets.
    pub buckets: Vec<String>,
}

/// Lists the buckets of the credentials' project. Ceph's gateway makes a project's user when it
/// first answers a request of the project.
pub fn request() -> Request {
    Request::at("list buckets", Method::GET, "/")
}

/// The owner and the buckets.
pub fn buckets(answer: &Answer) -> Result<BucketList, &'static str> {
    let text = answer.text();
    let owner = element(&text, "Owner").and_then(|owner| element(&owner, "ID"));
    let (true, Some(owner)) = (text.contains("<ListAllMyBucketsResult"), owner) else {
        return Err("it is no list of buckets; is this the address of its S3 endpoint?");
    };
    let buckets = elements(&text, "Bucket")
        .filter_map(|bucket| element(&bucket, "Name"))
        .collect();
    Ok(BucketList { owner, buckets })
}
