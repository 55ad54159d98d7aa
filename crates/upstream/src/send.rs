//! Making a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use http::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::redirect;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::body::Progress;
use crate::breaker::Breaker;
use crate::call::is_outage;
use crate::fault::told;
use crate::{
    Answer, AttemptOutcome, Call, Fault, Opened, Repeat, RequestBody, Settings, SetupError, pause,
    roots,
};

/// One system. Clones share the connections, the limit and the breaker.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    settings: Settings,
    places: Arc<Semaphore>,
    breaker: Breaker,
}

/// The state of a system, judged by the calls so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The last call was answered, or there was none.
    Healthy,
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
            places: Arc::new(Semaphore::new(
                settings.at_once.clamp(1, Semaphore::MAX_PERMITS),
            )),
            breaker: Breaker::new(settings.failures, settings.pause),
            settings,
        })))
    }

    /// The system's name.
    pub fn system(&self) -> &'static str {
        self.0.settings.system
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        match self.0.breaker.failing() {
            None => Health::Healthy,
            Some((since, why)) => Health::Failing { since, why },
        }
    }

    /// Makes the call. What is answered in time is an answer, whatever its status; 429 and 5xx are
    /// tried again first, if the call may be repeated and time is left.
    pub async fn send(&self, call: &Call) -> Result<Answer, Fault> {
        let inner = &*self.0;
        let Settings { system, total, .. } = inner.settings;
        let deadline = Instant::now() + total;
        let _place = inner.place(call.operation, deadline).await?;
        let mut attempt = 1;
        loop {
            let progress = Progress::default();
            // Boxed, since callers hold it in futures of their own.
            let exchange = Box::pin(inner.exchange(call, &progress));
            let outcome = inner
                .attempt(call.operation, deadline, &progress, exchange)
                .await;
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

    /// Makes the call once, and returns when the head of the answer is there; the body is read after
    /// that, as long as it may be. A reader that can go on where it broke does better than a repetition
    /// here.
    pub async fn open(&self, call: &Call) -> Result<Opened, Fault> {
        let request = call.request.clone().map(RequestBody::from);
        self.stream(call.operation, request).await
    }

    /// Sends a request whose body streams, once, and returns when the head of the answer is there.
    /// `operation` goes after "cannot". Nothing is copied. With
    /// [`by_progress`](Settings::by_progress) it takes as long as bytes move.
    pub async fn stream(
        &self,
        operation: &'static str,
        request: http::Request<RequestBody>,
    ) -> Result<Opened, Fault> {
        let inner = &*self.0;
        let deadline = Instant::now() + inner.settings.total;
        let place = inner.place(operation, deadline).await?;
        let progress = Progress::default();
        let begin = Box::pin(inner.begin(operation, request, &progress));
        let response = inner
            .attempt(operation, deadline, &progress, begin)
            .await
            .map_err(|(fault, _)| fault)?;
        Ok(Opened::new(response, operation, &inner.settings, place))
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
    // One request a connection at a time moves large bodies best.
    let builder = if settings.by_progress {
        builder.http1_only()
    } else {
        builder
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
    async fn place(
        &self,
        operation: &'static str,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Fault> {
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => return Ok(permit),
            Err(_) => timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await,
        };
        let permit = permit.map_err(|_| Fault::Late {
            system: self.settings.system,
            operation,
            within: self.settings.total,
        })?;
        Ok(permit.expect("the semaphore is never closed"))
    }

    /// One attempt, with its place in the breaker and in the metrics.
    async fn attempt<T: Head>(
        &self,
        operation: &'static str,
        deadline: Instant,
        progress: &Progress,
        exchange: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Settings {
            system, metrics, ..
        } = &self.settings;
        if let Err(closed) = self.breaker.admit() {
            metrics.count(system, operation, AttemptOutcome::LeftAlone, None);
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
        let within = if self.settings.by_progress {
            self.settings.attempt
        } else {
            let left = deadline.saturating_duration_since(begun);
            self.settings.attempt.min(left)
        };
        let late = async {
            if self.settings.by_progress {
                progress.stalled(within).await;
            } else {
                tokio::time::sleep(within).await;
            }
        };
        let outcome = tokio::select! {
            biased;
            outcome = exchange => outcome,
            () = late => Err((
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
            Ok(answer) if is_outage(answer.status()) => AttemptOutcome::Failed,
            Ok(answer) if answer.status() >= 400 => AttemptOutcome::Refused,
            Ok(_) => AttemptOutcome::Ok,
            Err((Fault::Late { .. }, _)) => AttemptOutcome::Late,
            Err(_) => AttemptOutcome::Unreachable,
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
    async fn begin(
        &self,
        operation: &'static str,
        request: http::Request<RequestBody>,
        progress: &Progress,
    ) -> Result<reqwest::Response, Failure> {
        let unreachable = |error: reqwest::Error, sent: bool| {
            let fault = Fault::Unreachable {
                system: self.settings.system,
                operation,
                why: told(error),
            };
            (fault, sent)
        };
        let mut request = request;
        if request.body().length() == 0 && announces_nothing(request.method()) {
            let headers = request.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let request = request.map(|body| reqwest::Body::wrap(body.counted(progress.clone())));
        let request =
            reqwest::Request::try_from(request).map_err(|error| unreachable(error, false))?;
        self.client.execute(request).await.map_err(|error| {
            let sent = !error.is_connect() && !error.is_builder();
            unreachable(error, sent)
        })
    }

    async fn exchange(&self, call: &Call, progress: &Progress) -> Result<Answer, Failure> {
        let request = call.request.clone().map(RequestBody::from);
        let response = self.begin(call.operation, request, progress).await?;
        let Settings {
            system, longest, ..
        } = self.settings;
        whole(response, system, call.operation, longest, progress)
            .await
            .map_err(|fault| (fault, true))
    }
}

/// Whether a server that gets no length would ask for one: the method says that a body may come.
fn announces_nothing(method: &Method) -> bool {
    matches!(*method, Method::PUT | Method::POST | Method::PATCH)
}

/// Reads the answer to its end, if that comes within `longest` bytes.
async fn whole(
    mut response: reqwest::Response,
    system: &'static str,
    operation: &'static str,
    longest: usize,
    progress: &Progress,
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
        progress.add(part.len());
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
