//! How our doors are served: the portal's as the site says, the others plainly, for this machine or for
//! those around it.

use std::num::NonZeroU32;
use std::sync::Arc;

use skykey_serve::{Door, Metrics, ServeSettings, TlsError};
use skykey_types::Clock;
use tokio::sync::watch;

use crate::config::Config;

/// The notebook servers of a hub often come from one address, and a class of them at once.
const OF_A_HUB: NonZeroU32 = NonZeroU32::new(1024).expect("it is not zero");

/// What the doors have in common.
pub(super) struct Doors {
    portal: ServeSettings,
    inner: ServeSettings,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    /// Turns true when they are to close.
    pub(super) stopped: watch::Receiver<bool>,
}

impl Doors {
    pub(super) fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let site = &config.portal;
        let inner = ServeSettings {
            // Everybody here has the same address.
            connections_per_client: None,
            // Unless it is the proxies' of the portal, before which everybody has their own.
            trusted_proxies: site.trusted_proxies.clone(),
            ..ServeSettings::default()
        };
        let mut portal = ServeSettings {
            tls: site.tls.clone(),
            trusted_proxies: site.trusted_proxies.clone(),
            ..ServeSettings::default()
        };
        if site.listen.is_none_or(|address| address.ip().is_loopback()) {
            portal.connections_per_client = None;
        } else if config.jupyterhub.is_some() {
            portal.connections_per_client = Some(OF_A_HUB);
        }
        Self {
            portal,
            inner,
            metrics: Metrics::new(),
            clock,
            stopped,
        }
    }

    /// What all of them count.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The portal's, with TLS if the site has a certificate.
    pub(super) fn portal(&self) -> Result<Door, TlsError> {
        Door::new("portal", &self.portal, &self.metrics, &self.clock)
    }

    /// Another; `name` is in the log and in the metrics.
    pub(super) fn inner(&self, name: &'static str) -> Result<Door, TlsError> {
        Door::new(name, &self.inner, &self.metrics, &self.clock)
    }
}
