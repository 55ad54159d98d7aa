//! `GET` and `POST /api/v1/leases`, `DELETE /api/v1/leases/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use skykey_api::{AwsCredentials, IssuedLease, LeaseList, LeaseRequest, LifetimeText, S3Location};
use skykey_broker::{Broker, Issued, LeaseFields};
use skykey_types::{Lease, LeaseState, Lifetime};

use super::caller::ApiCaller;
use super::{Bearer, after_removal, texts};
use crate::Portal;
use crate::error::Problem;
use crate::request_id::OfRequest;

/// Returns a lease as the API shows it, without its credentials.
fn shown(lease: &Lease, broker: &Broker) -> skykey_api::Lease {
    let now = broker.clock().now();
    skykey_api::Lease {
        after_removal: after_removal(broker, &lease.survey, lease.method),
        id: lease.id.to_string(),
        survey: lease.survey.to_string(),
        access: lease.access.to_string(),
        method: lease.method.to_string(),
        access_key_id: lease.access_key_id.to_string(),
        asked: lease.asked.map(Lifetime::as_seconds),
        lifetime: lease
            .expires
            .map(|end| end.as_second() - lease.issued.as_second()),
        limit: lease.limit.as_str().to_owned(),
        issued: lease.issued,
        expires: lease.expires,
        state: match lease.state(now) {
            LeaseState::Live => "live",
            LeaseState::Expired => "expired",
            LeaseState::Revoked(_, why) => why.as_str(),
        }
        .to_owned(),
    }
}

pub(crate) async fn list(
    State(portal): State<Arc<Portal>>,
    caller: ApiCaller,
) -> Result<Json<LeaseList>, Problem> {
    let leases = portal.broker.leases(&caller.caller().id).await?;
    let leases = leases.iter().map(|lease| shown(lease, &portal.broker));
    Ok(Json(LeaseList {
        leases: leases.collect(),
    }))
}

pub(crate) async fn create(
    State(portal): State<Arc<Portal>>,
    caller: ApiCaller,
    OfRequest(request_id): OfRequest,
    body: Bytes,
) -> Result<(StatusCode, Json<IssuedLease>), Problem> {
    let request: LeaseRequest = serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(
            format!("the body cannot be read: {error}"),
            r#"send JSON such as {"survey":"demo","lifetime":3600,"method":"gateway"}"#,
        )
    })?;
    let fields = LeaseFields {
        survey: request.survey,
        lifetime: request.lifetime.map(LifetimeText::into_text),
        method: request.method,
        access: request.access,
        key: request.key,
    };
    let Issued {
        lease,
        survey,
        credentials,
        ..
    } = caller.issue(&portal, &fields, &request_id).await?;
    let issued = IssuedLease {
        credentials: AwsCredentials {
            access_key_id: credentials.access_key_id.to_string(),
            secret_access_key: credentials.secret_access_key,
            session_token: credentials.session_token,
            // An EC2 credential does not say when it ends, but the lease does.
            expiration: lease
                .expires
                .map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        },
        s3: S3Location {
            endpoint: portal.settings.s3.to_string(),
            region: portal.settings.region.clone(),
            prefixes: texts(&survey.prefixes),
        },
        lease: shown(&lease, &portal.broker),
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

pub(crate) async fn give_back(
    State(portal): State<Arc<Portal>>,
    Bearer(caller): Bearer,
    OfRequest(request_id): OfRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    portal.broker.give_back(&caller, &id, &request_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
