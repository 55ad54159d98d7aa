//! How a system is called.

use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

use crate::UpstreamMetrics;

/// The limits of the calls to one system.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The system's name in messages and metrics: `the IAM`, `Keystone`, `Echo`.
    pub system: &'static str,
    /// A connection must stand by then.
    pub connect: Duration,
    /// One attempt must have been answered by then; with [`by_progress`](Settings::by_progress), no
    /// longer may pass without a byte in either direction. Of a body that streams, each piece must
    /// come within this.
    pub attempt: Duration,
    /// All attempts together, with waiting for a permit and between attempts; with
    /// [`by_progress`](Settings::by_progress), after this no other attempt begins.
    pub total: Duration,
    /// Whether an attempt may take as long as bytes move.
    pub by_progress: bool,
    /// How often a call is made at most, if it may be repeated.
    pub attempts: u32,
    /// How many calls may be under way at once; more wait for their turn.
    pub at_once: usize,
    /// The longest answer that is read, in bytes.
    pub longest: usize,
    /// After so many failures in a row the system is left alone.
    pub failures: u32,
    /// For how long at first; twice as long after each further failure, up to a minute.
    pub pause: Duration,
    /// A PEM file of certificate authorities to believe beside those that the machine knows.
    pub authorities: Option<PathBuf>,
    /// Where calls are counted.
    pub metrics: UpstreamMetrics,
    /// Whether calls go by the proxy that the environment names; see [`Settings::by_proxy`].
    pub proxy: bool,
}

impl Settings {
    /// What suits a system that answers within a second on a good day.
    pub fn of(system: &'static str) -> Self {
        Self {
            system,
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(10),
            total: Duration::from_secs(20),
            by_progress: false,
            attempts: 3,
            at_once: 32,
            longest: 1 << 20,
            failures: 5,
            pause: Duration::from_secs(2),
            authorities: None,
            metrics: UpstreamMetrics::default(),
            proxy: false,
        }
    }

    /// What suits a system that large or many bodies are moved to and from: an attempt takes as long as
    /// bytes move, the caller alone decides how many are in flight, and no number of failures makes it
    /// left alone, since each object has its own.
    pub fn data_path(system: &'static str) -> Self {
        Self {
            connect: Duration::from_secs(10),
            attempt: Duration::from_mins(1),
            total: Duration::from_mins(3),
            by_progress: true,
            at_once: usize::MAX,
            // Room for a thousand keys of 1,024 bytes, each percent-encoded.
            longest: 8 << 20,
            failures: u32::MAX,
            ..Self::of(system)
        }
    }
}

/// Whether what is sent there stays on this machine.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// How long calls wait, where the usual is not what is wanted; for tests, which do not want to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// See [`Settings::connect`].
    pub connect: Duration,
    /// See [`Settings::attempt`].
    pub attempt: Duration,
    /// See [`Settings::total`].
    pub total: Duration,
    /// See [`Settings::pause`].
    pub pause: Duration,
}

impl Settings {
    /// The same for a tool of a person's that calls `url`: by the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY` name, but never to this machine. Servers do not look at those: what they call is configured.
    #[must_use]
    pub fn by_proxy(mut self, url: &Url) -> Self {
        self.proxy = !is_this_machine(url);
        self
    }

    /// Sets these timeouts, if they are given.
    #[must_use]
    pub fn with(mut self, timeouts: Option<Timeouts>) -> Self {
        if let Some(timeouts) = timeouts {
            self.connect = timeouts.connect;
            self.attempt = timeouts.attempt;
            self.total = timeouts.total;
            self.pause = timeouts.pause;
        }
        self
    }
}
