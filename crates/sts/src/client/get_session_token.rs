//! `GetSessionToken`: an EC2 credential in, temporary credentials out.

use skykey_types::{Credentials, Lifetime};

use super::{StsClient, StsError};
use crate::wire::parse_credentials;

const ACTION: &str = "GetSessionToken";

impl StsClient {
    /// Exchanges an EC2 credential for credentials that last `lifetime`
    /// ([GetSessionToken](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html)).
    /// Ceph's STS Lite takes 900 s to `rgw_sts_max_session_duration`, and only from a project whose
    /// user policy allows it.
    pub async fn session_token(
        &self,
        ec2: &Credentials,
        lifetime: Lifetime,
    ) -> Result<Credentials, StsError> {
        let seconds = lifetime.as_seconds().to_string();
        let form = [("DurationSeconds", seconds.as_str())];
        let body = self.ask(ACTION, ec2, &form).await?;
        parse_credentials(ACTION, &body).map_err(|why| self.unexpected(ACTION, why))
    }
}
