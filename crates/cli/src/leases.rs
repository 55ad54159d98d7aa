//! `skykey leases`.

use std::fmt::Write;

use clap::Args;

use super::identity::Asker;
use super::{At, at, print};

#[derive(Args)]
pub struct Leases {
    /// List ended leases too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    asker: Asker,
    #[command(flatten)]
    at: At,
}

impl Leases {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let leases = self
            .asker
            .client(&self.at, |name| std::env::var_os(name))?
            .leases()
            .await?;
        let mut text = String::new();
        for lease in &leases {
            if !self.all && lease.state != "live" {
                continue;
            }
            let end = lease.expires.map_or("no end".to_owned(), at);
            let _ = writeln!(
                text,
                "{}  {}  {:<5}  {:<11}  {:<8}  {end}",
                lease.id, lease.survey, lease.access, lease.method, lease.state
            );
        }
        if text.is_empty() {
            "You have no live lease.\n".clone_into(&mut text);
        }
        print(&text)
    }
}
