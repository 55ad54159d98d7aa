//! Checksums of what is uploaded: those that the client declared, in a header or after the body, are
//! compared before anything is committed.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest, Md5};
use skykey_store::PartInfo;

use crate::fault::{Code, Fault, Result};

/// A checksum algorithm of S3
/// ([Checking object integrity](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// As S3 spells it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header or trailer that carries it.
    pub(crate) const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The XML element that carries it.
    pub(crate) const fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// The algorithm that S3 spells so.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The CRC's parameters and its length in bytes; `None` for a hash.
    const fn crc(self) -> Option<(CrcAlgorithm, usize)> {
        match self {
            Self::Crc32 => Some((CrcAlgorithm::Crc32IsoHdlc, 4)),
            Self::Crc32c => Some((CrcAlgorithm::Crc32Iscsi, 4)),
            Self::Crc64Nvme => Some((CrcAlgorithm::Crc64Nvme, 8)),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// Given to objects whose client declared nothing, as S3 does: it costs half a microsecond.
const DEFAULT: Algorithm = Algorithm::Crc64Nvme;

/// Checksums by the algorithm's name, in base64.
pub(crate) type Checksums = BTreeMap<String, String>;

/// One checksum on its way.
enum Hasher {
    Crc(Box<crc_fast::Digest>, usize),
    Hash(digest::Context),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some((crc, bytes)), _) => Self::Crc(Box::new(crc_fast::Digest::new(crc)), bytes),
            (None, Algorithm::Sha1) => {
                Self::Hash(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY))
            }
            (None, _) => Self::Hash(digest::Context::new(&digest::SHA256)),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(digest, _) => digest.update(bytes),
            Self::Hash(context) => context.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Crc(digest, bytes) => in_base64(digest.finalize(), bytes),
            Self::Hash(context) => STANDARD.encode(context.finish()),
        }
    }
}

/// The last `bytes` of a CRC, in base64.
fn in_base64(crc: u64, bytes: usize) -> String {
    STANDARD.encode(&crc.to_be_bytes()[8 - bytes..])
}

/// Computes what was declared while the body goes by, and compares at the end.
pub(crate) struct Verifier {
    hashers: Vec<(Algorithm, Hasher)>,
    md5: Option<(Md5, Vec<u8>)>,
    declared: Vec<(Algorithm, String)>,
    announced: Vec<Algorithm>,
}

impl Verifier {
    /// Reads the request's headers: `content-md5`, `x-amz-checksum-*`, and `x-amz-trailer`, which
    /// announces a checksum after the body.
    pub(crate) fn new(headers: &HeaderMap) -> Result<Self> {
        let md5 = match text(headers, "content-md5") {
            None => None,
            Some(value) => Some((Md5::new(), content_md5(value)?)),
        };
        let declared: Vec<_> = Algorithm::ALL
            .into_iter()
            .filter_map(|algorithm| {
                Some((algorithm, text(headers, algorithm.header())?.to_owned()))
            })
            .collect();
        let announced = match text(headers, "x-amz-trailer") {
            None => Vec::new(),
            Some(names) => announced_in(names)?,
        };
        let mut wanted: Vec<_> = declared.iter().map(|(algorithm, _)| *algorithm).collect();
        wanted.extend(&announced);
        if wanted.is_empty() {
            wanted.push(DEFAULT);
        }
        Ok(Self {
            hashers: wanted
                .into_iter()
                .map(|algorithm| (algorithm, Hasher::new(algorithm)))
                .collect(),
            md5,
            declared,
            announced,
        })
    }

    /// The next bytes of the body.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for (_, hasher) in &mut self.hashers {
            hasher.update(bytes);
        }
        if let Some((md5, _)) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// Compares; returns the checksums to keep with the object. `trailers` came after the body.
    pub(crate) fn finish(mut self, trailers: &HeaderMap) -> Result<Checksums> {
        if let Some((md5, expected)) = self.md5
            && md5.finalize().as_slice() != expected
        {
            return Err(bad_digest("content-md5"));
        }
        for algorithm in self.announced {
            let header = algorithm.header();
            let value = text(trailers, header).ok_or_else(|| {
                Fault::new(
                    Code::InvalidRequest,
                    format!(
                        "the trailer {header} was announced but did not come; nothing was stored"
                    ),
                )
            })?;
            self.declared.push((algorithm, value.to_owned()));
        }
        let computed: Checksums = self
            .hashers
            .into_iter()
            .map(|(algorithm, hasher)| (algorithm.name().to_owned(), hasher.finish()))
            .collect();
        for (algorithm, expected) in &self.declared {
            if computed.get(algorithm.name()) != Some(expected) {
                return Err(bad_digest(algorithm.name()));
            }
        }
        Ok(computed)
    }

    /// Compares a whole body with what the headers declare.
    pub(crate) fn check(headers: &HeaderMap, body: &[u8]) -> Result<()> {
        let mut verifier = Self::new(headers)?;
        verifier.update(body);
        verifier.finish(&HeaderMap::new()).map(drop)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
}

fn content_md5(value: &str) -> Result<Vec<u8>> {
    STANDARD
        .decode(value)
        .ok()
        .filter(|bytes| bytes.len() == 16)
        .ok_or_else(|| {
            Fault::new(
                Code::InvalidDigest,
                "content-md5 is not the base64 of 16 bytes",
            )
        })
}

