//! One examination after the other: each check is timed and told, and what depends on one that failed is
//! told as not done.

use std::time::Instant;

use tokio::sync::{mpsc, watch};

use crate::report::Check;

/// Where the checks of one system go, in their order.
pub struct Section(mpsc::UnboundedSender<Check>);

/// Why checks cannot be done that need another one: what is wrong, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because(pub String);

/// Why a check does not pass.
#[derive(Debug)]
pub enum NotWell {
    /// What it looks at is not as it should be.
    Failed {
        /// What was seen.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// Something else is in the way.
    Skipped(Because),
}

/// What a check brings: something for those that follow, and what was seen.
pub type Seen<T = ()> = Result<(T, String), NotWell>;

impl NotWell {
    /// A check that failed: what was seen, and what to do.
    pub fn failed(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Failed {
            found: found.into(),
            remedy: remedy.into(),
        }
    }
}

impl From<&Because> for NotWell {
    fn from(because: &Because) -> Self {
        Self::Skipped(because.clone())
    }
}

impl From<Because> for NotWell {
    fn from(because: Because) -> Self {
        Self::Skipped(because)
    }
}

impl Section {
    /// A section, and where its checks arrive.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Check>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Does a check and tells it. `otherwise` is why those that need it cannot be done if it fails.
    pub async fn check<T>(
        &self,
        name: &str,
        otherwise: &str,
        work: impl Future<Output = Seen<T>>,
    ) -> Result<T, Because> {
        let begun = Instant::now();
        let seen = work.await;
        let (outcome, ok, found, remedy) = match seen {
            Ok((value, found)) => (Ok(value), true, found, None),
            Err(NotWell::Failed { found, remedy }) => {
                let because = Because(otherwise.to_owned());
                (Err(because), false, found, Some(remedy))
            }
            Err(NotWell::Skipped(because)) => {
                let found = format!("skipped: {}", because.0);
                (Err(because), false, found, None)
            }
        };
        let check = Check {
            name: name.to_owned(),
            ok,
            took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            found: one_line(&found),
            remedy: remedy.map(|remedy| one_line(&remedy)),
        };
        // Nobody listens only when the whole examination is being dropped.
        let _ = self.0.send(check);
        outcome
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// What one examination leaves to others, who wait for it.
pub struct SharedResult<T>(watch::Sender<Option<Result<T, Because>>>);

impl<T> Default for SharedResult<T> {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl<T: Clone> SharedResult<T> {
    /// Says it, once.
    pub fn tell(&self, outcome: Result<T, Because>) {
        self.0.send_replace(Some(outcome));
    }

    /// Waits until it is said.
    pub async fn get(&self) -> Result<T, Because> {
        let mut receiver = self.0.subscribe();
        match receiver.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            _ => Err(Because("the checks before it ended early".to_owned())),
        }
    }
}
