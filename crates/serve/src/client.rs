//! The client's address: the peer's, or the one that a trusted proxy reports.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;

/// A network: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

/// A text that is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{found}' is not a network: expected an address or a network such as 192.0.2.7 or 10.0.0.0/8"
)]
pub struct NetworkError {
    found: String,
}

impl Network {
    /// Whether the address is in it. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let parsed = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        parsed.map(Self).ok_or_else(|| NetworkError {
            found: text.chars().take(80).collect(),
        })
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The client's address, an extension of every request: the peer's, or, when the peer is a trusted
/// proxy, the rightmost address of `X-Forwarded-For` that is not one of those proxies itself. What
/// stands left of it the client may have made up. `Forwarded` (RFC 7239) is not read: a proxy that
/// is configured to send one of the two passes on whatever the client wrote in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddr(pub IpAddr);

impl ClientAddr {
    /// Finds the client's address. An entry that is not an address ends the search: the last proxy before it
    /// is then the client.
    pub(crate) fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Self {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for");
        let mut hops: Vec<&str> = lines
            .iter()
            .flat_map(|line| line.to_str().unwrap_or("?").split(','))
            .collect();
        while is_trusted(client, trusted)
            && let Some(hop) = hops.pop().and_then(address)
        {
            client = hop;
        }
        Self(client)
    }
}

/// Whether the address is one of the trusted proxies'.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop
        .strip_prefix('[')
        .and_then(|hop| hop.strip_suffix(']'))
        .unwrap_or(hop);
    bare.parse()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|with| with.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"].map(|text| text.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        ClientAddr::find(peer.parse().unwrap(), &headers, &trusted)
            .0
            .to_string()
    }

    #[test]
    fn forwarded_headers_are_believed_from_trusted_proxies_only() {
        assert_eq!(found("203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
        assert_eq!(found("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(found("192.0.2.7", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(found("192.0.2.8", &["198.51.100.1"]), "192.0.2.8");
        assert_eq!(found("::ffff:10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(found("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_client() {
        let made_up = "1.1.1.1, 198.51.100.1, 10.9.9.9";
        assert_eq!(found("10.1.2.3", &[made_up]), "198.51.100.1");
        assert_eq!(
            found("10.1.2.3", &["1.1.1.1", "198.51.100.1 , fd00::1"]),
            "198.51.100.1"
        );
        assert_eq!(found("10.1.2.3", &["10.0.0.9, 10.0.0.8"]), "10.0.0.9");
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_search() {
        assert_eq!(found("10.1.2.3", &["198.51.100.1, unknown"]), "10.1.2.3");
        assert_eq!(
            found("10.1.2.3", &["198.51.100.1, x, 10.0.0.9"]),
            "10.0.0.9"
        );
        assert_eq!(found("10.1.2.3", &[""]), "10.1.2.3");
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(found("10.1.2.3", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(found("10.1.2.3", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(found("10.1.2.3", &["[2001:db8::1]"]), "2001:db8::1");
    }

    #[test]
    fn a_network_that_is_none_is_refused_in_words() {
        let error = "10.0.0.0/33".parse::<Network>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "'10.0.0.0/33' is not a network: expected an address or a network such as 192.0.2.7 or 10.0.0.0/8"
        );
        assert!("proxy.example".parse::<Network>().is_err());
        assert!("".parse::<Network>().is_err());
    }
}
