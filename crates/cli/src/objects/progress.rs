//! How far a copy is, on a terminal, and what became of it.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use skykey_transfer::{Downloaded, Progress, Tally};
use tokio::time::Instant;

use super::sizes::human;

/// A line on standard error that grows; nothing where that is no terminal.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    begun: Instant,
}

impl Bar {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = if quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        let style = ProgressStyle::with_template(
            "{binary_bytes} of {binary_total_bytes}  {wide_bar}  {binary_bytes_per_sec}  {eta} left",
        );
        // A template that is not one leaves the usual style.
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        Self {
            bar,
            begun: Instant::now(),
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// What became of it, in a sentence.
    pub(super) fn summary(&self, tally: &Tally) -> String {
        summary(tally, self.begun.elapsed())
    }
}

impl Progress for Bar {
    fn found(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    fn bytes(&self, bytes: usize) {
        self.bar.inc(u64::try_from(bytes).unwrap_or_default());
    }

    fn done(&self, bytes: u64, outcome: Option<Downloaded>) {
        // What is not copied is no longer to be waited for.
        if !matches!(outcome, Some(Downloaded::Copied(_))) {
            self.bar.dec_length(bytes);
        }
    }
}

fn summary(tally: &Tally, took: Duration) -> String {
    let objects = |count: u64| match count {
        1 => "1 object".to_owned(),
        count => format!("{count} objects"),
    };
    let mut text = format!("copied {}", objects(tally.copied));
    if tally.copied > 0 {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = u128::from(tally.bytes) * 1000 / u128::from(millis);
        let rate = human(u64::try_from(rate).unwrap_or(u64::MAX));
        let _ = write!(
            text,
            ", {} in {:.1} s ({rate}/s)",
            human(tally.bytes),
            took.as_secs_f64()
        );
    }
    if tally.were_there > 0 {
        let _ = write!(
            text,
            "; {} the same already there",
            objects(tally.were_there)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_how_much_and_how_fast() {
        let tally = Tally {
            copied: 3,
            bytes: 60_480,
            were_there: 1,
            failed: 0,
        };
        assert_eq!(
            summary(&tally, Duration::from_secs(2)),
            "copied 3 objects, 59.0 KiB in 2.0 s (29.5 KiB/s); 1 object the same already there"
        );
        let nothing = Tally {
            were_there: 2,
            ..Tally::default()
        };
        assert_eq!(
            summary(&nothing, Duration::ZERO),
            "copied 0 objects; 2 objects the same already there"
        );
    }
}
