//! Whether bytes move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

/// Counts the bytes of an exchange in both directions. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// So many bytes have moved.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns once no byte has moved for `limit`, at the latest after twice as long.
    pub(crate) async fn stalled(&self, limit: Duration) {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            sleep(limit).await;
            let now = self.0.load(Ordering::Relaxed);
            if now == seen {
                return;
            }
            seen = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_moves_has_not_stalled_however_slow_it_is() {
        let limit = Duration::from_secs(10);
        let progress = Progress::default();
        let moving = progress.clone();
        let begun = Instant::now();
        let move_slowly = async {
            for _ in 0..100 {
                advance(Duration::from_secs(5)).await;
                moving.add(1);
            }
        };
        let ((), ()) = tokio::join!(progress.stalled(limit), move_slowly);
        let took = begun.elapsed();
        assert!(took >= limit * 50 && took <= limit * 53, "{took:?}");
    }
}
