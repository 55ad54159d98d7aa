//! `GET /api/v1/site`: what a client must know before it can log in. For everybody, so no secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use skykey_types::LoginPorts;

use crate::Portal;

/// The answer.
#[derive(Serialize)]
pub(crate) struct Site {
    /// The portal's own address, as people type it.
    portal: String,
    /// The IAM's issuer, exactly as its tokens spell it.
    issuer: String,
    /// The public client to log in with; left out where the site offers none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The ports of the person's own machine to which that client may have a browser sent back (RFC 8252 §7.3);
    /// left out where it logs in by device code alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    login_ports: Option<LoginPorts>,
    s3: String,
    region: String,
    /// Whether a machine may lease with a token of Keystone that it got for an application credential.
    application_credentials: bool,
    /// Of skykey.
    version: &'static str,
}

pub(crate) async fn show(State(portal): State<Arc<Portal>>) -> Json<Site> {
    let settings = &portal.settings;
    Json(Site {
        portal: settings.public.to_string(),
        issuer: portal.iam.issuer().to_owned(),
        client_id: settings.cli_client_id.clone(),
        login_ports: settings.cli_ports.clone(),
        s3: settings.s3.to_string(),
        region: settings.region.clone(),
        application_credentials: portal.broker.takes_machines(),
        version: env!("CARGO_PKG_VERSION"),
    })
}
