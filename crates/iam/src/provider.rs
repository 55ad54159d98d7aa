//! What the IAM says of itself: OpenID Connect Discovery 1.0, and its keys.

use std::sync::Arc;

use serde::Deserialize;
use skykey_types::SignedDuration;
use skykey_upstream::{CacheSettings, Freshness};
use url::Url;

use crate::http::Ask;
use crate::jwt::KeySet;
use crate::{Iam, IamError, MembershipSource, one_value};

const DISCOVER: &str = "read the IAM's discovery document";
const FETCH_KEYS: &str = "read the IAM's keys";
/// Up to this age, the document and the keys are not fetched again.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Up to this age they still serve, while they are fetched again and while the IAM is away.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);
/// How soon after a failure they are fetched again, and how often an unknown key id makes us fetch
/// the keys.
const RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

pub(crate) const DOCUMENT_CACHE: CacheSettings<IamError> =
    one_value(DISCOVER, MAX_AGE, RETRY_INTERVAL);
pub(crate) const KEYS_CACHE: CacheSettings<IamError> =
    one_value(FETCH_KEYS, MAX_AGE, RETRY_INTERVAL);

/// The discovery document, as far as we need it.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    issuer: String,
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    jwks_uri: Url,
    pub(crate) userinfo_endpoint: Option<Url>,
    pub(crate) introspection_endpoint: Option<Url>,
    pub(crate) device_authorization_endpoint: Option<Url>,
    pub(crate) revocation_endpoint: Option<Url>,
    /// INDIGO's addition.
    pub(crate) scim_endpoint: Option<Url>,
    #[serde(default)]
    claims_supported: Vec<String>,
    #[serde(default)]
    pub(crate) scopes_supported: Vec<String>,
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
}

/// What the IAM offers beyond logins, by its discovery document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "it is a list of yes and no")]
pub struct Offer {
    /// RFC 7644, INDIGO's `scim_endpoint`.
    pub scim: bool,
    /// OpenID Connect Core 1.0 §5.3.
    pub userinfo: bool,
    /// RFC 7662.
    pub introspection: bool,
    /// RFC 8628.
    pub device: bool,
    /// The scopes that it says it has; perhaps not all.
    pub scopes: Vec<String>,
    /// Whether it says that it has the claim or the scope in which we look for groups
    /// ([`IamSettings::groups`](crate::IamSettings::groups)); nothing if it does not list them.
    pub groups: Option<bool>,
}

impl Document {
    /// Refuses a document of another issuer (Discovery §4.3) and one that would have us send
    /// secrets in clear.
    fn check(self, iam: &Iam) -> Result<Self, IamError> {
        let unexpected = |why: String| IamError::Unexpected {
            operation: DISCOVER,
            why,
        };
        let issuer = &iam.settings.issuer;
        if self.issuer != issuer.as_str() {
            return Err(unexpected(format!(
                "it is of the issuer '{}' and not of '{issuer}'; write the issuer exactly as it does, also the slash at the end",
                self.issuer.chars().take(200).collect::<String>()
            )));
        }
        let optional = [
            &self.userinfo_endpoint,
            &self.introspection_endpoint,
            &self.device_authorization_endpoint,
            &self.revocation_endpoint,
            &self.scim_endpoint,
        ];
        let endpoints = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ];
        for url in endpoints.into_iter().chain(optional.into_iter().flatten()) {
            let fits = match url.scheme() {
                "https" => true,
                "http" => !issuer.is_https(),
                _ => false,
            };
            if !fits {
                return Err(unexpected(format!(
                    "its endpoint {url} is not encrypted, while its issuer is"
                )));
            }
        }
        Ok(self)
    }
}

impl Iam {
    /// What the IAM offers beyond logins.
    pub async fn offer(&self) -> Result<Offer, IamError> {
        let document = self.document().await?;
        Ok(Offer {
            scim: document.scim_endpoint.is_some(),
            userinfo: document.userinfo_endpoint.is_some(),
            introspection: document.introspection_endpoint.is_some(),
            device: document.device_authorization_endpoint.is_some(),
            scopes: document.scopes_supported.clone(),
            groups: self
                .settings
                .groups
                .offered(&document.claims_supported, &document.scopes_supported),
        })
    }

    /// Who is asked about memberships: [`MembershipSource::Scim`] or [`MembershipSource::Userinfo`].
    pub async fn membership_source(&self) -> Result<MembershipSource, IamError> {
        match self.settings.membership {
            MembershipSource::Auto if self.document().await?.scim_endpoint.is_some() => {
                Ok(MembershipSource::Scim)
            }
            MembershipSource::Auto => Ok(MembershipSource::Userinfo),
            source => Ok(source),
        }
    }

    /// Whether the IAM's keys can be had, and one of them is for asymmetric signatures.
    pub async fn check_keys(&self) -> Result<(), IamError> {
        self.keys().await.map(drop)
    }

    /// Returns the discovery document. An old one is returned while it is fetched again.
    pub(crate) async fn document(&self) -> Result<Arc<Document>, IamError> {
        let iam = self.clone();
        let fetch = || async move { iam.fetch_document().await.map(Arc::new) };
        let freshness = |_: &_, age| Freshness::by_age(age, FRESH_FOR, MAX_AGE);
        self.document.get((), freshness, fetch).await
    }

    async fn fetch_document(&self) -> Result<Document, IamError> {
        let issuer = &self.settings.issuer;
        let url = issuer.join(".well-known/openid-configuration");
        let document: Document = Ask::get(DISCOVER, url).send(&self.http).await?.json()?;
        document.check(self)
    }

    /// Returns the IAM's keys. Old ones are returned while they are fetched again: a token signed by
    /// one of them does not wait for the IAM.
    pub(crate) async fn keys(&self) -> Result<Arc<KeySet>, IamError> {
        self.keys_by_age(FRESH_FOR, MAX_AGE).await
    }

    /// Returns the IAM's keys as they are now, after a token was signed by one that is not among the
    /// known ones: such a token waits for the fetch. KeySet younger than [`RETRY_INTERVAL`] are not
    /// fetched again.
    pub(crate) async fn keys_again(&self) -> Result<Arc<KeySet>, IamError> {
        self.keys_by_age(RETRY_INTERVAL, RETRY_INTERVAL).await
    }

    async fn keys_by_age(
        &self,
        fresh: SignedDuration,
        stale: SignedDuration,
    ) -> Result<Arc<KeySet>, IamError> {
        let iam = self.clone();
        let fetch = || async move { iam.fetch_keys().await.map(Arc::new) };
        let freshness = |_: &_, age| Freshness::by_age(age, fresh, stale);
        self.keys.get((), freshness, fetch).await
    }

    async fn fetch_keys(&self) -> Result<KeySet, IamError> {
        let url = self.document().await?.jwks_uri.clone();
        let keys: KeySet = Ask::get(FETCH_KEYS, url).send(&self.http).await?.json()?;
        if keys.is_empty() {
            return Err(IamError::Unexpected {
                operation: FETCH_KEYS,
                why: "there is no key for asymmetric signatures among them".to_owned(),
            });
        }
        Ok(keys)
    }
}
