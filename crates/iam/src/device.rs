//! Logging a person in on a machine without a browser: the device flow, RFC 8628.

use serde::Deserialize;
use skykey_types::{Secret, SignedDuration, Timestamp};
use url::Url;

use crate::http::Ask;
use crate::{Iam, IamError, Login};

const BEGIN: &str = "begin a login by device code";
const POLL: &str = "finish a login by device code";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// RFC 8628 §3.2.
const INTERVAL: i64 = 5;

/// A login that has begun: the person goes to `verification_uri` with any browser, types
/// `user_code`, and says yes.
#[derive(Debug)]
pub struct DeviceStart {
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: Url,
    /// Where nothing needs typing, if the IAM has that.
    pub verification_uri_complete: Option<Url>,
    /// When it is too late.
    pub expires: Timestamp,
    /// How long to wait between two polls; five seconds longer after each
    /// [`DevicePoll::SlowDown`].
    pub interval: SignedDuration,
    device_code: Secret,
}

/// How a login by device code stands.
#[derive(Debug)]
pub enum DevicePoll {
    /// The person has not answered yet.
    Pending,
    /// The same, and we asked too soon.
    SlowDown,
    /// The person said yes.
    Done(Box<Login>),
    /// The person said no.
    Denied,
    /// Nobody answered in time; begin again.
    Expired,
}

#[derive(Deserialize)]
struct Wire {
    device_code: Secret,
    user_code: String,
    // Google's early name for it.
    #[serde(alias = "verification_url")]
    verification_uri: Url,
    verification_uri_complete: Option<Url>,
    expires_in: i64,
    interval: Option<i64>,
}

impl Iam {
    /// Begins a login by device code, with `scopes` beside those of every login.
    pub async fn begin_device(&self, scopes: &[&str]) -> Result<DeviceStart, IamError> {
        let document = self.document().await?;
        let url = document
            .device_authorization_endpoint
            .clone()
            .ok_or(IamError::NotOffered {
                operation: BEGIN,
                endpoint: "device_authorization_endpoint",
            })?;
        let ask = self
            .as_client(Ask::post(BEGIN, url), &document)
            .field("scope", &self.scopes(&document, false, scopes))
            .repeatable();
        let wire: Wire = ask.send(&self.http).await?.json()?;
        let seconds = |seconds: i64| SignedDuration::from_secs(seconds.clamp(1, 86_400));
        Ok(DeviceStart {
            user_code: wire.user_code,
            verification_uri: wire.verification_uri,
            verification_uri_complete: wire.verification_uri_complete,
            expires: self.clock.now() + seconds(wire.expires_in),
            interval: seconds(wire.interval.unwrap_or(INTERVAL)),
            device_code: wire.device_code,
        })
    }

    /// Asks once how the login stands; how often is the caller's to heed.
    pub async fn poll_device(&self, start: &DeviceStart) -> Result<DevicePoll, IamError> {
        if start.expires <= self.clock.now() {
            return Ok(DevicePoll::Expired);
        }
        let ask = self
            .token_request(POLL, GRANT)
            .await?
            .secret("device_code", &start.device_code);
        match self.token_answer(POLL, ask).await {
            // There was no request that could have carried a nonce.
            Ok(answer) => Ok(DevicePoll::Done(Box::new(self.login(answer, None).await?))),
            Err(error) => match error.code() {
                "authorization_pending" => Ok(DevicePoll::Pending),
                "slow_down" => Ok(DevicePoll::SlowDown),
                "access_denied" => Ok(DevicePoll::Denied),
                "expired_token" => Ok(DevicePoll::Expired),
                _ => Err(error),
            },
        }
    }
}
