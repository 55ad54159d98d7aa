//! Limits of connections: in total, and for each client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client::{Network, is_trusted};
use crate::settings::ServeSettings;

/// The limits, and the connections of each client.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    all: Arc<Semaphore>,
    each: Option<NonZeroU32>,
    trusted: Vec<Network>,
    open: Arc<OpenByClient>,
}

#[derive(Debug, Default)]
struct OpenByClient(Mutex<HashMap<IpAddr, u32>>);

/// A permit for one connection of a client; dropping it releases it.
#[derive(Debug)]
pub(crate) struct ClientPermit {
    counted: Option<(IpAddr, Arc<OpenByClient>)>,
}

impl ConnectionLimits {
    pub(crate) fn new(settings: &ServeSettings) -> Self {
        let all = usize::try_from(settings.connections.get()).unwrap_or(usize::MAX);
        Self {
            all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))),
            each: settings.connections_per_client,
            trusted: settings.trusted_proxies.clone(),
            open: Arc::default(),
        }
    }

    /// Waits until one more connection may be accepted. Calls `when_full` if it has to wait.
    pub(crate) async fn any(&self, when_full: impl FnOnce()) -> OwnedSemaphorePermit {
        if let Ok(permit) = self.all.clone().try_acquire_owned() {
            return permit;
        }
        when_full();
        let permit = self.all.clone().acquire_owned().await;
        permit.expect("nobody closes the semaphore")
    }

    /// Returns a permit for a connection from `peer`, or `None` at the client's limit.
    pub(crate) fn of(&self, peer: IpAddr) -> Option<ClientPermit> {
        let Some(max) = self.each else {
            return Some(ClientPermit { counted: None });
        };
        if is_trusted(peer, &self.trusted) {
            return Some(ClientPermit { counted: None });
        }
        let client = one_client(peer);
        let mut taken = self.open.lock();
        let count = taken.entry(client).or_insert(0);
        if *count >= max.get() {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(ClientPermit {
            counted: Some((client, self.open.clone())),
        })
    }
}

impl Drop for ClientPermit {
    fn drop(&mut self) {
        let Some((client, taken)) = self.counted.take() else {
            return;
        };
        let mut taken = taken.lock();
        if let Some(count) = taken.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&client);
            }
        }
    }
}

impl OpenByClient {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the address that counts as one client: an IPv4 address, or an IPv6 /64, which one machine
/// may use entirely.
fn one_client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ConnectionLimits {
        ConnectionLimits::new(&ServeSettings {
            connections_per_client: NonZeroU32::new(2),
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..ServeSettings::default()
        })
    }

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_closed_connection_frees_its_permit() {
        let limits = limits();
        let first = limits.of(peer("203.0.113.5")).unwrap();
        let _second = limits.of(peer("::ffff:203.0.113.5")).unwrap();
        assert!(limits.of(peer("203.0.113.5")).is_none());
        let _other = limits.of(peer("203.0.113.6")).unwrap();
        drop(first);
        assert!(limits.of(peer("203.0.113.5")).is_some());
    }

    #[test]
    fn a_slash_64_is_one_client() {
        let limits = limits();
        let _first = limits.of(peer("2001:db8::1")).unwrap();
        let _second = limits.of(peer("2001:db8::2")).unwrap();
        assert!(limits.of(peer("2001:db8::3")).is_none());
        assert!(limits.of(peer("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn a_trusted_proxy_is_not_counted() {
        let limits = limits();
        let many: Vec<_> = (0..9).map(|_| limits.of(peer("10.1.2.3"))).collect();
        assert!(many.iter().all(Option::is_some));
    }

    #[test]
    fn nothing_is_remembered_of_clients_that_left() {
        let limits = limits();
        drop(limits.of(peer("203.0.113.5")));
        assert!(limits.open.lock().is_empty());
    }
}
