//! Logging a person in: the authorization code flow of OpenID Connect Core 1.0 §3.1 with PKCE
//! (RFC 7636, S256), state and nonce.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use skykey_types::{Secret, SubjectId, Timestamp, random_token};
use url::Url;

use crate::jwt::{Audience, Signed, Untimely};
use crate::provider::Document;
use crate::token::TokenAnswer;
use crate::{Iam, IamError, MembershipSource};

const OPERATION: &str = "finish a login";
/// 40 characters of 5 bits each.
const UNGUESSABLE: usize = 40;
/// What RFC 7636 §4.1 asks for at least is 43.
const VERIFIER: usize = 64;

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
    /// Renews it, if the IAM gave one; it does where that was asked for, or memberships are userinfo's to tell.
    pub refresh_token: Option<Secret>,
}

impl Iam {
    /// Begins a login.
    pub async fn begin_login(&self) -> Result<LoginStart, IamError> {
        let renewable = self.membership_source().await? == MembershipSource::Userinfo;
        self.begin(renewable).await
    }

    /// Begins a login that can be renewed, wherever memberships are asked for.
    pub async fn begin_renewable_login(&self) -> Result<LoginStart, IamError> {
        self.begin(true).await
    }

    async fn begin(&self, renewable: bool) -> Result<LoginStart, IamError> {
        let document = self.document().await?;
        let (state, nonce) = (random_token(UNGUESSABLE), random_token(UNGUESSABLE));
        let verifier = random_token(VERIFIER);
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut url = document.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", self.redirect.as_str())
            .append_pair("scope", &self.scopes(&document, renewable, &[]))
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if renewable {
            // OpenID Connect Core 1.0 §11: without it offline_access is ignored.
            url.query_pairs_mut().append_pair("prompt", "consent");
        }
        Ok(LoginStart {
            url,
            state: state.into(),
            nonce: nonce.into(),
            verifier: verifier.into(),
        })
    }

    /// Ends a login with the code that the person brought back. The caller has compared `state`.
    pub async fn finish_login(&self, start: &LoginStart, code: &Secret) -> Result<Login, IamError> {
        let ask = self
            .token_request(OPERATION, "authorization_code")
            .await?
            .secret("code", code)
            .secret("code_verifier", &start.verifier)
            .field("redirect_uri", self.redirect.as_str());
        let answer = self.token_answer(OPERATION, ask).await.map_err(|error| {
            if error.code() == "invalid_grant" {
                IamError::login("it does not accept the code")
            } else {
                error
            }
        })?;
        self.login(answer, Some(&start.nonce)).await
    }

    /// The person that a token answer tells of, after all that OpenID Connect Core 1.0 §3.1.3.7 and
    /// §3.1.3.8 have a client check.
    pub(crate) async fn login(
        &self,
        answer: TokenAnswer,
        nonce: Option<&Secret>,
    ) -> Result<Login, IamError> {
        let id_token = answer
            .id_token
            .as_ref()
            .ok_or_else(|| IamError::login("it holds no id token"))?;
        let signed = self
            .signed(id_token, |why| {
                IamError::login(format!("of the id token, {why}"))
            })
            .await?;
        self.check(&signed, &answer.access_token, nonce)
            .map_err(|why| IamError::login(format!("of the id token, {why}")))?;
        let claims = signed.claims;
        let username = claims
            .preferred_username
            .unwrap_or_else(|| claims.sub.clone());
        Ok(Login {
            name: claims.name.unwrap_or_else(|| username.clone()),
            username,
            id: self.subject(claims.sub),
            expires: self.clock.now() + answer.lasts(),
            access_token: answer.access_token,
            refresh_token: answer.refresh_token,
        })
    }

    fn check(
        &self,
        signed: &Signed,
        access_token: &Secret,
        nonce: Option<&Secret>,
    ) -> Result<(), &'static str> {
        let claims = &signed.claims;
        let us = &self.settings.client_id;
        let audience = claims.aud.as_ref().map(Audience::all).unwrap_or_default();
        if !audience.contains(us) {
            return Err("it was issued for another client");
        }
        match &claims.azp {
            Some(party) if party != us => return Err("it was issued to another client"),
            None if audience.len() > 1 => return Err("it is for several and does not say whose"),
            _ => {}
        }
        claims
            .timely(self.clock.now().as_second())
            .map_err(Untimely::words)?;
        if let Some(nonce) = nonce {
            let found = claims.nonce.clone().map(Secret::from);
            if found.as_ref() != Some(nonce) {
                return Err("it belongs to another login (its nonce is not ours)");
            }
        }
        match &claims.at_hash {
            Some(hash) if *hash != half_hash(signed.algorithm, access_token) => {
                Err("it belongs to another access token")
            }
            _ => Ok(()),
        }
    }

    /// The scopes of a login, with blanks between them.
    pub(crate) fn scopes(&self, document: &Document, renewable: bool, more: &[&str]) -> String {
        let mut scopes = vec!["openid".to_owned(), "profile".to_owned()];
        scopes.extend(self.settings.groups.scopes(&document.scopes_supported));
        scopes.extend(renewable.then(|| "offline_access".to_owned()));
        scopes.extend(self.settings.scopes.iter().cloned());
        scopes.extend(more.iter().map(|&scope| scope.to_owned()));
        let mut seen = std::collections::BTreeSet::new();
        scopes.retain(|scope| seen.insert(scope.clone()));
        scopes.join(" ")
    }
}

/// `at_hash`, OpenID Connect Core 1.0 §3.1.3.6: the left half of the hash that the algorithm uses.
fn half_hash(algorithm: Algorithm, access_token: &Secret) -> String {
    let hash = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &SHA384,
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &SHA512,
        _ => &SHA256,
    };
    let hash = digest(hash, access_token.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}
