//! What the IAM says of itself: OpenID Connect Discovery 1.0, and its keys.

use std::sync::Arc;

use openidconnect::core::CoreProviderMetadata;
use openidconnect::{AdditionalProviderMetadata, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};
use skykey_types::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::{Iam, IamError};

/// How long the discovery document and the keys are believed.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// An unknown key id makes us look again, but not more often than this.
const AT_LEAST: SignedDuration = SignedDuration::from_secs(10);

/// The discovery document, kept for [`FRESH`].
#[derive(Debug, Default)]
pub(crate) struct Provider(Mutex<Option<(Timestamp, Arc<Document>)>>);

/// The discovery document with the keys that it points to.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) metadata: CoreProviderMetadata,
    pub(crate) scim: Option<url::Url>,
    pub(crate) keys: jsonwebtoken::jwk::JwkSet,
}

/// INDIGO's addition to the discovery document.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Additional {
    scim_endpoint: Option<url::Url>,
}

impl AdditionalProviderMetadata for Additional {}

type Metadata = ProviderMetadata<
    Additional,
    openidconnect::core::CoreAuthDisplay,
    openidconnect::core::CoreClientAuthMethod,
    openidconnect::core::CoreClaimName,
    openidconnect::core::CoreClaimType,
    openidconnect::core::CoreGrantType,
    openidconnect::core::CoreJweContentEncryptionAlgorithm,
    openidconnect::core::CoreJweKeyManagementAlgorithm,
    openidconnect::core::CoreJsonWebKey,
    openidconnect::core::CoreResponseMode,
    openidconnect::core::CoreResponseType,
    openidconnect::core::CoreSubjectIdentifierType,
>;

impl Iam {
    /// The discovery document, asked for again when it is old.
    pub(crate) async fn document(&self) -> Result<Arc<Document>, IamError> {
        self.document_newer_than(FRESH).await
    }

    /// The discovery document after a key that was not in it.
    pub(crate) async fn document_again(&self) -> Result<Arc<Document>, IamError> {
        self.document_newer_than(AT_LEAST).await
    }

    async fn document_newer_than(&self, age: SignedDuration) -> Result<Arc<Document>, IamError> {
        let mut kept = self.provider.0.lock().await;
        let now = self.clock.now();
        if let Some((at, document)) = &*kept
            && now.duration_since(*at).abs() < age
        {
            return Ok(document.clone());
        }
        let document = Arc::new(self.discover().await?);
        *kept = Some((now, document.clone()));
        Ok(document)
    }

    async fn discover(&self) -> Result<Document, IamError> {
        let request = "discovery";
        let unexpected = |why: String| IamError::Unexpected { request, why };
        let issuer = IssuerUrl::new(self.settings.issuer.to_string())
            .map_err(|error| unexpected(error.to_string()))?;
        // Checks that the document's issuer is the one that was asked, to the letter.
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.http)
            .await
            .map_err(|error| match error {
                openidconnect::DiscoveryError::Request(error) => error,
                other => unexpected(other.to_string()),
            })?;
        let url = self
            .settings
            .issuer
            .join(".well-known/openid-configuration")
            .map_err(|error| unexpected(error.to_string()))?;
        let scim = self
            .http
            .get(request, url, None)
            .await?
            .json::<Metadata>()?
            .additional_metadata()
            .scim_endpoint
            .clone();
        let keys = self
            .http
            .get("its keys", metadata.jwks_uri().url().clone(), None)
            .await?
            .json()?;
        Ok(Document {
            metadata,
            scim,
            keys,
        })
    }
}
