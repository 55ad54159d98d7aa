//! Prints how much memory a store takes for each object.
//!
//! ```sh
//! cargo run -p skykey-store --example memory -- /dev/shm/skykey-memory 100000
//! ```
//!
//! The directory is created, and removed afterwards. A directory in memory saves waiting for a disk.

#![expect(clippy::print_stdout, reason = "it is for people to read")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use skykey_store::{Attributes, FileStore, ObjectStore, Precondition, StoreError};
use skykey_types::SystemClock;

const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let objects: u64 = arguments.next().ok_or("how many objects?")?.parse()?;
    if std::env::var_os("ONLY_FILL").is_some() {
        fill(&dir, objects).await?;
        return Ok(());
    }
    // Filled by another process, so that nothing of the writing counts.
    std::fs::create_dir(&dir)?;
    let filled = std::process::Command::new(std::env::current_exe()?)
        .arg(&dir)
        .arg(objects.to_string())
        .env("ONLY_FILL", "1")
        .status()?;
    let before = resident_bytes()?;
    let store = FileStore::open(&dir, Arc::new(SystemClock)).await?;
    let after = resident_bytes()?;
    println!(
        "{objects} objects: {} bytes of memory each",
        (after - before) / objects
    );
    drop(store);
    std::fs::remove_dir_all(&dir)?;
    if filled.success() {
        Ok(())
    } else {
        Err("the store was not filled".into())
    }
}

/// Writes objects as stamps of a survey are named and described.
async fn fill(dir: &std::path::Path, objects: u64) -> Result<(), StoreError> {
    let store = FileStore::open(dir, Arc::new(SystemClock)).await?;
    store
        .create_bucket(&"stamps".parse().expect("a bucket's name"))
        .await?;
    let store = &store;
    stream::iter(0..objects)
        .map(async |number| {
            let key = format!("stamps/{:010}/{number:012}.fits", number / 30);
            let mut writer = store.begin_write("stamps", &key, Some(20)).await?;
            writer
                .write(Bytes::from_static(b"twenty bytes of a st"))
                .await?;
            let attributes = Attributes {
                content_type: Some("application/fits".to_owned()),
                checksums: [("CRC64NVME".to_owned(), "AAAAAAAAAAA=".to_owned())].into(),
                ..Attributes::default()
            };
            writer
                .commit(attributes, Precondition::None)
                .await
                .map(drop)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// The resident memory of this process.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kibibytes.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
}
