//! What a notebook server asks, by its own token of its JupyterHub: `GET /jupyter/credentials`, the container
//! credentials protocol of AWS's SDKs.

use http::Method;
use percent_encoding::percent_decode_str;
use skykey_api::{AfterRemoval, ContainerCredentials, Lease, S3Location};
use skykey_types::{AccessKeyId, Credentials, LeaseId, Secret, SurveyName, Timestamp};
use skykey_upstream::Answer;

use crate::answers::GrantedLease;
use crate::api::Proof;
use crate::{Client, ClientError, CredentialsRequest};

const ASK: &str = "get a notebook server's credentials";
/// In which the portal names the survey that it chose.
const SURVEY: &str = "skykey-survey";
/// In which it says where the survey's objects are.
const PLACES: &str = "skykey-places";
/// How long the portal believes the hub about a token, and so how often it is worth asking, in seconds.
const LOOKS_EVERY: i64 = 30;

impl Client {
    /// The survey that the portal gives to this notebook server when it names none.
    pub(crate) async fn hubs_survey(&self, token: &Secret) -> Result<SurveyName, ClientError> {
        let answer = self.ask_as_hub(token, None).await?;
        answer
            .headers
            .get(SURVEY)
            .and_then(|name| name.to_str().ok()?.parse().ok())
            .ok_or_else(|| self.unexpected(ASK, "it does not say of which survey they are"))
    }

    pub(crate) async fn lease_by_hub(
        &self,
        token: &Secret,
        wish: &CredentialsRequest,
    ) -> Result<GrantedLease, ClientError> {
        let answer = self.ask_as_hub(token, Some(&wish.survey)).await?;
        let keys: ContainerCredentials = self.json(ASK, &answer)?;
        let expires: Timestamp = keys
            .expiration
            .parse()
            .map_err(|_| self.unexpected(ASK, "their end is not a time"))?;
        let access_key_id = AccessKeyId::new(keys.access_key_id);
        let places = answer.headers.get(PLACES);
        let places = places.and_then(|places| places.to_str().ok());
        let prefixes = places
            .unwrap_or_default()
            .split_whitespace()
            .map(|place| percent_decode_str(place).decode_utf8_lossy().into_owned())
            .collect();
        let site = self.site().await?;
        let lease = Lease {
            id: LeaseId::of(&access_key_id).to_string(),
            survey: wish.survey.to_string(),
            access: "read".to_owned(),
            method: "jupyter".to_owned(),
            issued: self.clock.now(),
            expires: Some(expires),
            state: "live".to_owned(),
            after_removal: AfterRemoval {
                seen_within: LOOKS_EVERY,
                ..AfterRemoval::default()
            },
            ..Lease::default()
        };
        Ok(GrantedLease {
            lease,
            credentials: Credentials {
                access_key_id,
                secret_access_key: keys.secret_access_key,
                session_token: Some(keys.token),
                expiration: Some(expires),
            },
            place: S3Location {
                endpoint: site.s3,
                region: site.region,
                prefixes,
            },
        })
    }

    async fn ask_as_hub(
        &self,
        token: &Secret,
        survey: Option<&SurveyName>,
    ) -> Result<Answer, ClientError> {
        let mut url = self.portal.at(&["jupyter", "credentials"]);
        if let Some(survey) = survey {
            url.query_pairs_mut().append_pair("survey", survey.as_str());
        }
        self.call(ASK, Method::GET, &url, Some(Proof::Bearer(token)), None)
            .await
    }
}
