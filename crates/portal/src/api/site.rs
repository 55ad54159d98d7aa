//! `GET /api/v1/site`: the settings that a client needs before it can log in. Open to everybody, so it
//! holds no secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use skykey_api::Site;

use crate::Portal;

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
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
