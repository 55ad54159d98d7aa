//! One file to one object.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use skykey_s3_client::operations::{
    abort_multipart_upload, complete_multipart_upload, create_multipart_upload, upload_part,
};
use skykey_s3_client::{ETag, ObjectAddress};

use crate::objects::put;
use crate::{ObjectError, Objects, Progress};

/// Up to this size in one piece, above it in parts of this size or more.
const PART_BYTES: u64 = 16 << 20;
/// S3's (AWS, "Amazon S3 multipart upload limits").
const MAX_PARTS: u64 = 10_000;

impl Objects {
    /// Copies a file to an object; unless `replace`, only where nothing is yet. A copy that fails leaves
    /// nothing in the store. Returns how many bytes were copied.
    pub async fn upload(
        &self,
        from: &Path,
        at: &ObjectAddress,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<u64, ObjectError> {
        let path = from.to_owned();
        let opened = self.disk.run(move || open(&path)).await;
        let (file, size) = opened.map_err(|error| ObjectError::local("read", from, &error))?;
        if !replace && self.head(at).await?.is_some() {
            return Err(ObjectError::ObjectExists(at.clone()));
        }
        let outcome = if size <= PART_BYTES {
            self.in_one_piece(from, file, at, replace, progress).await
        } else {
            let part = PART_BYTES.max(size.div_ceil(MAX_PARTS));
            self.in_parts(from, file, part, at, replace, progress).await
        };
        match outcome {
            // Somebody was faster.
            Err(ObjectError::Failed { status: 412, .. }) => {
                Err(ObjectError::ObjectExists(at.clone()))
            }
            other => other.map(|()| size),
        }
    }

    async fn in_one_piece(
        &self,
        from: &Path,
        file: Arc<File>,
        at: &ObjectAddress,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<(), ObjectError> {
        let to = at.clone();
        let written = move || {
            let bytes = piece(&file, 0, PART_BYTES)?;
            Ok((bytes.len(), put(&to, bytes, replace)))
        };
        let (length, request) = self
            .disk
            .run(written)
            .await
            .map_err(|error: io::Error| ObjectError::local("read", from, &error))?;
        self.call(at, &request).await?;
        progress.bytes(length);
        Ok(())
    }

    async fn in_parts(
        &self,
        from: &Path,
        file: Arc<File>,
        part: u64,
        at: &ObjectAddress,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<(), ObjectError> {
        let begin = create_multipart_upload::request(&at.bucket, &at.key).named("write");
        let begun = self.call(at, &begin).await?;
        let id = create_multipart_upload::upload_id(&begun)
            .ok_or_else(|| ObjectError::of(at, begin.unexpected("no upload id")))?;
        let all = async {
            let etags = self.parts(from, file, part, at, &id, progress).await?;
            let request =
                complete_multipart_upload::request(&at.bucket, &at.key, &id, &etags).named("write");
            let request = if replace {
                request
            } else {
                request.if_none_match()
            };
            let answer = self.call(at, &request).await?;
            if complete_multipart_upload::failed(&answer) {
                return Err(ObjectError::refused(request.action(), at, &answer));
            }
            Ok(())
        };
        let outcome = all.await;
        if outcome.is_err() {
            // The parts would be paid for and shown to nobody.
            let abort = abort_multipart_upload::request(&at.bucket, &at.key, &id);
            let _ = self.call(at, &abort.named("give up writing")).await;
        }
        outcome
    }

    /// Sends the parts of the file, one after the other.
    async fn parts(
        &self,
        from: &Path,
        file: Arc<File>,
        part: u64,
        at: &ObjectAddress,
        id: &str,
        progress: &dyn Progress,
    ) -> Result<Vec<ETag>, ObjectError> {
        let mut etags = Vec::new();
        let mut offset = 0;
        loop {
            let (file, to, id, number) = (
                Arc::clone(&file),
                at.clone(),
                id.to_owned(),
                etags.len() + 1,
            );
            let written = move || {
                let bytes = piece(&file, offset, part)?;
                let length = bytes.len();
                let request = upload_part::request(&to.bucket, &to.key, &id, number, bytes);
                Ok((length, request.named("write").content_md5()))
            };
            let (length, request) = self
                .disk
                .run(written)
                .await
                .map_err(|error: io::Error| ObjectError::local("read", from, &error))?;
            if length == 0 {
                return Ok(etags);
            }
            let answer = self.call(at, &request).await?;
            let etag = ETag::of(&answer.headers)
                .ok_or_else(|| ObjectError::of(at, request.unexpected("no ETag")))?;
            etags.push(etag);
            progress.bytes(length);
            offset += part;
        }
    }
}

fn open(path: &Path) -> io::Result<(Arc<File>, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((Arc::new(file), size))
}

/// The bytes of the file from `offset` on, as many unless it ends before.
fn piece(file: &File, offset: u64, length: u64) -> io::Result<Bytes> {
    let left = file.metadata()?.len().saturating_sub(offset).min(length);
    let mut bytes = vec![0; usize::try_from(left).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}
