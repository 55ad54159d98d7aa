//! The ports, taken before anything else is done.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use url::Url;

use super::Options;
use crate::config::Config;

/// The listeners; those of real systems are not there.
pub(super) struct Ports {
    pub(super) portal: TcpListener,
    pub(super) iam: Option<TcpListener>,
    pub(super) keystone: Option<TcpListener>,
    pub(super) s3: Option<TcpListener>,
    pub(super) health: Option<TcpListener>,
}

impl Ports {
    /// Takes the base port and those of the three after it that stand-ins need; with base port 0 any
    /// that are free. The portal and the health page may have addresses of their own.
    pub(super) async fn take(options: &Options, config: &Config) -> anyhow::Result<Self> {
        let (listen, base) = (options.listen, options.base_port);
        let port = |offset: u16| if base == 0 { 0 } else { base + offset };
        let portal = config
            .portal
            .listen
            .unwrap_or(SocketAddr::new(listen, port(0)));
        if portal.ip().is_unspecified() && config.portal.public.is_none() {
            bail!(
                "{} is not an address for a browser; give the machine's own address, or set [portal] public",
                portal.ip()
            );
        }
        let stand_in = async |real: bool, offset: u16, what: &str| {
            if real {
                return Ok(None);
            }
            if listen.is_unspecified() {
                bail!(
                    "--listen {listen} is not an address for the {what}; give the machine's own address"
                );
            }
            take(SocketAddr::new(listen, port(offset)), what)
                .await
                .map(Some)
        };
        Ok(Self {
            portal: take(portal, "portal").await?,
            iam: stand_in(config.iam.is_some(), 1, "IAM").await?,
            keystone: stand_in(config.keystone.is_some(), 2, "Keystone").await?,
            s3: stand_in(config.echo.is_some(), 3, "S3 endpoint").await?,
            health: match config.portal.health {
                None => None,
                Some(address) => Some(take(address, "health page").await?),
            },
        })
    }
}

async fn take(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "the {what} cannot have port {} on {}; stop the program that uses it, or choose other ports with --base-port or in the configuration",
            address.port(),
            address.ip()
        )
    })
}

/// The address of a listener as a URL ending with `/`.
pub(super) fn url_of(listener: &TcpListener) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://{}/", listener.local_addr()?))?)
}
