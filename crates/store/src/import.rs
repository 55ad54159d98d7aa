//! Publishing the files below a directory.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use skykey_types::Timestamp;

use crate::{Attributes, ObjectStore, Precondition, Source, StoreError};

/// How many files are on their way at once: most of the time goes into waiting for the disk.
const AT_ONCE: usize = 16;
const READ_BYTES: u64 = 512 * 1024;

/// What an [`import`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Files that are new or have changed.
    pub added: u64,
    /// Files that are as they were.
    pub unchanged: u64,
    /// Symbolic links, devices and the like, which are not followed.
    pub skipped: u64,
    /// The size of the files that were added, in bytes.
    pub bytes: u64,
}

/// Publishes every regular file below `dir` as an object of `bucket` (which must exist). The key
/// is `prefix` followed by the file's path below `dir`, with `/` between the names. A file whose
/// size and time of modification are those of its last import is left alone. What was deleted from
/// the directory stays in the bucket. Symbolic links are not followed, so nothing outside the
/// directory is ever published. Stops at the first error; what was published stays.
///
/// A name that is not UTF-8 fails with [`StoreError::NameNotUtf8`], before anything is published.
pub async fn import(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    dir: &Path,
) -> Result<Imported, StoreError> {
    let (root, prefix) = (dir.to_owned(), prefix.to_owned());
    let (files, skipped) = blocking(dir, move || find_files(&root, &prefix)).await?;
    let start = Imported {
        skipped,
        ..Imported::default()
    };
    stream::iter(files)
        .map(|file| publish(store, bucket, file))
        .buffer_unordered(AT_ONCE)
        .try_fold(start, async |mut done, published| {
            match published {
                Some(size) => {
                    done.added += 1;
                    done.bytes += size;
                }
                None => done.unchanged += 1,
            }
            Ok(done)
        })
        .await
}

struct Found {
    key: String,
    path: PathBuf,
    metadata: Metadata,
}

fn find_files(dir: &Path, prefix: &str) -> Result<(Vec<Found>, u64), StoreError> {
    let mut files = Vec::new();
    let mut skipped = 0;
    let mut to_do = vec![(dir.to_owned(), prefix.to_owned())];
    while let Some((dir, prefix)) = to_do.pop() {
        for entry in fs::read_dir(&dir).map_err(StoreError::io("read", &dir))? {
            let entry = entry.map_err(StoreError::io("read", &dir))?;
            let path = entry.path();
            let metadata = entry.metadata().map_err(StoreError::io("read", &path))?;
            if !metadata.is_dir() && !metadata.is_file() {
                tracing::warn!(path = %path.display(), "not published: it is neither a file nor a directory");
                skipped += 1;
                continue;
            }
            let Ok(name) = entry.file_name().into_string() else {
                return Err(StoreError::NameNotUtf8 { path });
            };
            let key = format!("{prefix}{name}");
            if metadata.is_dir() {
                to_do.push((path, key + "/"));
            } else {
                files.push(Found {
                    key,
                    path,
                    metadata,
                });
            }
        }
    }
    Ok((files, skipped))
}

/// The size of what was published, or `None` if it is there already.
async fn publish(
    store: &dyn ObjectStore,
    bucket: &str,
    found: Found,
) -> Result<Option<u64>, StoreError> {
    let Found {
        key,
        path,
        metadata,
    } = found;
    let modified = metadata
        .modified()
        .and_then(|time| Timestamp::try_from(time).map_err(io::Error::other));
    let modified = modified.map_err(StoreError::io("read the time of", &path))?;
    let source = Source {
        size: metadata.len(),
        modified,
    };
    if let Some(info) = store.head(bucket, &key).await?
        && info.attributes.source.as_ref() == Some(&source)
    {
        return Ok(None);
    }

    let mut writer = store
        .begin_write(bucket, &key, Some(metadata.len()))
        .await?;
    let mut file = open_same(&path, &metadata).await?;
    loop {
        let (bytes, same) = blocking(&path, {
            let path = path.clone();
            move || {
                let mut bytes = Vec::new();
                (&file)
                    .take(READ_BYTES)
                    .read_to_end(&mut bytes)
                    .map_err(StoreError::io("read", &path))?;
                Ok((bytes, file))
            }
        })
        .await?;
        file = same;
        if bytes.is_empty() {
            break;
        }
        writer.write(Bytes::from(bytes)).await?;
    }
    let attributes = Attributes {
        content_type: Some(content_type(&key).to_owned()),
        source: Some(source),
        ..Attributes::default()
    };
    let info = writer.commit(attributes, Precondition::None).await?;
    Ok(Some(info.size))
}

/// Opens the file that was found. If a link took its place meanwhile, it is another one.
async fn open_same(path: &Path, found: &Metadata) -> Result<File, StoreError> {
    let identity = (found.dev(), found.ino());
    let name = path.to_owned();
    blocking(path, move || {
        let file = File::open(&name).map_err(StoreError::io("open", &name))?;
        let now = file.metadata().map_err(StoreError::io("read", &name))?;
        if (now.dev(), now.ino()) == identity {
            Ok(file)
        } else {
            let changed = io::Error::other("another file took its place meanwhile");
            Err(StoreError::io("import", &name)(changed))
        }
    })
    .await
}

fn content_type(key: &str) -> &'static str {
    let lower = key.to_ascii_lowercase();
    if [".fits", ".fit", ".fits.fz"]
        .iter()
        .any(|end| lower.ends_with(end))
    {
        "application/fits"
    } else {
        "application/octet-stream"
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::io("import", path)(io::Error::other(error))),
    }
}
