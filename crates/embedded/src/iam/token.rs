//! `/token`, RFC 6749 §3.2.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::Iam;
use super::answer::{OAuthError, fresh_json};
use super::clients::{ClientSeed, GrantType};
use super::codes::CodeError;
use super::params::Params;
use super::tokens::{Grant, TokenAnswer};

pub(super) async fn token(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    let params = Params::parse(&body)?;
    let client = iam.clients.authenticate(&headers, &params)?;
    let asked = params
        .find("grant_type")
        .ok_or_else(|| OAuthError::invalid_request("there is no grant_type"))?;
    let grant_type = GrantType::ALL
        .into_iter()
        .find(|grant_type| grant_type.as_str() == asked)
        .ok_or_else(|| {
            OAuthError::new("unsupported_grant_type", "there is no such grant_type here")
        })?;
    client.allows(grant_type)?;
    let needed = |name: &'static str| {
        params
            .find(name)
            .ok_or_else(|| OAuthError::invalid_request(format!("there is no {name}")))
    };
    let answer = match grant_type {
        GrantType::AuthorizationCode => {
            let (code, redirect_uri) = (needed("code")?, needed("redirect_uri")?);
            let grant = redeem(
                &iam,
                client,
                code,
                redirect_uri,
                params.find("code_verifier"),
            )
            .await?;
            begin(&iam, client, grant).await?
        }
        GrantType::DeviceCode => {
            let grant =
                iam.devices
                    .poll(needed("device_code")?, &client.client_id, iam.clock.now())?;
            begin(&iam, client, grant).await?
        }
        GrantType::RefreshToken => {
            let scope = params.find("scope");
            iam.tokens
                .renew(client, needed("refresh_token")?, scope, &iam.directory)
                .await?
        }
        GrantType::ClientCredentials => iam
            .tokens
            .for_client(client, client.scope(params.find("scope"))?)?,
    };
    Ok(fresh_json(StatusCode::OK, answer))
}

async fn redeem(
    iam: &Iam,
    client: &ClientSeed,
    code: &str,
    redirect_uri: &str,
    verifier: Option<&str>,
) -> Result<Grant, OAuthError> {
    match iam.codes.redeem(
        code,
        &client.client_id,
        redirect_uri,
        verifier,
        iam.clock.now(),
    ) {
        Ok(grant) => Ok(grant),
        Err(CodeError::Refused(error)) => Err(error),
        Err(CodeError::Reused { grant, sub }) => {
            tracing::warn!(
                client = client.client_id,
                sub,
                "an authorization code came back"
            );
            iam.tokens.end_grant(&grant).await?;
            Err(OAuthError::invalid_grant(
                "the code was used before; what it led to has ended",
            ))
        }
    }
}

async fn begin(iam: &Iam, client: &ClientSeed, grant: Grant) -> Result<TokenAnswer, OAuthError> {
    let account = iam
        .directory
        .usable(&grant.sub)
        .ok_or_else(|| OAuthError::invalid_grant("the account is deactivated or has ended"))?;
    iam.tokens.begin(client, grant, &account).await
}
