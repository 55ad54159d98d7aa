//! `skykey credentials`.

use clap::{Args, ValueEnum};

use super::{CredentialsArgs, formats, print};

#[derive(Args)]
pub struct Credentials {
    #[command(flatten)]
    wanted: CredentialsArgs,
    /// The output format
    #[arg(long, value_name = "FORM", default_value = "process")]
    format: Format,
}

/// The forms of credentials.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JSON for credential_process in ~/.aws/config
    Process,
    /// Lines for eval in a shell
    Env,
    /// A profile for ~/.aws/credentials
    Aws,
    /// All fields, with the lease
    Json,
    /// A remote for rclone.conf
    Rclone,
    /// A file for s3cmd -c
    S3cmd,
    /// A CREATE SECRET statement for DuckDB
    Duckdb,
}

impl Credentials {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.wanted.client()?;
        let granted = client.credentials(&self.wanted.wish()).await?;
        print(&formats::text(self.format, &granted)?)
    }
}