/// The algorithms of `x-amz-trailer: NAME, …`. Any other trailer would not be honoured.
fn announced_in(names: &str) -> Result<Vec<Algorithm>> {
    let algorithm = |name: &str| {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.header().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| {
                let name: String = name.trim().chars().take(60).collect();
                Fault::not_implemented(format!(
                    "the trailer {name} is not verified here; leave it out"
                ))
            })
    };
    names.split(',').map(algorithm).collect()
}

fn bad_digest(what: &str) -> Fault {
    Fault::new(
        Code::BadDigest,
        format!(
            "the {what} that was sent does not match the body that arrived; nothing was changed, send it again"
        ),
    )
}

/// The checksum of a whole object from those of its parts, without reading it again: CRCs combine.
/// `None` if a part has none of that algorithm, or the algorithm does not combine.
pub(crate) fn of_parts(algorithm: Algorithm, parts: &[PartInfo]) -> Option<String> {
    let (crc, bytes) = algorithm.crc()?;
    let mut whole: Option<u64> = None;
    for part in parts {
        let value = STANDARD
            .decode(part.checksums.get(algorithm.name())?)
            .ok()
            .filter(|value| value.len() == bytes)?;
        let value = value
            .iter()
            .fold(0, |value, byte| (value << 8) | u64::from(*byte));
        whole = Some(match whole {
            None => value,
            Some(before) => crc_fast::checksum_combine(crc, before, value, part.size),
        });
    }
    Some(in_base64(whole?, bytes))
}

#[cfg(test)]
mod tests {
    use skykey_types::Timestamp;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn verify(
        pairs: &[(&'static str, &str)],
        trailers: Option<&HeaderMap>,
    ) -> Result<Checksums, Code> {
        let headers = headers(pairs);
        let mut verifier = Verifier::new(&headers).map_err(|fault| fault.code)?;
        verifier.update(b"123456");
        verifier.update(b"789");
        verifier
            .finish(trailers.unwrap_or(&HeaderMap::new()))
            .map_err(|fault| fault.code)
    }

    /// The check values of the CRC catalogue, and of the RFCs, for "123456789".
    const RIGHT: [(&str, &str); 6] = [
        ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
        ("x-amz-checksum-crc32", "y/Q5Jg=="),
        ("x-amz-checksum-crc32c", "4waSgw=="),
        ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
        ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
        (
            "x-amz-checksum-sha256",
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ),
    ];

    #[test]
    fn a_right_checksum_passes_and_a_wrong_one_does_not() {
        for (name, value) in RIGHT {
            assert!(verify(&[(name, value)], None).is_ok(), "{name}");
        }
        for (name, value) in RIGHT {
            let flipped = value
                .replacen(value.chars().next().unwrap(), "A", 1)
                .replacen("AA", "BB", 1);
            assert!(verify(&[(name, &flipped)], None).is_err(), "{name}");
        }
        assert_eq!(
            verify(&[("content-md5", "short")], None),
            Err(Code::InvalidDigest)
        );
    }

    #[test]
    fn a_trailer_is_compared_and_must_come_if_it_was_announced() {
        let announced = [("x-amz-trailer", "x-amz-checksum-crc32")];
        let trailer = |value: &str| headers(&[("x-amz-checksum-crc32", value)]);
        assert!(verify(&announced, Some(&trailer("y/Q5Jg=="))).is_ok());
        assert_eq!(
            verify(&announced, Some(&trailer("AAAAAA=="))),
            Err(Code::BadDigest)
        );
        assert_eq!(
            verify(&announced, Some(&HeaderMap::new())),
            Err(Code::InvalidRequest)
        );
        assert_eq!(verify(&announced, None), Err(Code::InvalidRequest));
    }

    #[test]
    fn an_undeclared_body_gets_the_default() {
        assert_eq!(
            verify(&[], None).unwrap().keys().collect::<Vec<_>>(),
            ["CRC64NVME"]
        );
    }

    #[test]
    fn a_trailer_that_is_not_verified_is_refused() {
        let announced = [("x-amz-trailer", "x-amz-checksum-xxhash3")];
        assert_eq!(verify(&announced, None), Err(Code::NotImplemented));
    }

    #[test]
    fn the_crc_of_parts_is_the_crc_of_the_whole() {
        let crcs = [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme];
        let part = |bytes: &[u8]| PartInfo {
            number: 1,
            size: bytes.len() as u64,
            etag: String::new(),
            modified: Timestamp::UNIX_EPOCH,
            checksums: crcs
                .into_iter()
                .map(|algorithm| {
                    let mut hasher = Hasher::new(algorithm);
                    hasher.update(bytes);
                    (algorithm.name().to_owned(), hasher.finish())
                })
                .collect(),
        };
        let (whole, parts) = (
            part(b"123456789"),
            [part(b"1234"), part(b"5678"), part(b"9")],
        );
        for algorithm in crcs {
            assert_eq!(
                of_parts(algorithm, &parts).as_ref(),
                whole.checksums.get(algorithm.name()),
                "{algorithm:?}"
            );
        }
        assert_eq!(of_parts(Algorithm::Sha256, &parts), None);
    }
}
