//! [ListObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html) and
//! [ListObjectsV2](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::listing::{Encoding, Start, limit, page};
use super::{Operations, principal};
use crate::access::deny;

pub(super) async fn v2(
    operations: &Operations,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let principal = principal(&request)?;
    let input = request.input;
    let prefix = input.prefix.clone().unwrap_or_default();
    if !principal.rights.list(&input.bucket, &prefix) {
        return Err(deny("these credentials do not give that right here"));
    }
    let delimiter = input.delimiter.clone().unwrap_or_default();
    let limit = limit(input.max_keys)?;
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => read_token(token)?,
        (None, Some(key)) if !key.is_empty() => Start::Key(key.clone()),
        _ => Start::Beginning,
    };
    let page = page(
        operations.store.as_ref(),
        &input.bucket,
        &prefix,
        &delimiter,
        start,
        limit,
    )
    .await?;
    Ok(S3Response::new(ListObjectsV2Output {
        key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
        contents: Some(
            page.objects
                .iter()
                .map(|info| encoding.object(info))
                .collect(),
        ),
        common_prefixes: Some(encoding.common_prefixes(&page.prefixes)),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_ref().map(write_token),
        name: Some(input.bucket),
        prefix: Some(encoding.apply(&prefix)),
        delimiter: input.delimiter.map(|delimiter| encoding.apply(&delimiter)),
        start_after: input.start_after.map(|key| encoding.apply(&key)),
        max_keys: i32::try_from(limit).ok(),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    }))
}

pub(super) async fn v1(
    operations: &Operations,
    request: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let principal = principal(&request)?;
    let input = request.input;
    let prefix = input.prefix.clone().unwrap_or_default();
    if !principal.rights.list(&input.bucket, &prefix) {
        return Err(deny("these credentials do not give that right here"));
    }
    let delimiter = input.delimiter.clone().unwrap_or_default();
    let limit = limit(input.max_keys)?;
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    // A marker that is a common prefix of an earlier page stands for all that is below it.
    let start = match &input.marker {
        None => Start::Beginning,
        Some(marker) if marker.is_empty() => Start::Beginning,
        Some(marker)
            if !delimiter.is_empty()
                && marker.len() > prefix.len()
                && marker.ends_with(&delimiter) =>
        {
            Start::Prefix(marker.clone())
        }
        Some(marker) => Start::Key(marker.clone()),
    };
    let page = page(
        operations.store.as_ref(),
        &input.bucket,
        &prefix,
        &delimiter,
        start,
        limit,
    )
    .await?;
    let next_marker = page.next.as_ref().map(|next| match next {
        Start::Key(key) | Start::Prefix(key) => encoding.apply(key),
        Start::Beginning => String::new(),
    });
    Ok(S3Response::new(ListObjectsOutput {
        contents: Some(
            page.objects
                .iter()
                .map(|info| encoding.object(info))
                .collect(),
        ),
        common_prefixes: Some(encoding.common_prefixes(&page.prefixes)),
        is_truncated: Some(page.next.is_some()),
        next_marker,
        name: Some(input.bucket),
        prefix: Some(encoding.apply(&prefix)),
        marker: Some(encoding.apply(&input.marker.unwrap_or_default())),
        delimiter: input.delimiter.map(|delimiter| encoding.apply(&delimiter)),
        max_keys: i32::try_from(limit).ok(),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    }))
}

/// A continuation token says where a page ended: `k` and the key, or `p` and the prefix.
fn write_token(start: &Start) -> String {
    match start {
        Start::Beginning => String::new(),
        Start::Key(key) => URL_SAFE_NO_PAD.encode(format!("k{key}")),
        Start::Prefix(prefix) => URL_SAFE_NO_PAD.encode(format!("p{prefix}")),
    }
}

fn read_token(token: &str) -> S3Result<Start> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_default();
    if let Some(key) = text.strip_prefix('k') {
        Ok(Start::Key(key.to_owned()))
    } else if let Some(prefix) = text.strip_prefix('p') {
        Ok(Start::Prefix(prefix.to_owned()))
    } else {
        Err(S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            "the continuation token is not one of ours",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was() {
        for start in [
            Start::Key("a/ü \u{1}".to_owned()),
            Start::Prefix("a/".to_owned()),
        ] {
            assert_eq!(read_token(&write_token(&start)).unwrap(), start);
        }
        for bad in ["", "x", "!!!", "eHg"] {
            assert!(read_token(bad).is_err(), "{bad}");
        }
    }
}
