//! One file to one object.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;

use crate::ops::{
    abort_multipart_upload, complete_multipart_upload, create_multipart_upload, upload_part,
};
use crate::store::unexpected;
use crate::{ETag, ObjectAddress, ObjectError, Objects, Progress};

/// Up to this size in one piece, above it in parts of this size or more.
const PART: u64 = 16 << 20;
/// S3's (AWS, "Amazon S3 multipart upload limits").
const MOST_PARTS: u64 = 10_000;

impl Objects {
    /// Copies a file to an object; unless `replace`, only where nothing is yet. A copy that fails leaves
    /// nothing in the store. How many bytes were copied.
    pub async fn upload(
        &self,
        from: &Path,
        at: &ObjectAddress,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<u64, ObjectError> {
        let local = |error: &io::Error| ObjectError::local("read", from, error);
        let mut file = File::open(from).map_err(|error| local(&error))?;
        let size = file.metadata().map_err(|error| local(&error))?.len();
        if !replace && self.head(at).await?.is_some() {
            return Err(ObjectError::ObjectExists(at.clone()));
        }
        let part = PART.max(size.div_ceil(MOST_PARTS));
        let first = piece(&mut file, part).map_err(|error| local(&error))?;
        let outcome = if size <= PART {
            let length = first.len();
            let put = self.put(at, first, replace).await;
            put.map(|()| progress.bytes(length))
        } else {
            self.in_parts(from, file, first, at, replace, progress)
                .await
        };
        match outcome {
            // Somebody was faster.
            Err(ObjectError::Failed { status: 412, .. }) => {
                Err(ObjectError::ObjectExists(at.clone()))
            }
            other => other.map(|()| size),
        }
    }

    async fn in_parts(
        &self,
        from: &Path,
        mut file: File,
        first: Bytes,
        at: &ObjectAddress,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<(), ObjectError> {
        let begin = create_multipart_upload::ask(at);
        let begun = self.must(&begin).await?;
        let id = create_multipart_upload::id(&begun).map_err(|why| unexpected(&begin, &why))?;
        let all = async {
            let part = u64::try_from(first.len()).unwrap_or(PART);
            let mut next = first;
            let mut etags = Vec::new();
            while !next.is_empty() {
                let length = next.len();
                let ask = upload_part::ask(at, &id, etags.len() + 1, next);
                let answer = self.must(&ask).await?;
                let etag = answer.headers.get(http::header::ETAG);
                let etag = etag
                    .and_then(|etag| etag.to_str().ok())
                    .ok_or_else(|| unexpected(&ask, "no ETag"))?;
                etags.push(ETag::new(etag));
                progress.bytes(length);
                next = piece(&mut file, part)
                    .map_err(|error| ObjectError::local("read", from, &error))?;
            }
            let ask = complete_multipart_upload::ask(at, &id, &etags, replace);
            let answer = self.must(&ask).await?;
            // Its status is sent before it is done (AWS, CompleteMultipartUpload).
            if answer.text().contains("<Error") {
                return Err(ObjectError::of(ask.operation, at, &answer));
            }
            Ok(())
        };
        let outcome = all.await;
        if outcome.is_err() {
            // The parts would be paid for and shown to nobody.
            let _ = self.must(&abort_multipart_upload::ask(at, &id)).await;
        }
        outcome
    }
}

/// The next bytes of the file, as many unless it ends before.
fn piece(file: &mut File, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
