//! `skykey cat`.

use anyhow::ensure;
use clap::Args;
use skykey_transfer::ObjectAddress;

use super::{Output, Using, store};

#[derive(Args)]
pub struct Cat {
    /// The objects, one after the other
    #[arg(required = true, value_name = "S3://BUCKET/KEY")]
    addresses: Vec<ObjectAddress>,
    #[command(flatten)]
    using: Using,
}

impl Cat {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        for at in &self.addresses {
            ensure!(
                !at.is_folder(),
                "{at} is a folder; 'skykey ls {at}' lists it, 'skykey cp --recursive {at} .' copies it"
            );
        }
        let client = self.using.client()?;
        let mut out = Output::new();
        for at in &self.addresses {
            let survey = self.using.survey(&client, at).await?;
            let store = store(&client, survey).await?;
            let mut reading = store.read(at).await?;
            while let Some(bytes) = reading.chunk().await? {
                if !out.write(&bytes)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
