//! Trying out what Keystone should refuse.

use std::future::Future;

/// What came of trying something that must be refused, and whether all traces are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What Keystone did.
    pub found: Found,
    /// What was made for the trial and could not be deleted, each with whom it belongs to; empty
    /// but for an outage in the middle.
    pub left_behind: Vec<String>,
}

/// What Keystone did when it was asked for what it must refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It refused.
    Refused,
    /// It did it: the fault is there. In words that go after "Keystone".
    Done(String),
    /// It cannot be tried here, and why.
    NotTried(String),
}

/// Does `work` even if whoever waits for it goes away, so that it cleans up behind itself.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        // It is cancelled only when the whole runtime ends, and then nobody waits here.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
