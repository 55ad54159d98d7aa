//! The circuit breaker: a system that keeps failing is left alone, so that it can recover and nobody
//! waits in vain.

use std::sync::Mutex;
use std::time::Duration;

use skykey_types::lock;
use tokio::time::Instant;

const MAX_PAUSE: Duration = Duration::from_mins(1);

/// What the last calls came to.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures in a row.
    failed: u32,
    /// Pauses in a row.
    pauses: u32,
    /// When the first failure was.
    since: Option<Instant>,
    /// How the last call failed.
    why: String,
    /// Calls are refused until then.
    until: Option<Instant>,
    /// One call has gone through to see whether it is over.
    trying: bool,
}

/// Why a call is not made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) left: Duration,
    pub(crate) why: String,
}

impl Breaker {
    pub(crate) fn new(failures: u32, pause: Duration) -> Self {
        Self {
            failures: failures.max(1),
            pause,
            state: Mutex::default(),
        }
    }

    /// Whether a call may be made now. After the pause one may, and the others wait for its outcome.
    pub(crate) fn admit(&self) -> Result<(), Closed> {
        let mut state = self.state();
        let Some(until) = state.until else {
            return Ok(());
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() && !state.trying {
            state.trying = true;
            return Ok(());
        }
        Err(Closed {
            left,
            why: state.why.clone(),
        })
    }

    /// A call was answered.
    pub(crate) fn answered(&self) {
        let mut state = self.state();
        if state.failed > 0 {
            *state = State::default();
        }
    }

    /// A call failed.
    pub(crate) fn failed(&self, why: &str) {
        let mut state = self.state();
        let now = Instant::now();
        state.failed = state.failed.saturating_add(1);
        state.since.get_or_insert(now);
        why.clone_into(&mut state.why);
        if state.failed >= self.failures && (state.until.is_none() || state.trying) {
            // Not by the failures: of many that were under way at once each fails.
            let doublings = state.pauses.min(10);
            state.pauses += 1;
            let pause = self.pause.saturating_mul(1 << doublings).min(MAX_PAUSE);
            state.until = Some(now + pause);
        }
        state.trying = false;
    }

    /// Whoever was admitted went away without an outcome: the next may try.
    pub(crate) fn gave_up(&self) {
        self.state().trying = false;
    }

    /// Since when calls fail and how, if the last one did.
    pub(crate) fn failing(&self) -> Option<(Duration, String)> {
        let state = self.state();
        let since = state.since?;
        Some((since.elapsed(), state.why.clone()))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_closes_after_failures_in_a_row_and_lets_one_try_later() {
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..2 {
            breaker.failed("reset");
            assert_eq!(breaker.admit(), Ok(()));
        }
        breaker.failed("reset");
        let closed = breaker.admit().unwrap_err();
        assert_eq!((closed.left, closed.why.as_str()), (PAUSE, "reset"));
        after(2).await;
        assert_eq!(breaker.admit(), Ok(()));
        assert!(breaker.admit().is_err(), "one at a time");
        breaker.failed("still away");
        let closed = breaker.admit().unwrap_err();
        assert_eq!(closed.left, PAUSE * 2, "longer each time");
        after(4).await;
        assert_eq!(breaker.admit(), Ok(()));
        breaker.answered();
        assert_eq!(breaker.admit(), Ok(()));
        assert_eq!(breaker.failing(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_fail_together_make_no_long_pause() {
        let breaker = Breaker::new(5, PAUSE);
        for _ in 0..32 {
            breaker.failed("reset");
        }
        after(2).await;
        assert_eq!(breaker.admit(), Ok(()));
        breaker.failed("still away");
        assert_eq!(breaker.admit().unwrap_err().left, PAUSE * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_starts_the_count_again() {
        let breaker = Breaker::new(2, PAUSE);
        breaker.failed("x");
        breaker.answered();
        breaker.failed("x");
        assert_eq!(breaker.admit(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_tries_and_goes_away_does_not_keep_the_others_out() {
        let breaker = Breaker::new(1, PAUSE);
        breaker.failed("x");
        after(2).await;
        assert_eq!(breaker.admit(), Ok(()));
        breaker.gave_up();
        assert_eq!(breaker.admit(), Ok(()));
    }
}
