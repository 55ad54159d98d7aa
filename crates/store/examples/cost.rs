//! Prints what it costs to write and read a stamp: CPU in the program (everything but the file
//! system calls) and in the kernel (the file system calls).
//!
//! ```sh
//! cargo run --release -p skykey-store --example cost -- DIR 5000
//! ```
//!
//! The directory is created, and removed afterwards.

#![expect(clippy::print_stdout, reason = "it is for people to read")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use skykey_store::{After, Attributes, FileStore, ObjectStore, Precondition};
use skykey_types::SystemClock;

/// The size of an alert's stamp.
const STAMP_BYTES: usize = 20_160;
/// The kernel counts CPU time in hundredths of a second.
const MICROS_PER_TICK: u64 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let rounds: u64 = arguments.next().ok_or("how many times?")?.parse()?;
    std::fs::create_dir(&dir)?;
    let store = FileStore::open(&dir, Arc::new(SystemClock)).await?;
    store.create_bucket(&"stamps".parse()?).await?;

    let body = Bytes::from(vec![7; STAMP_BYTES]);
    let start = Used::now()?;
    for round in 0..rounds {
        let key = format!("stamps/{round:012}.fits");
        let size = Some(body.len() as u64);
        let mut writer = store.begin_write("stamps", &key, size).await?;
        writer.write(body.clone()).await?;
        let attributes = Attributes {
            content_type: Some("application/fits".to_owned()),
            ..Attributes::default()
        };
        writer.commit(attributes, Precondition::None).await?;
    }
    start.print("write", rounds)?;

    let start = Used::now()?;
    for round in 0..rounds {
        let key = format!("stamps/{round:012}.fits");
        store.head("stamps", &key).await?.ok_or("it is gone")?;
    }
    start.print("head", rounds)?;

    let start = Used::now()?;
    for round in 0..rounds {
        let key = format!("stamps/{round:012}.fits");
        let object = store.open("stamps", &key).await?.ok_or("it is gone")?;
        let pieces: Vec<Bytes> = object.all().try_collect().await?;
        assert_eq!(pieces.len(), 1, "a stamp is one piece");
    }
    start.print("open and read", rounds)?;

    let start = Used::now()?;
    for _ in 0..rounds {
        store
            .list("stamps", "", Some("/"), After::Nothing, 1000)
            .await?;
    }
    start.print("list one common prefix", rounds)?;

    drop(store);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// CPU time of this process, in ticks.
struct Used {
    program: u64,
    kernel: u64,
}

impl Used {
    fn now() -> Result<Self, Box<dyn Error>> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat is another")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut next = || fields.next().ok_or("/proc/self/stat is another");
        Ok(Self {
            program: next()?.parse()?,
            kernel: next()?.parse()?,
        })
    }

    fn print(&self, what: &str, rounds: u64) -> Result<(), Box<dyn Error>> {
        let now = Self::now()?;
        let micros = |from: u64, to: u64| (to - from) * MICROS_PER_TICK / rounds;
        println!(
            "{what}: {} us in the program, {} us in the kernel",
            micros(self.program, now.program),
            micros(self.kernel, now.kernel)
        );
        Ok(())
    }
}
