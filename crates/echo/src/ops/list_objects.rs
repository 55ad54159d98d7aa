//! [ListObjectsV2](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html), of a few keys.

use http::Method;
use percent_encoding::percent_decode_str;
use skykey_types::Prefix;
use skykey_upstream::Answer;

use crate::ask::Ask;
use skykey_s3_client::xml::{element, elements};

pub(crate) fn ask_first(place: &Prefix) -> Ask {
    Ask::bucket("list objects", Method::GET, &place.bucket).query(&[
        ("encoding-type", "url"),
        ("list-type", "2"),
        ("max-keys", "10"),
        ("prefix", &place.prefix),
    ])
}

/// The first key that can be asked for; `None` if there is nothing. A key with a segment `.` or `..`
/// cannot: on its way a URL loses such segments.
pub(crate) fn first_key(answer: &Answer) -> Result<Option<String>, String> {
    let text = answer.text();
    if !text.contains("<ListBucketResult") {
        return Err("the answer is no listing".to_owned());
    }
    let encoded = element(&text, "EncodingType").as_deref() == Some("url");
    Ok(elements(&text, "Contents")
        .filter_map(|entry| element(&entry, "Key"))
        .filter_map(|key| if encoded { decoded(&key) } else { Some(key) })
        .find(|key| !key.split('/').any(|segment| matches!(segment, "." | ".."))))
}

fn decoded(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    let key = percent_decode_str(&key).decode_utf8().ok()?;
    Some(key.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use skykey_upstream::Answer;

    #[test]
    fn the_first_key_is_decoded_if_it_was_encoded() {
        let listing = |encoding: &str| {
            let text = format!(
                "<ListBucketResult xmlns=\"x\"><Name>m13</Name>{encoding}<Contents><Key>a%20b</Key><Size>1</Size>\
                 </Contents></ListBucketResult>"
            );
            first_key(&Answer::of(200, text))
        };
        let encoded = "<EncodingType>url</EncodingType>";
        assert_eq!(listing(encoded), Ok(Some("a b".to_owned())));
        assert_eq!(listing(""), Ok(Some("a%20b".to_owned())));
        assert_eq!(first_key(&Answer::of(200, "<ListBucketResult/>")), Ok(None));
        assert!(first_key(&Answer::of(200, "<html>")).is_err());
        let odd = "<ListBucketResult><Contents><Key>a/../b</Key></Contents>\
                   <Contents><Key>b/..c</Key></Contents></ListBucketResult>";
        assert_eq!(
            first_key(&Answer::of(200, odd)),
            Ok(Some("b/..c".to_owned()))
        );
    }
}
