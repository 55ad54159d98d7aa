//! The store's words in S3's, and back.

use std::time::SystemTime;

use s3s::dto::{ETag, ETagCondition, Timestamp as S3Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_store::{Attributes, Precondition};
use skykey_types::Timestamp;

/// A time as S3 keeps it: whole seconds, so that `If-Modified-Since` compares what was announced.
pub(super) fn time(time: Timestamp) -> S3Timestamp {
    let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
    S3Timestamp::from(SystemTime::from(whole))
}

pub(super) fn etag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

/// A size or a count; none of ours is near the limit of `i64`.
pub(super) fn size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// `If-Match` and `If-None-Match` of a write.
pub(super) fn precondition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Precondition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Precondition::None),
        (None, Some(ETagCondition::Any)) => Ok(Precondition::IfAbsent),
        (Some(ETagCondition::ETag(etag)), None) => {
            Ok(Precondition::IfMatch(etag.value().to_owned()))
        }
        _ => Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "a write takes 'If-None-Match: *' or 'If-Match: \"etag\"', not both and nothing else",
        )),
    }
}

/// The headers that an object keeps. The types of S3's inputs differ, their fields do not.
macro_rules! attributes {
    ($input:expr) => {
        $crate::ops::words::attributes_of(
            [
                $input.content_type.clone(),
                $input.content_encoding.clone(),
                $input.content_disposition.clone(),
                $input.content_language.clone(),
                $input.cache_control.clone(),
            ],
            $input.expires.as_ref(),
            $input.metadata.as_ref(),
        )
    };
}
pub(super) use attributes;

pub(super) fn attributes_of(
    [
        content_type,
        content_encoding,
        content_disposition,
        content_language,
        cache_control,
    ]: [Option<String>; 5],
    expires: Option<&S3Timestamp>,
    metadata: Option<&s3s::dto::Metadata>,
) -> Attributes {
    // `aws-chunked` describes the transfer, not the object.
    let content_encoding = content_encoding
        .map(|text| {
            let codings = text
                .split(',')
                .map(str::trim)
                .filter(|coding| *coding != "aws-chunked" && !coding.is_empty());
            codings.collect::<Vec<_>>().join(",")
        })
        .filter(|text| !text.is_empty());
    Attributes {
        content_type,
        content_encoding,
        content_disposition,
        content_language,
        cache_control,
        expires: expires.and_then(http_date),
        user: metadata
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        ..Attributes::default()
    }
}

fn http_date(time: &S3Timestamp) -> Option<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// An `Expires` that was kept.
pub(super) fn expires(attributes: &Attributes) -> Option<S3Timestamp> {
    attributes
        .expires
        .as_ref()
        .and_then(|text| S3Timestamp::parse(TimestampFormat::HttpDate, text).ok())
}
