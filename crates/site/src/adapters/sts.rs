//! Any STS as the broker's [`Exchange`].

use std::sync::Arc;

use async_trait::async_trait;
use skykey_broker::{Exchange, PortError};
use skykey_sts::{StsClient, StsError};
use skykey_types::{Credentials, Lifetime, Rights, RoleArn};

/// Exchanges EC2 credentials at an STS.
pub struct StsExchange(pub Arc<StsClient>);

#[async_trait]
impl Exchange for StsExchange {
    async fn session_token(
        &self,
        ec2: &Credentials,
        lifetime: Lifetime,
    ) -> Result<Credentials, PortError> {
        self.0
            .session_token(ec2, lifetime)
            .await
            .map_err(|error| port(&error))
    }

    async fn assume_role(
        &self,
        ec2: &Credentials,
        role: &RoleArn,
        session: &str,
        lifetime: Lifetime,
        rights: &Rights,
    ) -> Result<Credentials, PortError> {
        self.0
            .assume_role(ec2, role, session, lifetime, rights)
            .await
            .map_err(|error| port(&error))
    }
}

fn port(error: &StsError) -> PortError {
    if error.blames_the_key() && !error.is_outage() {
        PortError::BadKey(error.to_string())
    } else {
        super::port_error(error.kind(), error)
    }
}
