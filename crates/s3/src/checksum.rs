//! Checksums of what is uploaded: those that the client declared, in a header or after the body, are
//! compared before anything is committed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_store::PartInfo;

/// The algorithms that S3 knows, as it spells them, with their header.
pub(crate) const ALGORITHMS: [(&str, &str); 5] = [
    ("CRC32", "x-amz-checksum-crc32"),
    ("CRC32C", "x-amz-checksum-crc32c"),
    ("CRC64NVME", "x-amz-checksum-crc64nvme"),
    ("SHA1", "x-amz-checksum-sha1"),
    ("SHA256", "x-amz-checksum-sha256"),
];

/// Given to objects whose client declared nothing, as S3 does: it costs half a microsecond.
const DEFAULT: &str = "CRC64NVME";

/// Checksums by algorithm, base64.
pub(crate) type Checksums = BTreeMap<String, String>;

/// Computes what was declared while the body goes by, and compares at the end.
pub(crate) struct Verifier {
    hasher: ChecksumHasher,
    md5: Option<(Md5, Vec<u8>)>,
    declared: Checksums,
}

impl Verifier {
    /// Reads the request's headers: `content-md5`, `x-amz-checksum-*`, and `x-amz-trailer`, which
    /// announces a checksum after the body.
    pub(crate) fn new(headers: &HeaderMap) -> S3Result<Self> {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::trim)
        };
        let md5 = match text("content-md5") {
            None => None,
            Some(value) => match STANDARD.decode(value) {
                Ok(bytes) if bytes.len() == 16 => Some((Md5::new(), bytes)),
                _ => {
                    return Err(S3Error::with_message(
                        S3ErrorCode::InvalidDigest,
                        "content-md5 is not the base64 of 16 bytes",
                    ));
                }
            },
        };
        let mut declared = Checksums::new();
        let mut wanted = Vec::new();
        let trailers = text("x-amz-trailer")
            .unwrap_or_default()
            .to_ascii_lowercase();
        for (algorithm, header) in ALGORITHMS {
            if let Some(value) = text(header) {
                declared.insert(algorithm.to_owned(), value.to_owned());
                wanted.push(algorithm);
            } else if trailers.split(',').any(|name| name.trim() == header) {
                wanted.push(algorithm);
            }
        }
        if wanted.is_empty() {
            wanted.push(DEFAULT);
        }
        Ok(Self {
            hasher: hasher(&wanted),
            md5,
            declared,
        })
    }

    /// The next bytes of the body.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some((md5, _)) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// Compares; the answer is what to keep with the object. `announced` and `trailers`: the names
    /// that the client promised to send after the body, and what it sent.
    pub(crate) fn finish(
        mut self,
        announced: &HeaderMap,
        trailers: Option<&HeaderMap>,
    ) -> S3Result<Checksums> {
        if let Some((md5, expected)) = self.md5
            && md5.finalize().as_slice() != expected
        {
            return Err(bad_digest("content-md5"));
        }
        let promised = announced
            .get("x-amz-trailer")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        for (algorithm, header) in ALGORITHMS {
            if !promised
                .split(',')
                .any(|name| name.trim().eq_ignore_ascii_case(header))
            {
                continue;
            }
            match trailers
                .and_then(|trailers| trailers.get(header))
                .and_then(|value| value.to_str().ok())
            {
                Some(value) => drop(
                    self.declared
                        .insert(algorithm.to_owned(), value.trim().to_owned()),
                ),
                None => {
                    return Err(S3Error::with_message(
                        S3ErrorCode::InvalidRequest,
                        format!("the trailer {header} was announced but did not come"),
                    ));
                }
            }
        }
        let computed = by_name(self.hasher.finalize());
        for (algorithm, expected) in &self.declared {
            if computed.get(algorithm) != Some(expected) {
                return Err(bad_digest(algorithm));
            }
        }
        Ok(computed)
    }
}

fn bad_digest(what: &str) -> S3Error {
    S3Error::with_message(
        S3ErrorCode::BadDigest,
        format!(
            "the {what} that was sent does not match the body that arrived; nothing was stored, send it again"
        ),
    )
}

