//! The key ring: one key that seals, and older ones that still open.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use skykey_types::random_bytes;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{read_private, write_private};

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const HEADER_BYTES: usize = 1 + 4 + NONCE_LEN;
const TAG_BYTES: usize = 16;

/// The purpose of a box. A box sealed for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose(pub &'static str);

/// Why a box did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, or of a version that does not exist.
    #[error("not a sealed box")]
    Malformed,
    /// Sealed with a key that is not on this ring.
    #[error("sealed with key {0}, which is not on the ring")]
    UnknownKey(u32),
    /// Altered, or sealed for another purpose or other associated data.
    #[error("altered, or sealed for something else")]
    Altered,
}

/// A key ring file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// It cannot be read or written.
    #[error("cannot use the key file {path}: {source}; check that it is yours and that its folder is writable", path = .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its content is invalid.
    #[error("the key file {path} is damaged ({why}); restore it from a backup: nothing else opens the data sealed with it", path = .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How it is damaged.
        why: String,
    },
}

/// Keys by number; the highest seals. A box is `version (1) ‖ key number (4, big-endian) ‖ nonce
/// (12) ‖ AES-256-GCM-SIV ciphertext and tag` (RFC 8452), with the version, the key number, the
/// purpose and the caller's associated data authenticated. GCM-SIV because a repeated random
/// nonce then costs nothing worse than showing that two equal texts are equal.
pub struct KeyRing {
    keys: BTreeMap<u32, LessSafeKey>,
}

impl KeyRing {
    /// Creates a ring with one new key, in memory only.
    pub fn ephemeral() -> Self {
        Self::from_keys([(1, random_bytes::<KEY_BYTES>())])
    }

    /// Reads the ring from `path`; creates it with one new key if the file does not exist.
    pub fn open_or_create(path: &Path) -> Result<Self, RingError> {
        let io = |source| RingError::Io {
            path: path.to_owned(),
            source,
        };
        let damaged = |why: String| RingError::Damaged {
            path: path.to_owned(),
            why,
        };
        let Some(bytes) = read_private(path).map_err(io)?.map(Zeroizing::new) else {
            let key = random_bytes::<KEY_BYTES>();
            let file = RingFile {
                keys: vec![KeyLine {
                    number: 1,
                    key: STANDARD.encode(key),
                }],
            };
            let text = Zeroizing::new(
                serde_json::to_vec_pretty(&file).expect("numbers and text are JSON"),
            );
            write_private(path, &text).map_err(io)?;
            return Ok(Self::from_keys([(1, key)]));
        };
        let file: RingFile =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let mut keys = Vec::new();
        for line in &file.keys {
            let key = Zeroizing::new(
                STANDARD
                    .decode(&line.key)
                    .map_err(|error| damaged(error.to_string()))?,
            );
            let key: [u8; KEY_BYTES] = key
                .as_slice()
                .try_into()
                .map_err(|_| damaged(format!("key {} has not 32 bytes", line.number)))?;
            keys.push((line.number, key));
        }
        if keys.is_empty() {
            return Err(damaged("it holds no key".to_owned()));
        }
        Ok(Self::from_keys(keys))
    }

    fn from_keys(keys: impl IntoIterator<Item = (u32, [u8; KEY_BYTES])>) -> Self {
        let keys = keys
            .into_iter()
            .map(|(number, mut bytes)| {
                let key =
                    UnboundKey::new(&AES_256_GCM_SIV, &bytes).expect("an AES-256 key has 32 bytes");
                bytes.zeroize();
                (number, LessSafeKey::new(key))
            })
            .collect();
        Self { keys }
    }

