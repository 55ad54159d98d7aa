//! A reverse proxy that stands between skykey and one system and does to its requests what the network
//! and tired servers do. It counts what came, and gathers every secret that went through.

mod secrets;
mod talk;
pub(crate) mod tls;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

use talk::{Ending, talk};

/// What is done to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    Pass,
    /// It is passed on, and the answer comes so much later.
    Slow(Duration),
    /// The connection is reset; the system never hears of it.
    ResetBefore,
    /// The system does it, and the connection is reset instead of the answer.
    ResetAfter,
    /// A proxy before the system answers in its place: status, content type, body. A status
    /// of 429 or 503 has a `Retry-After` of one second.
    Answers(u16, &'static str, &'static str),
    /// The system does it, and the proxy before it reports a failure: a status.
    FailsAfter(u16),
    /// The system does it, and its answer ends in the middle.
    Truncated,
    /// Nothing ever comes.
    BlackHole,
}

impl Fault {
    /// A status with nothing to it.
    pub(crate) const fn status(status: u16) -> Self {
        Self::Answers(status, "text/plain", "")
    }

    /// A page for people, where a program asked.
    pub(crate) const fn page(status: u16) -> Self {
        let page = "<!DOCTYPE html><html><body><h1>We are down for maintenance</h1></body></html>";
        Self::Answers(status, "text/html", page)
    }

    /// JSON of something else.
    pub(crate) const fn wrong_json() -> Self {
        Self::Answers(
            200,
            "application/json",
            "{\"status\":\"ok\",\"items\":[1,2]}",
        )
    }

    /// XML of something else.
    pub(crate) const fn wrong_xml() -> Self {
        Self::Answers(
            200,
            "text/xml",
            "<?xml version=\"1.0\"?><Status><Ok/></Status>",
        )
    }

    /// Whether the system gets to do what was asked.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Pass
            | Self::Slow(_)
            | Self::ResetAfter
            | Self::FailsAfter(_)
            | Self::Truncated => true,
            Self::ResetBefore | Self::Answers(..) | Self::BlackHole => false,
        }
    }
}

struct Rule {
    method: &'static str,
    /// Part of the path and query.
    path: &'static str,
    fault: Fault,
    /// How many more times.
    left: usize,
}

/// What happens now and then to requests that no rule is for.
struct Weather {
    random: StdRng,
    /// Of a hundred requests.
    percent: u32,
    faults: Vec<Fault>,
}

#[derive(Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    tls: Mutex<Option<TlsAcceptor>>,
    rules: Mutex<Vec<Rule>>,
    weather: Mutex<Option<Weather>>,
    /// Method and path of every request that came.
    came: Mutex<Vec<(String, String)>>,
    secrets: Mutex<BTreeSet<String>>,
    http: reqwest::Client,
}

impl Shared {
    /// What is to be done to a request, which is counted.
    fn judge(&self, method: &str, path: &str) -> Fault {
        lock(&self.came).push((method.to_owned(), path.to_owned()));
        let mut rules = lock(&self.rules);
        let fits = |rule: &&mut Rule| {
            rule.left > 0
                && (rule.method.is_empty() || rule.method == method)
                && path.contains(rule.path)
        };
        match rules.iter_mut().find(fits) {
            None => self.blow(),
            Some(rule) => {
                rule.left -= 1;
                rule.fault.clone()
            }
        }
    }

    fn blow(&self) -> Fault {
        let mut weather = lock(&self.weather);
        let Some(weather) = &mut *weather else {
            return Fault::Pass;
        };
        if weather.random.random_range(0..100) >= weather.percent {
            return Fault::Pass;
        }
        let which = weather.random.random_range(0..weather.faults.len());
        weather.faults[which].clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// The proxy, until it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepts: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port. Where it leads is said later, by [`Proxy::lead_to`].
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            ..Shared::default()
        });
        let accepts = tokio::spawn(accept(listener, shared.clone()));
        Self {
            address,
            shared,
            accepts,
        }
    }

    /// The system behind it.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *lock(&self.shared.target) = Some(target);
    }

    /// From now on with TLS, or plainly.
    pub(crate) fn speak(&self, tls: Option<TlsAcceptor>) {
        *lock(&self.shared.tls) = tls;
    }

    /// Its own address.
    pub(crate) fn url(&self, scheme: &str) -> Url {
        format!("{scheme}://{}/", self.address).parse().unwrap()
    }

    /// Does `fault` to the next `times` requests of that method (empty: any) whose path holds `path`.
    pub(crate) fn rule(
        &self,
        method: &'static str,
        path: &'static str,
        fault: Fault,
        times: usize,
    ) {
        lock(&self.shared.rules).push(Rule {
            method,
            path,
            fault,
            left: times,
        });
    }

    /// Does it to all of them.
    pub(crate) fn always(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.rule(method, path, fault, usize::MAX);
    }

    /// From now on one of `faults` happens to so many of a hundred requests that no rule is for. Which ones
    /// follows from `seed`.
    pub(crate) fn weather(&self, percent: u32, faults: Vec<Fault>, seed: u64) {
        *lock(&self.shared.weather) = Some(Weather {
            random: StdRng::seed_from_u64(seed),
            percent,
            faults,
        });
    }

    /// Removes all faults and resets the counts.
    pub(crate) fn heal(&self) {
        lock(&self.shared.rules).clear();
        *lock(&self.shared.weather) = None;
        lock(&self.shared.came).clear();
    }

    /// How many requests of that method (empty: any) with `path` in their path came since
    /// [`Proxy::heal`].
    pub(crate) fn came(&self, method: &str, path: &str) -> usize {
        lock(&self.shared.came)
            .iter()
            .filter(|(found, at)| (method.is_empty() || found == method) && at.contains(path))
            .count()
    }

    /// Every password, token and secret key that went through.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        lock(&self.shared.secrets).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let tls = lock(&shared.tls).clone();
        connections.spawn(serve(stream, tls, shared.clone()));
    }
}

async fn serve(mut stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let Some(tls) = tls else {
        if talk(&mut stream, &shared, true).await == Ending::Reset {
            let _ = stream.set_zero_linger();
        }
        return;
    };
    // Another certificate may be shown to the next connection, so each has one request.
    if let Ok(mut stream) = tls.accept(stream).await
        && talk(&mut stream, &shared, false).await == Ending::Reset
    {
        let _ = stream.get_ref().0.set_zero_linger();
    }
}
