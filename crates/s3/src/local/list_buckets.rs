//! [ListBuckets](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html), cut to what
//! the caller may see.

use http::Response;

use super::Local;
use super::listing::limit;
use super::time::in_xml;
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;
use crate::xml::Writer;

/// The most buckets of a page.
const MAX_BUCKETS: usize = 10_000;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let principal = request.principal;
    let prefix = request.parameter("prefix").unwrap_or_default();
    // The token is the name that the last page ended with.
    let after = request.parameter("continuation-token").unwrap_or_default();
    let limit = limit("max-buckets", request, MAX_BUCKETS)?;
    let other_region = request
        .parameter("bucket-region")
        .is_some_and(|region| region != local.region);
    let buckets = local.store.buckets().await?;
    let mut seen: Vec<_> = buckets
        .into_iter()
        .filter(|bucket| {
            let name = bucket.name.as_str();
            principal.rights.see(name) && name.starts_with(prefix) && name > after && !other_region
        })
        .collect();
    let truncated = seen.len() > limit;
    seen.truncate(limit);
    let mut xml = Writer::rooted("ListAllMyBucketsResult");
    xml.open("Owner");
    xml.text("ID", principal.survey.as_str());
    xml.text("DisplayName", principal.survey.as_str());
    xml.close("Owner");
    xml.open("Buckets");
    for bucket in &seen {
        xml.open("Bucket");
        xml.text("Name", bucket.name.as_str());
        xml.text("CreationDate", &in_xml(bucket.created));
        xml.text("BucketRegion", &local.region);
        xml.close("Bucket");
    }
    xml.close("Buckets");
    if let Some(last) = seen.last().filter(|_| truncated) {
        xml.text("ContinuationToken", last.name.as_str());
    }
    xml.optional("Prefix", request.parameter("prefix"));
    Ok(answer::xml(xml.end("ListAllMyBucketsResult")))
}
