//! `/.well-known/openid-configuration` and `/jwk`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;

use super::Iam;
use super::clients::GrantType;

/// OpenID Connect Discovery 1.0 §3 and RFC 8414, with INDIGO's `scim_endpoint`.
pub(super) async fn configuration(State(iam): State<Arc<Iam>>) -> impl IntoResponse {
    Json(json!({
        "issuer": iam.issuer,
        "authorization_endpoint": iam.url("authorize"),
        "token_endpoint": iam.url("token"),
        "userinfo_endpoint": iam.url("userinfo"),
        "jwks_uri": iam.url("jwk"),
        "introspection_endpoint": iam.url("introspect"),
        "revocation_endpoint": iam.url("revoke"),
        "device_authorization_endpoint": iam.url("devicecode"),
        "scim_endpoint": iam.url("scim"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "sub", "name", "preferred_username", "given_name", "family_name", "updated_at",
            "email", "email_verified", "organisation_name", "groups",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    }))
}

/// RFC 7517 §5.
pub(super) async fn keys(State(iam): State<Arc<Iam>>) -> impl IntoResponse {
    Json(iam.tokens.signer().jwks().clone())
}
