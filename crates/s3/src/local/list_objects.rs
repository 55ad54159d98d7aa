//! [ListObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html), the first
//! version, which pages by key.

use http::Response;
use skykey_store::After;

use super::Local;
use super::listing::{Encoding, MAX_ENTRIES, limit};
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;
use crate::xml::Writer;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let delimiter = request.parameter("delimiter");
    let marker = request.parameter("marker");
    let limit = limit("max-keys", request, MAX_ENTRIES)?;
    let encoding = Encoding::of(request)?;
    // A marker that is a common prefix of an earlier page stands for all that is below it.
    let after = match (marker, delimiter) {
        (None, _) => After::Nothing,
        (Some(marker), Some(delimiter))
            if marker.len() > prefix.len() && marker.ends_with(delimiter) =>
        {
            After::Prefix(marker)
        }
        (Some(marker), _) => After::Key(marker),
    };
    let page = local
        .store
        .list(request.bucket, prefix, delimiter, after, limit)
        .await?;
    let mut xml = Writer::rooted("ListBucketResult");
    xml.text("Name", request.bucket);
    encoding.text(&mut xml, "Prefix", prefix);
    encoding.text(&mut xml, "Marker", marker.unwrap_or_default());
    encoding.optional(
        &mut xml,
        "NextMarker",
        page.last().filter(|_| page.truncated),
    );
    encoding.optional(&mut xml, "Delimiter", delimiter);
    xml.value("MaxKeys", limit);
    encoding.name(&mut xml);
    xml.value("IsTruncated", page.truncated);
    encoding.page(&mut xml, &page, Some(request.principal.survey.as_str()));
    Ok(answer::xml(xml.end("ListBucketResult")))
}
