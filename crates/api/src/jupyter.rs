//! Credentials of notebook servers.

use skykey_types::Secret;

use crate::described::api_types;
use crate::leases::shown;

api_types! {
    /// Credentials in the container credentials protocol of the AWS SDKs.
    pub struct ContainerCredentials {
        /// Names the credentials.
        pub access_key_id: String as "AccessKeyId",
        /// Signs requests.
        #[serde(serialize_with = "shown")]
        pub secret_access_key: Secret as "SecretAccessKey",
        /// The session token, which goes with every request.
        #[serde(serialize_with = "shown")]
        pub token: Secret as "Token",
        /// When they end, to the second, in UTC.
        pub expiration: String as "Expiration",
    }
}
