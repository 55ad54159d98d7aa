//! Making a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::breaker::Breaker;
use crate::call::is_outage;
use crate::fault::told;
use crate::{Answer, Call, Fault, Opened, Outcome, Repeat, Settings, SetupError, pause, roots};

/// One system. Clones share the connections, the limit and the breaker.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    settings: Settings,
    places: Arc<Semaphore>,
    breaker: Breaker,
}

/// How a system is doing, by the calls that were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The last call was answered, or there was none.
    Well,
    /// Calls fail.
    Failing {
        /// For how long.
        since: Duration,
        /// How.
        why: String,
    },
}

impl Upstream {
    /// Connects to nothing yet: the system may come up later.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let client = match builder(&settings)?.build() {
            Ok(client) => client,
            Err(error) => roots::without_the_machines(builder(&settings)?, &settings, error)?,
        };
        Ok(Self(Arc::new(Inner {
            client,
            places: Arc::new(Semaphore::new(settings.at_once.max(1))),
            breaker: Breaker::new(settings.failures, settings.pause),
            settings,
        })))
    }

    /// The system's name.
    pub fn system(&self) -> &'static str {
        self.0.settings.system
    }

    /// How it is doing.
    pub fn standing(&self) -> Standing {
        match self.0.breaker.failing() {
            None => Standing::Well,
            Some((since, why)) => Standing::Failing { since, why },
        }
    }

    /// Makes the call. What is answered in time is an answer, whatever its status; 429 and 5xx are
    /// tried again first, if the call may be repeated and time is left.
    pub async fn send(&self, call: &Call) -> Result<Answer, Fault> {
        let inner = &*self.0;
        let Settings { system, total, .. } = inner.settings;
        let deadline = Instant::now() + total;
        let _place = inner.place(call, deadline).await?;
        let mut attempt = 1;
        loop {
            let exchange = inner.exchange(call);
            let outcome = inner.attempt(call.operation, deadline, exchange).await;
            let (again, headers) = match &outcome {
                Ok(answer) => (
                    answer.status == 429 || (answer.is_outage() && call.repeat == Repeat::Safely),
                    Some(&answer.headers),
                ),
                Err((fault, sent)) => (
                    !matches!(fault, Fault::LeftAlone { .. } | Fault::TooLong { .. })
                        && (call.repeat == Repeat::Safely || !sent),
                    None,
                ),
            };
            attempt += 1;
            let wait = pause::before(attempt, headers);
            if !again || attempt > inner.settings.attempts || Instant::now() + wait >= deadline {
                return outcome.map_err(|(fault, _)| fault);
            }
            tracing::debug!(
                system,
                operation = call.operation,
                attempt,
                ?wait,
                "trying again"
            );
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes the call once, and answers when the head of the answer is there; the body is read after
    /// that, as long as it may be. Whoever reads goes on where it broke, so nothing is tried again here.
    pub async fn open(&self, call: &Call) -> Result<Opened, Fault> {
        let inner = &*self.0;
        let deadline = Instant::now() + inner.settings.total;
        let place = inner.place(call, deadline).await?;
        let begin = inner.begin(call);
        let response = inner
            .attempt(call.operation, deadline, begin)
            .await
            .map_err(|(fault, _)| fault)?;
        Ok(Opened::new(
            response,
            call.operation,
            &inner.settings,
            place,
        ))
    }
}

fn builder(settings: &Settings) -> Result<reqwest::ClientBuilder, SetupError> {
    let builder = reqwest::Client::builder()
        .connect_timeout(settings.connect)
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .user_agent(concat!("skykey/", env!("CARGO_PKG_VERSION")));
    let builder = if settings.proxy {
        builder
    } else {
        builder.no_proxy()
    };
    let Some(path) = &settings.authorities else {
        return Ok(builder);
    };
    let unreadable = |why: String| SetupError::Authorities {
        path: path.clone(),
        why,
    };
    let pem = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| unreadable(error.to_string()))?;
    if found.is_empty() {
        return Err(unreadable("it holds no PEM certificate".to_owned()));
    }
    Ok(builder.tls_certs_merge(found))
}

