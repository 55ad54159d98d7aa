//! How long to wait before the next attempt.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use rand::Rng;

const FIRST: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// A system may ask for more patience than ours, within reason.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Before attempt `next` (2 is the first repetition): anything up to twice as much each time, so that
/// many who failed together do not come back together. Not less than the answer asked for.
pub(crate) fn before(next: u32, headers: Option<&HeaderMap>) -> Duration {
    let most = FIRST
        .saturating_mul(1 << next.saturating_sub(2).min(16))
        .min(MAX_PAUSE);
    let jittered = most.mul_f64(rand::rng().random_range(0.5..=1.0));
    jittered.max(asked(headers).unwrap_or_default())
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); its other form, a date, is not worth a clock.
fn asked(headers: Option<&HeaderMap>) -> Option<Duration> {
    let seconds = headers?
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_and_ends() {
        for (next, most) in [(2, 100), (3, 200), (4, 400), (60, 2000)] {
            let pause = before(next, None).as_millis();
            assert!(pause * 2 >= most && pause <= most, "{next}: {pause}");
        }
    }

    #[test]
    fn the_system_may_ask_for_patience_within_reason() {
        let mut headers = HeaderMap::new();
        for (text, seconds) in [("1", 1), ("86400", 5)] {
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(before(2, Some(&headers)), Duration::from_secs(seconds));
        }
        headers.insert(
            RETRY_AFTER,
            "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap(),
        );
        assert!(before(2, Some(&headers)) <= Duration::from_millis(100));
    }
}
