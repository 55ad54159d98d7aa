//! Tests of requests that Keystone must refuse.

use std::future::Future;

/// The result of a request that must be refused, and its leftovers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Keystone's reaction.
    pub found: Found,
    /// What the test created and could not delete, each with its owner; empty except after an outage.
    pub left_behind: Vec<String>,
}

/// Keystone's reaction to a request that it must refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It refused.
    Refused,
    /// It did it: it has the fault. The text continues a sentence that begins with "Keystone".
    Done(String),
    /// It cannot be tested here; the text says why.
    NotTried(String),
}

/// Runs `work` to its end also if the caller is dropped, so that it cleans up.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        // It is cancelled only when the whole runtime ends, and then nobody waits here.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
