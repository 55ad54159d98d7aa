//! `GET /api/v1/site`: the settings that a client needs before it can log in. Open to everybody, so it
//! holds no secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use skykey_types::LoginPorts;

use crate::Portal;

/// The response.
#[derive(Serialize)]
pub(crate) struct Site {
    /// The portal's own address, as people type it.
    portal: String,
    /// The IAM's issuer, exactly as its tokens spell it.
    issuer: String,
    /// The public client to log in with; left out where the site offers none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The loopback ports that this client may redirect a browser to (RFC 8252 §7.3); absent where it
    /// logs in by device code only.
    #[serde(skip_serializing_if = "Option::is_none")]
    login_ports: Option<LoginPorts>,
    s3: String,
    region: String,
    /// Whether a machine may lease with a token of Keystone from an application credential.
    application_credentials: bool,
    /// The version of skykey.
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
