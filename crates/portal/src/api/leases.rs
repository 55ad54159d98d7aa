//! `GET` and `POST /api/v1/leases`, `DELETE /api/v1/leases/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use skykey_broker::{Broker, Issued, Wish};
use skykey_types::{Lease, LeaseState, Secret, Timestamp};

use super::asker::Asker;
use super::{Bearer, RemovalView};
use crate::Portal;
use crate::error::Problem;

/// A lease, without its credentials: those are shown once, when it is issued.
#[derive(Serialize)]
pub(crate) struct LeaseView {
    id: String,
    survey: String,
    access: &'static str,
    method: &'static str,
    access_key_id: String,
    /// The requested lifetime in seconds.
    asked: Option<u32>,
    /// The granted lifetime in seconds.
    lifetime: Option<i64>,
    /// The limit that decided the lifetime.
    limit: &'static str,
    issued: Timestamp,
    expires: Option<Timestamp>,
    /// `live`, `expired`, `returned` or `removed`.
    state: &'static str,
    after_removal: RemovalView,
}

impl LeaseView {
    pub(crate) fn new(lease: &Lease, broker: &Broker) -> Self {
        let now = broker.clock().now();
        Self {
            after_removal: RemovalView::of(broker, &lease.survey, lease.method),
            id: lease.id.to_string(),
            survey: lease.survey.to_string(),
            access: lease.access.as_str(),
            method: lease.method.as_str(),
            access_key_id: lease.access_key_id.to_string(),
            asked: lease.asked.map(skykey_types::Lifetime::as_seconds),
            lifetime: lease
                .expires
                .map(|end| end.as_second() - lease.issued.as_second()),
            limit: lease.limit.as_str(),
            issued: lease.issued,
            expires: lease.expires,
            state: match lease.state(now) {
                LeaseState::Live => "live",
                LeaseState::Expired => "expired",
                LeaseState::Revoked(_, why) => why.as_str(),
            },
        }
    }
}

/// The response to `GET`.
#[derive(Serialize)]
pub(crate) struct Leases {
    leases: Vec<LeaseView>,
}

pub(crate) async fn list(
    State(portal): State<Arc<Portal>>,
    asker: Asker,
) -> Result<Json<Leases>, Problem> {
    let leases = portal.broker.leases(&asker.caller().id).await?;
    Ok(Json(Leases {
        leases: leases
            .iter()
            .map(|lease| LeaseView::new(lease, &portal.broker))
            .collect(),
    }))
}

/// The body of `POST`. A lifetime may be a number or digits in quotes; the broker parses it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    survey: String,
    lifetime: Option<Lifetime>,
    method: Option<String>,
    access: Option<String>,
    key: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "lifetime must be a number of seconds")]
enum Lifetime {
    Number(serde_json::Number),
    Text(String),
}

/// The response to `POST`: the lease, its credentials in AWS's spelling, and the endpoint for them.
#[derive(Serialize)]
pub(crate) struct Granted {
    lease: LeaseView,
    credentials: Keys,
    s3: Place,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

#[derive(Serialize)]
struct Place {
    endpoint: String,
    region: String,
    prefixes: Vec<String>,
}

pub(crate) async fn create(
    State(portal): State<Arc<Portal>>,
    asker: Asker,
    body: Bytes,
) -> Result<(StatusCode, Json<Granted>), Problem> {
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(
            format!("the body cannot be read: {error}"),
            r#"send JSON such as {"survey":"demo","lifetime":3600,"method":"gateway"}"#,
        )
    })?;
    let wish = Wish {
        survey: asked.survey,
        lifetime: asked.lifetime.map(|lifetime| match lifetime {
            Lifetime::Number(number) => number.to_string(),
            Lifetime::Text(text) => text,
        }),
        method: asked.method,
        access: asked.access,
        key: asked.key,
        within: None,
    };
    let Issued {
        lease, credentials, ..
    } = asker.issue(&portal, &wish).await?;
    let prefixes = portal
        .broker
        .surveys()
        .named(lease.survey.as_str())
        .map(|survey| &survey.prefixes);
    let granted = Granted {
        credentials: Keys {
            access_key_id: credentials.access_key_id.to_string(),
            secret_access_key: credentials.secret_access_key.expose().to_owned(),
            session_token: credentials
                .session_token
                .as_ref()
                .map(Secret::expose)
                .map(str::to_owned),
            // An EC2 credential does not say when it ends, but the lease does.
            expiration: lease
                .expires
                .map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        },
        s3: Place {
            endpoint: portal.settings.s3.to_string(),
            region: portal.settings.region.clone(),
            prefixes: prefixes
                .into_iter()
                .flatten()
                .map(ToString::to_string)
                .collect(),
        },
        lease: LeaseView::new(&lease, &portal.broker),
    };
    Ok((StatusCode::CREATED, Json(granted)))
}

pub(crate) async fn give_back(
    State(portal): State<Arc<Portal>>,
    Bearer(caller): Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    portal.broker.give_back(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
