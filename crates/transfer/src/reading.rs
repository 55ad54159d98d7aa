//! Reading an object, going on where the connection broke.

use std::time::Duration;

use bytes::Bytes;
use md5::{Digest, Md5};
use skykey_s3_client::operations::{content_length, get_object};
use skykey_s3_client::{ETag, ObjectAddress, Opened};

use crate::{ObjectError, Objects};

/// So often in a row a connection may break without a byte having come.
const MAX_TRIES: u32 = 8;
/// Before the first new attempt; twice as long before each further one, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// An object's bytes as they arrive. After a broken connection, the reader requests the rest of the
/// same object. If the object was replaced in between, reading fails.
#[derive(Debug)]
pub struct Reading<'a> {
    objects: &'a Objects,
    at: ObjectAddress,
    size: u64,
    etag: Option<ETag>,
    opened: Option<Opened>,
    /// Number of bytes returned to the caller.
    given: u64,
    /// Number of arriving bytes that were returned before.
    skip: u64,
    tries: u32,
    /// Nothing if the ETag says nothing about the bytes.
    md5: Option<(Md5, [u8; 16])>,
}

impl Objects {
    /// Begins to read an object, with a few retries when the store returns a server error.
    pub async fn read(&self, at: &ObjectAddress) -> Result<Reading<'_>, ObjectError> {
        let request = get_object::request(&at.bucket, &at.key).named("read");
        let mut tries = 0;
        let opened = loop {
            match self.open(at, &request).await {
                Err(error) if error.is_outage() && tries < MAX_TRIES => {
                    tokio::time::sleep(pause(tries)).await;
                    tries += 1;
                }
                other => break other?,
            }
        };
        let size = content_length(&opened.headers)
            .ok_or_else(|| ObjectError::of(at, request.unexpected("no length")))?;
        let etag = ETag::of(&opened.headers);
        // With a key of a service's, the ETag is not of the bytes.
        let by_a_service = opened
            .headers
            .get("x-amz-server-side-encryption")
            .is_some_and(|how| how != "AES256")
            || opened
                .headers
                .contains_key("x-amz-server-side-encryption-customer-algorithm");
        let md5 = etag.as_ref().and_then(ETag::md5).filter(|_| !by_a_service);
        Ok(Reading {
            objects: self,
            at: at.clone(),
            size,
            etag,
            opened: Some(opened),
            given: 0,
            skip: 0,
            tries: 0,
            md5: md5.map(|expected| (Md5::new(), expected)),
        })
    }
}

impl Reading<'_> {
    /// The object's size, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes; nothing after the last, when all of them are known to be right, as far as the ETag
    /// says.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        loop {
            let broken = match &mut self.opened {
                None => None,
                Some(opened) => match opened.chunk().await {
                    Ok(Some(chunk)) => {
                        if let Some(fresh) = self.fresh(chunk)? {
                            return Ok(Some(fresh));
                        }
                        continue;
                    }
                    Ok(None) if self.given == self.size => return self.end(),
                    Ok(None) => None,
                    Err(fault) => Some(fault),
                },
            };
            self.opened = None;
            if self.given == self.size {
                // The last byte has come; what broke was the goodbye.
                return self.end();
            }
            let Some(etag) = self.etag.clone().filter(|_| self.tries < MAX_TRIES) else {
                return Err(broken.map_or_else(|| self.short(), ObjectError::NoAnswer));
            };
            tokio::time::sleep(pause(self.tries)).await;
            self.tries += 1;
            match self.go_on(&etag).await {
                Ok(()) => {}
                Err(error) if error.is_outage() && self.tries < MAX_TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens the rest.
    async fn go_on(&mut self, etag: &ETag) -> Result<(), ObjectError> {
        let at = &self.at;
        let rest = get_object::range(&at.bucket, &at.key, self.given, None).named("read");
        let request = get_object::if_match(rest, etag);
        let opened = match self.objects.open(at, &request).await {
            Err(ObjectError::Failed { status: 412, .. }) => {
                return Err(ObjectError::Replaced(self.at.clone()));
            }
            other => other?,
        };
        if ETag::of(&opened.headers).is_some_and(|found| found != *etag) {
            return Err(ObjectError::Replaced(self.at.clone()));
        }
        self.skip = match opened.status {
            206 => {
                let range = get_object::content_range(&opened.headers);
                if range != Some((self.given, self.size)) {
                    let other = request.unexpected("another range than was asked for");
                    return Err(ObjectError::of(at, other));
                }
                0
            }
            // The range was not looked at: all of it comes again.
            _ => self.given,
        };
        self.opened = Some(opened);
        Ok(())
    }

    /// What of a chunk was not given before.
    fn fresh(&mut self, mut chunk: Bytes) -> Result<Option<Bytes>, ObjectError> {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        let known = self.skip.min(length);
        self.skip -= known;
        let fresh = chunk.split_off(usize::try_from(known).unwrap_or(usize::MAX));
        if fresh.is_empty() {
            return Ok(None);
        }
        self.tries = 0;
        self.given += length - known;
        if self.given > self.size {
            return Err(self.damaged("it is longer than was announced"));
        }
        if let Some((md5, _)) = &mut self.md5 {
            md5.update(&fresh);
        }
        Ok(Some(fresh))
    }

    fn end(&mut self) -> Result<Option<Bytes>, ObjectError> {
        self.opened = None;
        if let Some((md5, expected)) = self.md5.take()
            && md5.finalize().as_slice() != expected
        {
            return Err(self.damaged("its MD5 is not the one that the store has of it"));
        }
        Ok(None)
    }

    fn short(&self) -> ObjectError {
        self.damaged("it ended before its length")
    }

    fn damaged(&self, why: &str) -> ObjectError {
        ObjectError::Damaged {
            at: self.at.clone(),
            why: why.to_owned(),
        }
    }
}

fn pause(tries: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << tries.min(16))
        .min(MAX_PAUSE)
}
