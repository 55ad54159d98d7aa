//! Logging a person in: the authorization code flow of OpenID Connect Core 1.0 §3.1 with PKCE
//! (RFC 7636, S256), state and nonce.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse,
};
use skykey_types::{Secret, SignedDuration, SubjectId, Timestamp};
use url::Url;

use crate::{Iam, IamError};

/// A login that has begun: the person is sent to `url`, the rest stays with us until they return.
#[derive(Debug)]
pub struct LoginStart {
    /// Where the person logs in.
    pub url: Url,
    /// Comes back with the person; proves that the answer belongs to the question.
    pub state: Secret,
    nonce: Secret,
    verifier: Secret,
}

/// A login that has succeeded.
#[derive(Debug)]
pub struct Login {
    /// Who it is.
    pub id: SubjectId,
    /// The login name.
    pub username: String,
    /// The name for people.
    pub name: String,
    /// Acts for the person at the IAM and at Keystone.
    pub access_token: Secret,
    /// When the access token ends.
    pub expires: Timestamp,
}

impl Iam {
    /// Begins a login.
    pub async fn begin_login(&self) -> Result<LoginStart, IamError> {
        let document = self.document().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = client(self, &document)?;
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(LoginStart {
            url,
            state: Secret::new(state.secret()),
            nonce: Secret::new(nonce.secret()),
            verifier: Secret::new(verifier.secret()),
        })
    }

    /// Ends a login with the code that the person brought back. The caller has compared `state`.
    pub async fn finish_login(&self, start: &LoginStart, code: &Secret) -> Result<Login, IamError> {
        let document = self.document().await?;
        let client = client(self, &document)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .map_err(|error| IamError::Unexpected {
                request: "discovery",
                why: error.to_string(),
            })?
            .set_pkce_verifier(PkceCodeVerifier::new(start.verifier.expose().to_owned()))
            .request_async(&self.http)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(refusal) => IamError::Login {
                    why: refusal.to_string(),
                },
                RequestTokenError::Request(error) => error,
                // The text may quote the answer, which holds tokens.
                _ => IamError::Unexpected {
                    request: "the token request",
                    why: "not a token response".to_owned(),
                },
            })?;
        let id_token = answer.id_token().ok_or_else(|| IamError::Login {
            why: "it holds no id token".to_owned(),
        })?;
        let now = self.clock.now();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs([
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                CoreJwsSigningAlgorithm::EdDsa,
            ])
            .require_issuer_match(true)
            .require_audience_match(true);
        let claims = id_token
            .claims(&verifier, &Nonce::new(start.nonce.expose().to_owned()))
            .map_err(|error| IamError::Login {
                why: error.to_string(),
            })?;
        let username = claims
            .preferred_username()
            .map_or_else(|| claims.subject().as_str(), |name| name.as_str());
        let name = claims
            .name()
            .and_then(|name| name.get(None))
            .map_or(username, |name| name.as_str());
        let lasts = answer
            .expires_in()
            .map_or(SignedDuration::from_mins(5), |lasts| {
                SignedDuration::try_from(lasts).unwrap_or(SignedDuration::from_mins(5))
            });
        Ok(Login {
            id: SubjectId {
                issuer: self.settings.issuer.to_string(),
                sub: claims.subject().to_string(),
            },
            username: username.to_owned(),
            name: name.to_owned(),
            access_token: Secret::new(answer.access_token().secret()),
            expires: now + lasts,
        })
    }
}

type ReadyClient = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

fn client(iam: &Iam, document: &crate::provider::Document) -> Result<ReadyClient, IamError> {
    let redirect = RedirectUrl::new(iam.settings.redirect.to_string()).map_err(|error| {
        IamError::Unexpected {
            request: "the redirect URL",
            why: error.to_string(),
        }
    })?;
    Ok(CoreClient::from_provider_metadata(
        document.metadata.clone(),
        ClientId::new(iam.settings.client_id.clone()),
        Some(ClientSecret::new(
            iam.settings.client_secret.expose().to_owned(),
        )),
    )
    .set_redirect_uri(redirect))
}
