//! Something asked of the IAM that is believed for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skykey_types::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::IamError;

/// The last answer. Whoever asks while it is being fetched waits for the one fetch under way, and
/// shares its failure.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    state: Mutex<State<T>>,
    failures: AtomicU64,
}

#[derive(Debug)]
struct State<T> {
    value: Option<(Timestamp, Arc<T>)>,
    failed: Option<(Timestamp, IamError)>,
}

/// For how long an answer is believed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    /// Younger than this, it is not asked for again.
    pub(crate) fresh: SignedDuration,
    /// Younger than this, it still serves while the IAM is away.
    pub(crate) stale: SignedDuration,
    /// After a failure the IAM is not asked again within this, if it has ever answered.
    pub(crate) again: SignedDuration,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                value: None,
                failed: None,
            }),
            failures: AtomicU64::new(0),
        }
    }
}

impl<T> Cached<T> {
    /// What is kept, if it is young enough, or what `fetch` brings.
    pub(crate) async fn get(
        &self,
        now: Timestamp,
        age: Age,
        fetch: impl Future<Output = Result<T, IamError>>,
    ) -> Result<Arc<T>, IamError> {
        let failures = self.failures.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        let younger = |at: Timestamp, than| now.duration_since(at).abs() < than;
        if let Some((at, value)) = &state.value
            && younger(*at, age.fresh)
        {
            return Ok(value.clone());
        }
        let old = state
            .value
            .as_ref()
            .filter(|(at, _)| younger(*at, age.stale))
            .map(|(_, value)| value.clone());
        if let Some((at, error)) = &state.failed {
            let shared = self.failures.load(Ordering::SeqCst) != failures;
            if shared || (state.value.is_some() && younger(*at, age.again)) {
                return old.ok_or_else(|| error.clone());
            }
        }
        match fetch.await {
            Ok(value) => {
                let value = Arc::new(value);
                state.value = Some((now, value.clone()));
                state.failed = None;
                Ok(value)
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::SeqCst);
                let old = old.filter(|_| error.is_outage());
                state.failed = Some((now, error.clone()));
                old.ok_or(error)
            }
        }
    }

    /// Forgets what is kept, if it is `value`.
    pub(crate) async fn forget(&self, value: &Arc<T>) {
        let mut state = self.state.lock().await;
        if let Some((_, kept)) = &state.value
            && Arc::ptr_eq(kept, value)
        {
            state.value = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const AGE: Age = Age {
        fresh: SignedDuration::from_secs(100),
        stale: SignedDuration::from_secs(1000),
        again: SignedDuration::from_secs(10),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn away() -> IamError {
        IamError::Refused {
            operation: "ask",
            status: 503,
            code: String::new(),
            why: String::new(),
        }
    }

    async fn yields<T>(outcome: T) -> T {
        tokio::task::yield_now().await;
        outcome
    }

    #[tokio::test]
    async fn it_is_fetched_once_while_it_is_fresh() {
        let cached = Cached::default();
        let fetched = AtomicUsize::new(0);
        let fetch = async || {
            fetched.fetch_add(1, Ordering::SeqCst);
            yields(Ok(1)).await
        };
        let asks = [
            cached.get(at(0), AGE, fetch()),
            cached.get(at(99), AGE, fetch()),
        ];
        for ask in asks {
            assert_eq!(*ask.await.unwrap(), 1);
        }
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
        cached.get(at(100), AGE, fetch()).await.unwrap();
        assert_eq!(fetched.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn whoever_waits_shares_a_failure() {
        let cached: Cached<()> = Cached::default();
        let fetched = AtomicUsize::new(0);
        let fetch = async || {
            fetched.fetch_add(1, Ordering::SeqCst);
            yields(Err(away())).await
        };
        let (a, b) = tokio::join!(
            cached.get(at(0), AGE, fetch()),
            cached.get(at(0), AGE, fetch())
        );
        assert_eq!((a.unwrap_err(), b.unwrap_err()), (away(), away()));
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
        cached.get(at(0), AGE, fetch()).await.unwrap_err();
        assert_eq!(fetched.load(Ordering::SeqCst), 2, "the next one asks again");
    }

    #[tokio::test]
    async fn an_old_answer_serves_while_the_iam_is_away_but_not_for_ever() {
        let cached = Cached::default();
        cached.get(at(0), AGE, async { Ok(1) }).await.unwrap();
        let asked = AtomicUsize::new(0);
        let fails = async || {
            asked.fetch_add(1, Ordering::SeqCst);
            Err(away())
        };
        for second in [200, 201, 209, 210] {
            assert_eq!(*cached.get(at(second), AGE, fails()).await.unwrap(), 1);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "at 200 and at 210");
        assert_eq!(cached.get(at(1000), AGE, fails()).await, Err(away()));
        let no = IamError::NoLongerVouched;
        cached.get(at(2000), AGE, async { Ok(2) }).await.unwrap();
        let refused = cached.get(at(2200), AGE, async { Err(no.clone()) }).await;
        assert_eq!(refused, Err(no), "a no is a no");
    }
}
