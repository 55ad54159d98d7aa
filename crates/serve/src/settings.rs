//! The settings of a door, with their defaults.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::client::Network;

/// The files of a certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate first, then those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM: the private key, not encrypted (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// The settings of one door. The defaults suit a portal on a public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeSettings {
    /// TLS 1.2 or 1.3 with this certificate; plain HTTP without. Default: plain.
    pub tls: Option<TlsFiles>,
    /// The proxies whose `X-Forwarded-For` and `X-Request-Id` are trusted. Default: none.
    pub trusted_proxies: Vec<Network>,
    /// Connections at once; more wait in the listen queue. Default: 2,048.
    pub connections: NonZeroU32,
    /// Connections at once from one client address (of IPv6, one /64); more are closed without a response.
    /// Trusted proxies have no limit. Default: 256; `None` for no limit but `connections`.
    pub connections_per_client: Option<NonZeroU32>,
    /// Bytes of a request's first line and headers; more get a 431. Default: 65,536.
    pub header_bytes: usize,
    /// Headers of a request; more get a 431. Default: 100.
    pub header_count: usize,
    /// The timeout of a TLS handshake. Default: 10 s.
    pub handshake_within: Duration,
    /// The timeout of a request's headers, from its first byte; on a new connection from its start. Default: 20 s.
    pub headers_within: Duration,
    /// The timeout of an idle connection between requests. Default: 75 s, longer than that of common
    /// proxies (60 s), so that the proxy closes first.
    pub idle_within: Duration,
    /// The timeout of a connection on which the client neither sends a byte of the body nor accepts one of
    /// the response. Default: 60 s.
    pub stalled_after: Duration,
    /// The time for pending requests to end after a stop; then they are cut off. Default: 4 s.
    pub stop_within: Duration,
    /// The shortest interval between checks of the certificate's files; a check happens at a new
    /// connection. Default: 10 s.
    pub look_at_certificates_every: Duration,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            tls: None,
            trusted_proxies: Vec::new(),
            connections: count(2048),
            connections_per_client: Some(count(256)),
            header_bytes: 64 * 1024,
            header_count: 100,
            handshake_within: Duration::from_secs(10),
            headers_within: Duration::from_secs(20),
            idle_within: Duration::from_secs(75),
            stalled_after: Duration::from_mins(1),
            stop_within: Duration::from_secs(4),
            look_at_certificates_every: Duration::from_secs(10),
        }
    }
}

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("the defaults are not zero")
}
