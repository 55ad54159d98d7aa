//! Where the agent listens, and with which bearer.
//!
//! A bearer belongs to an address. An agent that starts again listens where it did, and takes the same
//! bearer, so that running tools notice nothing. If another program has that port, it may have been told
//! the bearer by those tools: then there is a new one.

use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use skykey_types::Secret;
use tokio::net::TcpListener;

use super::folder::Folder;
use super::say;
use crate::endpoint::new_bearer;

/// A listener and the bearer that opens it, which are in the folder too.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) bearer: Secret,
}

impl Door {
    pub(super) async fn open(
        listen: SocketAddr,
        folder: &Folder,
        wants_new: bool,
    ) -> anyhow::Result<Self> {
        let kept = folder.door()?;
        let before = kept.as_ref().map(|(address, _)| *address);
        let wanted = match before {
            Some(before) if listen.port() == 0 && before.ip() == listen.ip() => before,
            _ => listen,
        };
        let listener = match TcpListener::bind(wanted).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && wanted != listen => {
                say(&format!(
                    "another program listens on {wanted}; running tools have to take the variables anew"
                ));
                TcpListener::bind(listen).await
            }
            bound => bound,
        }
        .with_context(|| format!("cannot listen on {wanted}"))?;
        let address = listener.local_addr().context("the agent's address")?;
        let bearer = match kept {
            Some((before, bearer)) if before == address && !wants_new => bearer,
            _ => new_bearer(),
        };
        folder.keep_door(address, &bearer)?;
        Ok(Self { listener, bearer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn open(dir: &std::path::Path, listen: &str, wants_new: bool) -> (SocketAddr, Secret) {
        let (folder, _taken) = Folder::take(dir.to_owned()).await.unwrap();
        let door = Door::open(listen.parse().unwrap(), &folder, wants_new)
            .await
            .unwrap();
        (door.listener.local_addr().unwrap(), door.bearer)
    }

    #[tokio::test]
    async fn the_next_agent_listens_where_the_last_one_did_with_its_bearer() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), "127.0.0.1:0", false).await;
        assert_eq!(open(dir.path(), "127.0.0.1:0", false).await, first);
        let explicit = first.0.to_string();
        assert_eq!(open(dir.path(), &explicit, false).await, first);
        let renewed = open(dir.path(), "127.0.0.1:0", true).await;
        assert_eq!(renewed.0, first.0);
        assert_ne!(renewed.1, first.1);
        assert_eq!(open(dir.path(), "127.0.0.1:0", false).await, renewed);
    }

    #[tokio::test]
    async fn a_bearer_that_another_program_may_have_been_told_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), "127.0.0.1:0", false).await;
        let squatter = std::net::TcpListener::bind(first.0).unwrap();
        let second = open(dir.path(), "127.0.0.1:0", false).await;
        assert!(second.0 != first.0 && second.1 != first.1);
        let (folder, _taken) = Folder::take(dir.path().to_owned()).await.unwrap();
        let taken = squatter.local_addr().unwrap();
        let Err(error) = Door::open(taken, &folder, false).await else {
            panic!("a port that was asked for is not replaced");
        };
        assert!(error.to_string().contains("cannot listen on"), "{error}");
    }
}