/// A failure, and whether the request may have been received.
type Failure = (Fault, bool);

/// What has a status.
trait Head {
    fn status(&self) -> u16;
}

impl Head for Answer {
    fn status(&self) -> u16 {
        self.status
    }
}

impl Head for reqwest::Response {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }
}

impl Inner {
    /// A place among the calls that are under way.
    async fn place(&self, call: &Call, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
        let permit = timeout_at(deadline, self.places.clone().acquire_owned())
            .await
            .map_err(|_| Fault::Late {
                system: self.settings.system,
                operation: call.operation,
                within: self.settings.total,
            })?;
        Ok(permit.expect("the semaphore is never closed"))
    }

    /// One attempt, with its place in the breaker and in the metrics.
    async fn attempt<T: Head>(
        &self,
        operation: &'static str,
        deadline: Instant,
        exchange: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Settings {
            system, metrics, ..
        } = &self.settings;
        if let Err(closed) = self.breaker.admit() {
            metrics.count(system, operation, Outcome::LeftAlone, None);
            let fault = Fault::LeftAlone {
                system,
                operation,
                left: closed.left,
                why: closed.why,
            };
            return Err((fault, false));
        }
        // Whoever asks may go away at any time; the breaker must hear of it.
        let mut admitted = Admitted(Some(&self.breaker));
        let _under_way = metrics.begin(system);
        let begun = Instant::now();
        let within = self
            .settings
            .attempt
            .min(deadline.saturating_duration_since(begun));
        let outcome = match timeout(within, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err((
                Fault::Late {
                    system,
                    operation,
                    within,
                },
                true,
            )),
        };
        admitted.0 = None;
        let word = match &outcome {
            Ok(answer) if is_outage(answer.status()) => Outcome::Failed,
            Ok(answer) if answer.status() >= 400 => Outcome::Refused,
            Ok(_) => Outcome::Ok,
            Err((Fault::Late { .. }, _)) => Outcome::Late,
            Err(_) => Outcome::Unreachable,
        };
        metrics.count(system, operation, word, Some(begun.elapsed()));
        match &outcome {
            // It asks for patience; it is there.
            Ok(answer) if is_outage(answer.status()) && answer.status() != 429 => {
                self.breaker
                    .failed(&format!("it answered with {}", answer.status()));
            }
            Ok(_) => self.breaker.answered(),
            Err((fault, _)) => {
                let why = fault.why();
                tracing::debug!(system, operation, why, "no answer");
                self.breaker.failed(&why);
            }
        }
        outcome
    }

    /// Sends, and waits for the head of the answer.
    async fn begin(&self, call: &Call) -> Result<reqwest::Response, Failure> {
        let unreachable = |error: reqwest::Error, sent: bool| {
            let fault = Fault::Unreachable {
                system: self.settings.system,
                operation: call.operation,
                why: told(error),
            };
            (fault, sent)
        };
        let request = reqwest::Request::try_from(call.request.clone())
            .map_err(|error| unreachable(error, false))?;
        self.client.execute(request).await.map_err(|error| {
            let sent = !error.is_connect() && !error.is_builder();
            unreachable(error, sent)
        })
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Failure> {
        let response = self.begin(call).await?;
        let Settings {
            system, longest, ..
        } = self.settings;
        whole(response, system, call.operation, longest)
            .await
            .map_err(|fault| (fault, true))
    }
}

/// Reads the answer to its end, if that comes within `longest` bytes.
pub(crate) async fn whole(
    mut response: reqwest::Response,
    system: &'static str,
    operation: &'static str,
    longest: usize,
) -> Result<Answer, Fault> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    while let Some(part) = response.chunk().await.map_err(|error| Fault::Unreachable {
        system,
        operation,
        why: told(error),
    })? {
        if body.len() + part.len() > longest {
            return Err(Fault::TooLong {
                system,
                operation,
                limit: longest,
            });
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer {
        status,
        headers,
        body: Bytes::from(body),
    })
}

/// Tells the breaker if whoever was admitted goes away.
struct Admitted<'a>(Option<&'a Breaker>);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.0 {
            breaker.gave_up();
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("system", &self.system())
            .finish_non_exhaustive()
    }
}
