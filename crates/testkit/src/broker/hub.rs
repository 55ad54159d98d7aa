//! A hub that stops servers, and a world whose site wants that.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use skykey_broker::{NotebookServers, PortError};
use skykey_types::SubjectId;

use super::fakes::{Door, Mood};

/// A JupyterHub that stops servers.
#[derive(Debug, Default)]
pub struct FakeHub {
    /// Counts the requests, and says how it behaves.
    pub door: Door,
    /// How many servers people have running.
    running: Mutex<BTreeMap<String, usize>>,
}

impl FakeHub {
    /// Starts servers of a person.
    pub fn start(&self, username: &str, count: usize) {
        self.running
            .lock()
            .unwrap()
            .insert(username.to_owned(), count);
    }

    /// Returns how many servers of a person run.
    pub fn running(&self, username: &str) -> usize {
        let running = self.running.lock().unwrap();
        running.get(username).copied().unwrap_or_default()
    }

    /// Changes how it behaves.
    pub fn be(&self, mood: Mood) {
        self.door.be(mood);
    }
}

#[async_trait]
impl NotebookServers for FakeHub {
    async fn stop_all(&self, _: &SubjectId, username: &str) -> Result<usize, PortError> {
        self.door.enter().await?;
        Ok(self
            .running
            .lock()
            .unwrap()
            .remove(username)
            .unwrap_or_default())
    }
}
