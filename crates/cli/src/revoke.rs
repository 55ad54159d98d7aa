//! `skykey revoke LEASE`: a person gives a lease back.

use super::{At, print};

/// Ends the lease.
pub async fn give_back(at: At, lease: &str) -> anyhow::Result<()> {
    let client = at.client()?;
    let known = client.leases().await?;
    client.give_back(lease).await?;
    let after = known
        .iter()
        .find(|known| known.id == lease)
        .map(|known| known.after_removal.words.trim_end_matches('.'));
    match after {
        Some(words) => print(&format!(
            "{lease} has ended. What its credentials can still do: {words}.\n"
        )),
        None => print(&format!("{lease} has ended.\n")),
    }
}
