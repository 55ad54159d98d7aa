//! A hub that stops servers, and a world whose site wants that.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use skykey_broker::{NotebookServers, PortError};
use skykey_types::SubjectId;

use crate::fakes::{Door, Mood};

#[derive(Debug, Default)]
pub(crate) struct FakeHub {
    pub(crate) door: Door,
    /// How many servers people have running.
    running: Mutex<BTreeMap<String, usize>>,
}

impl FakeHub {
    pub(crate) fn start(&self, username: &str, count: usize) {
        self.running
            .lock()
            .unwrap()
            .insert(username.to_owned(), count);
    }

    pub(crate) fn running(&self, username: &str) -> usize {
        let running = self.running.lock().unwrap();
        running.get(username).copied().unwrap_or_default()
    }

    pub(crate) fn be(&self, mood: Mood) {
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
