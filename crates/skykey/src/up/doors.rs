//! How `skykey up` serves: plain HTTP, for the people of this machine.

use std::sync::Arc;

use skykey_serve::{Door, Metrics, ServeSettings, TlsError};
use skykey_types::Clock;
use tokio::sync::watch;

/// What the four doors have in common.
pub(super) struct Doors {
    settings: ServeSettings,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    /// Turns true when they are to close.
    pub(super) stopped: watch::Receiver<bool>,
}

impl Doors {
    /// With what closes them: send true.
    pub(super) fn new(clock: Arc<dyn Clock>) -> (watch::Sender<bool>, Self) {
        let (stop, stopped) = watch::channel(false);
        let settings = ServeSettings {
            // Everybody here has the same address.
            connections_per_client: None,
            ..ServeSettings::default()
        };
        let doors = Self {
            settings,
            metrics: Metrics::new(),
            clock,
            stopped,
        };
        (stop, doors)
    }

    /// One of them; `name` is in the log and in the metrics.
    pub(super) fn door(&self, name: &'static str) -> Result<Door, TlsError> {
        Door::new(name, &self.settings, &self.metrics, &self.clock)
    }
}
