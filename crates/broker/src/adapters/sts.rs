//! Any STS as the broker's [`Exchange`].

use async_trait::async_trait;
use skykey_sts::{StsClient, StsError};
use skykey_types::{Credentials, Lifetime};

use crate::{Exchange, PortError};

#[async_trait]
impl Exchange for StsClient {
    async fn session_token(
        &self,
        ec2: &Credentials,
        lifetime: Lifetime,
    ) -> Result<Credentials, PortError> {
        StsClient::session_token(self, ec2, lifetime)
            .await
            .map_err(|error| match error {
                StsError::Refused { status, .. } if status < 500 && status != 429 => {
                    PortError::Refused(error.to_string())
                }
                error => PortError::Away(error.to_string()),
            })
    }
}
