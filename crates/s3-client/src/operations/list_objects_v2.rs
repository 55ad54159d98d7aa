//! [ListObjectsV2](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html), page by page.

use http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use skykey_types::{BucketName, Timestamp};
use skykey_upstream::Answer;

use crate::xml::{element, elements};
use crate::{ETag, Request};

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// Its ETag.
    pub etag: Option<ETag>,
}

/// A part of a listing, a thousand keys or less, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The objects.
    pub objects: Vec<Entry>,
    /// The common prefixes, whole, with the delimiter at their ends; none without a delimiter.
    pub folders: Vec<String>,
}

/// Which keys of a bucket are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListOptions<'a> {
    /// Those that begin with this.
    pub prefix: &'a str,
    /// Those that have it after the prefix are shown as one folder.
    pub delimiter: Option<&'a str>,
    /// At most so many in one page; S3 gives 1,000 or less.
    pub max_keys: Option<u16>,
    /// The page after the one that named this token.
    pub token: Option<&'a str>,
}

/// Lists keys of a bucket.
pub fn request(bucket: &BucketName, options: &ListOptions<'_>) -> Request {
    let max_keys = options.max_keys.map(|most| most.to_string());
    let mut query = vec![("encoding-type", "url"), ("list-type", "2")];
    if let Some(most) = &max_keys {
        query.push(("max-keys", most));
    }
    query.push(("prefix", options.prefix));
    if let Some(delimiter) = options.delimiter {
        query.push(("delimiter", delimiter));
    }
    if let Some(token) = options.token {
        query.push(("continuation-token", token));
    }
    Request::bucket("list objects", Method::GET, bucket).query(&query)
}

/// The page, and the token of the next, if there is one.
pub fn page(answer: &Answer) -> Result<(Page, Option<String>), String> {
    let text = answer.text();
    if !text.contains("<ListBucketResult") {
        return Err("no listing".to_owned());
    }
    let wire: Wire =
        quick_xml::de::from_str(&text).map_err(|_| "a listing that cannot be read".to_owned())?;
    let encoded = wire.encoding_type.as_deref() == Some("url");
    let decoded = |text: String| {
        if encoded {
            decode(&text).ok_or_else(|| "a key that is not UTF-8".to_owned())
        } else {
            Ok(text)
        }
    };
    let mut page = Page::default();
    for found in wire.contents {
        page.objects.push(Entry {
            key: decoded(found.key)?,
            size: found.size,
            modified: found
                .last_modified
                .and_then(|text| text.parse::<Timestamp>().ok()),
            etag: found.etag.as_deref().map(ETag::new),
        });
    }
    for common in wire.common_prefixes {
        page.folders.push(decoded(common.prefix)?);
    }
    let next = wire.next_continuation_token.filter(|_| wire.is_truncated);
    if wire.is_truncated && next.is_none() {
        return Err("a truncated listing without a continuation token".to_owned());
    }
    Ok((page, next))
}

/// The keys of a page alone, also of one that says nothing else of its objects. A key that is not
/// UTF-8 is left out.
pub fn keys(answer: &Answer) -> Result<Vec<String>, String> {
    let text = answer.text();
    if !text.contains("<ListBucketResult") {
        return Err("the answer is no listing".to_owned());
    }
    let encoded = element(&text, "EncodingType").as_deref() == Some("url");
    Ok(elements(&text, "Contents")
        .filter_map(|entry| element(&entry, "Key"))
        .filter_map(|key| if encoded { decode(&key) } else { Some(key) })
        .collect())
}

fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    encoding_type: Option<String>,
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
    #[serde(default)]
    contents: Vec<Contents>,
    #[serde(default)]
    common_prefixes: Vec<Common>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    size: u64,
    last_modified: Option<String>,
    #[serde(rename = "ETag")]
    etag: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Common {
    prefix: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use skykey_upstream::Answer;

    const LISTING: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>m13</Name><Prefix></Prefix>\
        <EncodingType>url</EncodingType><KeyCount>3</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>\
        <NextContinuationToken>a&amp;b</NextContinuationToken>\
        <Contents><Key>a%20b%2Bc</Key><LastModified>2026-11-24T09:11:54.000Z</LastModified>\
        <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>20160</Size><StorageClass>STANDARD</StorageClass>\
        </Contents><Contents><Key>d</Key><Size>0</Size></Contents>\
        <CommonPrefixes><Prefix>fields/</Prefix></CommonPrefixes></ListBucketResult>";

    #[test]
    fn a_page_is_read_and_its_keys_are_decoded() {
        let (page, next) = page(&Answer::of(200, LISTING)).unwrap();
        assert_eq!(next.as_deref(), Some("a&b"));
        let keys: Vec<_> = page
            .objects
            .iter()
            .map(|e| (e.key.as_str(), e.size))
            .collect();
        assert_eq!(keys, [("a b+c", 20160), ("d", 0)]);
        assert!(page.objects[0].etag.as_ref().unwrap().md5().is_some());
        assert_eq!(
            page.objects[0].modified.unwrap().to_string(),
            "2026-11-24T09:11:54Z"
        );
        assert_eq!(page.folders, ["fields/"]);
    }

    #[test]
    fn a_page_is_read_whose_objects_and_prefixes_alternate() {
        let listing = "<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>\
            <CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>\
            <Contents><Key>c</Key><Size>1</Size></Contents></ListBucketResult>";
        let (page, _) = page(&Answer::of(200, listing)).unwrap();
        let keys: Vec<_> = page.objects.iter().map(|entry| &entry.key).collect();
        assert_eq!(keys, ["a", "c"]);
        assert_eq!(page.folders, ["b/"]);
    }

    #[test]
    fn what_is_no_listing_is_an_error() {
        let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        assert_eq!(
            page(&Answer::of(200, empty)).unwrap(),
            (Page::default(), None)
        );
        for other in [
            "",
            "<html/>",
            "<ListBucketResult><Contents/></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        ] {
            assert!(page(&Answer::of(200, other)).is_err(), "{other}");
        }
    }

    #[test]
    fn keys_are_decoded_if_they_were_encoded() {
        let listing = |encoding: &str| {
            let text = format!(
                "<ListBucketResult xmlns=\"x\"><Name>m13</Name>{encoding}<Contents><Key>a%20b</Key><Size>1</Size>\
                 </Contents></ListBucketResult>"
            );
            keys(&Answer::of(200, text)).unwrap()
        };
        assert_eq!(listing("<EncodingType>url</EncodingType>"), ["a b"]);
        assert_eq!(listing(""), ["a%20b"]);
        let none = keys(&Answer::of(200, "<ListBucketResult/>")).unwrap();
        assert_eq!(none, [""; 0]);
        assert!(keys(&Answer::of(200, "<html>")).is_err());
    }
}