fn hasher(algorithms: &[&str]) -> ChecksumHasher {
    let wants = |name: &str| algorithms.contains(&name);
    ChecksumHasher {
        crc32: wants("CRC32").then(Crc32::new),
        crc32c: wants("CRC32C").then(Crc32c::new),
        sha1: wants("SHA1").then(Sha1::new),
        sha256: wants("SHA256").then(Sha256::new),
        crc64nvme: wants("CRC64NVME").then(Crc64Nvme::new),
    }
}

fn by_name(checksum: s3s::dto::Checksum) -> Checksums {
    [
        ("CRC32", checksum.checksum_crc32),
        ("CRC32C", checksum.checksum_crc32c),
        ("CRC64NVME", checksum.checksum_crc64nvme),
        ("SHA1", checksum.checksum_sha1),
        ("SHA256", checksum.checksum_sha256),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
    .collect()
}

/// The checksum of a whole object from those of its parts, without reading it again: CRCs combine.
/// `None` if a part has none of that algorithm, or the algorithm does not combine.
pub(crate) fn of_parts(algorithm: &str, parts: &[PartInfo]) -> Option<String> {
    let (crc, bytes) = match algorithm {
        "CRC32" => (CrcAlgorithm::Crc32IsoHdlc, 4),
        "CRC32C" => (CrcAlgorithm::Crc32Iscsi, 4),
        "CRC64NVME" => (CrcAlgorithm::Crc64Nvme, 8),
        _ => return None,
    };
    let mut whole: Option<u64> = None;
    for part in parts {
        let value = STANDARD
            .decode(part.checksums.get(algorithm)?)
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
    let whole = whole?.to_be_bytes();
    Some(STANDARD.encode(&whole[8 - bytes..]))
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
    ) -> Result<Checksums, String> {
        let headers = headers(pairs);
        let mut verifier =
            Verifier::new(&headers).map_err(|error| error.code().as_str().to_owned())?;
        verifier.update(b"123456");
        verifier.update(b"789");
        verifier
            .finish(&headers, trailers)
            .map_err(|error| error.code().as_str().to_owned())
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
            Err("InvalidDigest".to_owned())
        );
    }

    #[test]
    fn a_trailer_is_compared_and_must_come_if_it_was_announced() {
        let announced = [("x-amz-trailer", "x-amz-checksum-crc32")];
        let trailer = |value: &str| headers(&[("x-amz-checksum-crc32", value)]);
        assert!(verify(&announced, Some(&trailer("y/Q5Jg=="))).is_ok());
        assert_eq!(
            verify(&announced, Some(&trailer("AAAAAA=="))),
            Err("BadDigest".to_owned())
        );
        assert_eq!(
            verify(&announced, Some(&HeaderMap::new())),
            Err("InvalidRequest".to_owned())
        );
        assert_eq!(verify(&announced, None), Err("InvalidRequest".to_owned()));
    }

    #[test]
    fn an_undeclared_body_gets_the_default() {
        assert_eq!(
            verify(&[], None).unwrap().keys().collect::<Vec<_>>(),
            ["CRC64NVME"]
        );
    }

    #[test]
    fn the_crc_of_parts_is_the_crc_of_the_whole() {
        let part = |bytes: &[u8]| {
            let mut hasher = hasher(&["CRC32", "CRC32C", "CRC64NVME"]);
            hasher.update(bytes);
            PartInfo {
                number: 1,
                size: bytes.len() as u64,
                etag: String::new(),
                modified: Timestamp::UNIX_EPOCH,
                checksums: by_name(hasher.finalize()),
            }
        };
        let (whole, parts) = (
            part(b"123456789"),
            [part(b"1234"), part(b"5678"), part(b"9")],
        );
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME"] {
            assert_eq!(
                of_parts(algorithm, &parts).as_ref(),
                whole.checksums.get(algorithm),
                "{algorithm}"
            );
        }
        assert_eq!(of_parts("SHA256", &parts), None);
    }
}
