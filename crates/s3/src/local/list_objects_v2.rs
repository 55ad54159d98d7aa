//! [ListObjectsV2](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html), which
//! pages by continuation token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use skykey_store::{After, Item, Page};

use super::Local;
use super::listing::{Encoding, MAX_ENTRIES, limit};
use crate::answer::{self, Body};
use crate::fault::{Fault, Result};
use crate::request::Request;
use crate::xml::Writer;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let delimiter = request.parameter("delimiter");
    let start_after = request.parameter("start-after");
    let limit = limit("max-keys", request, MAX_ENTRIES)?;
    let encoding = Encoding::of(request)?;
    let token = request
        .query
        .get("continuation-token")
        .map(Token::read)
        .transpose()?;
    let after = match (&token, start_after) {
        (Some(token), _) => token.after(),
        (None, Some(key)) => After::Key(key),
        (None, None) => After::Nothing,
    };
    let page = local
        .store
        .list(request.bucket, prefix, delimiter, after, limit)
        .await?;
    let mut xml = Writer::rooted("ListBucketResult");
    xml.text("Name", request.bucket);
    encoding.text(&mut xml, "Prefix", prefix);
    encoding.optional(&mut xml, "Delimiter", delimiter);
    encoding.optional(&mut xml, "StartAfter", start_after);
    xml.value("MaxKeys", limit);
    xml.value("KeyCount", page.items.len());
    encoding.name(&mut xml);
    xml.optional("ContinuationToken", request.query.get("continuation-token"));
    if let Some(token) = Token::of(&page) {
        xml.text("NextContinuationToken", &token.write());
    }
    xml.value("IsTruncated", page.truncated);
    let with_owner = request.parameter("fetch-owner") == Some("true");
    let owner = with_owner.then(|| request.principal.survey.as_str());
    encoding.page(&mut xml, &page, owner);
    Ok(answer::xml(xml.end("ListBucketResult")))
}

/// Where a page ended: `k` and the key, or `p` and the common prefix, in base64.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Key(String),
    Prefix(String),
}

impl Token {
    /// The token of the page after this one, if there is one.
    fn of(page: &Page) -> Option<Self> {
        match page.items.last().filter(|_| page.truncated)? {
            Item::Object(entry) => Some(Self::Key(entry.key.clone())),
            Item::Prefix(prefix) => Some(Self::Prefix(prefix.clone())),
        }
    }

    fn after(&self) -> After<'_> {
        match self {
            Self::Key(key) => After::Key(key),
            Self::Prefix(prefix) => After::Prefix(prefix),
        }
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(match self {
            Self::Key(key) => format!("k{key}"),
            Self::Prefix(prefix) => format!("p{prefix}"),
        })
    }

    fn read(token: &str) -> Result<Self> {
        let text = URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        if let Some(key) = text.strip_prefix('k') {
            Ok(Self::Key(key.to_owned()))
        } else if let Some(prefix) = text.strip_prefix('p') {
            Ok(Self::Prefix(prefix.to_owned()))
        } else {
            Err(Fault::argument(
                "the continuation token is not one of this endpoint; begin the listing again",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was() {
        for token in [
            Token::Key("a/ü \u{1}".to_owned()),
            Token::Prefix("a/".to_owned()),
        ] {
            assert_eq!(Token::read(&token.write()).unwrap(), token);
        }
        for bad in ["", "x", "!!!", "eHg"] {
            assert!(Token::read(bad).is_err(), "{bad}");
        }
    }
}