    /// Seals `plain` for `purpose`. `bound` is not in the box but must be the same when it is opened.
    pub fn seal(&self, purpose: Purpose, bound: &[u8], plain: &[u8]) -> Vec<u8> {
        let (number, key) = self
            .keys
            .last_key_value()
            .expect("a ring is never made without a key");
        let nonce = random_bytes::<NONCE_LEN>();
        let mut sealed = Vec::with_capacity(HEADER_BYTES + plain.len() + TAG_BYTES);
        sealed.push(VERSION);
        sealed.extend(number.to_be_bytes());
        sealed.extend(nonce);
        let mut body = plain.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated(*number, purpose, bound)),
            &mut body,
        )
        .expect("a box is far below the 64 GiB that AES-GCM-SIV can seal");
        sealed.extend(body);
        sealed
    }

    /// Opens what [`KeyRing::seal`] sealed for the same purpose with the same associated data.
    pub fn open(
        &self,
        purpose: Purpose,
        bound: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if sealed.len() < HEADER_BYTES + TAG_BYTES || sealed[0] != VERSION {
            return Err(OpenError::Malformed);
        }
        let (header, body) = sealed.split_at(HEADER_BYTES);
        let number = u32::from_be_bytes(header[1..5].try_into().map_err(|_| OpenError::Malformed)?);
        let nonce = header[5..].try_into().map_err(|_| OpenError::Malformed)?;
        let key = self
            .keys
            .get(&number)
            .ok_or(OpenError::UnknownKey(number))?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated(number, purpose, bound)),
                &mut body,
            )
            .map_err(|_| OpenError::Altered)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("numbers", &self.keys.keys())
            .finish_non_exhaustive()
    }
}

/// Version, key number, purpose and `bound`, each of fixed length or preceded by its length, so
/// that no two different tuples give the same bytes.
fn associated(number: u32, purpose: Purpose, bound: &[u8]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(number.to_be_bytes());
    bytes.extend((purpose.0.len() as u64).to_be_bytes());
    bytes.extend(purpose.0.as_bytes());
    bytes.extend(bound);
    bytes
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RingFile {
    keys: Vec<KeyLine>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    number: u32,
    key: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEST: Purpose = Purpose("test");

    #[test]
    fn a_ring_opens_its_own_boxes_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        let sealed = KeyRing::open_or_create(&path)
            .unwrap()
            .seal(TEST, b"who", b"what");
        let ring = KeyRing::open_or_create(&path).unwrap();
        assert_eq!(
            ring.open(TEST, b"who", &sealed).unwrap().as_slice(),
            b"what"
        );
        assert_eq!(
            ring.open(TEST, b"somebody else", &sealed),
            Err(OpenError::Altered)
        );
        assert_eq!(
            ring.open(Purpose("other"), b"who", &sealed),
            Err(OpenError::Altered)
        );
    }

    #[test]
    fn the_highest_key_seals_and_older_ones_still_open() {
        let old = KeyRing::from_keys([(1, [1; 32])]);
        let new = KeyRing::from_keys([(1, [1; 32]), (2, [2; 32])]);
        assert!(new.open(TEST, b"", &old.seal(TEST, b"", b"x")).is_ok());
        assert_eq!(
            old.open(TEST, b"", &new.seal(TEST, b"", b"x")),
            Err(OpenError::UnknownKey(2))
        );
    }

    #[test]
    fn a_damaged_ring_is_an_error_not_a_new_ring() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        for text in [
            "",
            "{}",
            r#"{"keys":[]}"#,
            r#"{"keys":[{"number":1,"key":"AAAA"}]}"#,
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(
                matches!(
                    KeyRing::open_or_create(&path),
                    Err(RingError::Damaged { .. })
                ),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_altered_box_opens(plain in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let ring = KeyRing::ephemeral();
            let mut sealed = ring.seal(TEST, b"", &plain);
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(ring.open(TEST, b"", &sealed).is_err());
            sealed[at] ^= flip;
            sealed.truncate(at);
            prop_assert!(ring.open(TEST, b"", &sealed).is_err());
        }

        #[test]
        fn noise_never_opens(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(KeyRing::ephemeral().open(TEST, b"", &noise).is_err());
        }
    }
}
