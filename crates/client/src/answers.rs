//! A lease with its credentials, as a client hands it out.

use skykey_api::{IssuedLease, Lease, S3Location};
use skykey_types::{AccessKeyId, Credentials};

/// Credentials with the lease that they belong to.
#[derive(Debug, Clone)]
pub struct GrantedLease {
    /// The lease.
    pub lease: Lease,
    /// Its credentials; `expiration` is the lease's end.
    pub credentials: Credentials,
    /// Where they are valid.
    pub place: S3Location,
}

impl From<IssuedLease> for GrantedLease {
    fn from(issued: IssuedLease) -> Self {
        Self {
            credentials: Credentials {
                access_key_id: AccessKeyId::new(issued.credentials.access_key_id),
                secret_access_key: issued.credentials.secret_access_key,
                session_token: issued.credentials.session_token,
                expiration: issued.lease.expires,
            },
            lease: issued.lease,
            place: issued.s3,
        }
    }
}
