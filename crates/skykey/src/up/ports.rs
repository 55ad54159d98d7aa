//! The four ports, taken before anything else is done.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use url::Url;

/// The listeners, in the order of their ports.
pub(super) struct Ports {
    pub(super) portal: TcpListener,
    pub(super) iam: TcpListener,
    pub(super) keystone: TcpListener,
    pub(super) s3: TcpListener,
}

impl Ports {
    /// Takes `base` and the three after it; with `base` 0 any four that are free.
    pub(super) async fn take(listen: IpAddr, base: u16) -> anyhow::Result<Self> {
        if listen.is_unspecified() {
            bail!(
                "--listen {listen} is not an address that anybody can type into a browser; give the machine's own address"
            );
        }
        let take = async |offset: u16, what: &str| {
            let port = if base == 0 { 0 } else { base + offset };
            TcpListener::bind(SocketAddr::new(listen, port)).await.with_context(|| {
                format!("the {what} cannot have port {port} on {listen}; stop whoever uses it, or choose other ports with --base-port")
            })
        };
        Ok(Self {
            portal: take(0, "portal").await?,
            iam: take(1, "IAM").await?,
            keystone: take(2, "Keystone").await?,
            s3: take(3, "S3 endpoint").await?,
        })
    }
}

/// The address of a listener as a URL ending with `/`.
pub(super) fn url_of(listener: &TcpListener) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://{}/", listener.local_addr()?))?)
}
