//! What an ETag says of an object's bytes.

use std::fmt;

use http::HeaderMap;
use http::header::ETAG;

/// An object's ETag, with its quotes as HTTP writes it. The ETag of an object that was put in one piece
/// is the MD5 of its bytes, unless it is encrypted with a key of a service's (AWS, "Checking object
/// integrity"); that of a multipart upload is not, and has a hyphen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// As it came, with quotes or without.
    pub fn new(text: &str) -> Self {
        let bare = text.trim().trim_matches('"');
        Self(format!("\"{bare}\""))
    }

    /// The ETag of an answer.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Some(Self::new(headers.get(ETAG)?.to_str().ok()?))
    }

    /// As HTTP writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The MD5 of the object's bytes, if that is what it is.
    pub fn md5(&self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(self.0.trim_matches('"'), &mut bytes).ok()?;
        Some(bytes)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_hexadecimal_digits_are_an_md5() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        for text in [md5.to_owned(), format!("\"{md5}\"")] {
            let etag = ETag::new(&text);
            assert_eq!(etag.as_str(), format!("\"{md5}\""));
            assert_eq!(etag.md5().unwrap()[..2], [0xd4, 0x1d]);
        }
        for other in [
            "",
            "\"\"",
            "d41d8cd98f00b204e9800998ecf8427e-2",
            "zz",
            "d41d",
        ] {
            assert_eq!(ETag::new(other).md5(), None, "{other}");
        }
    }
}
