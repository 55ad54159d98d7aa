//! [GetSessionToken](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html).

use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_broker::{Broker, Principal, Renewal};
use skykey_types::random_token;

use crate::error::denied;

/// `DurationSeconds` is 900 to 43,200 in plain digits, 3,600 if left out.
pub(super) async fn answer<'f>(
    broker: &Broker,
    principal: &Principal,
    field: impl Fn(&str) -> Option<&'f str>,
) -> S3Result<String> {
    // Ceph ignores them; a person who sends one believes to be protected by it.
    for unserved in ["SerialNumber", "TokenCode", "Policy"] {
        if field(unserved).is_some() {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidArgument,
                format!("{unserved} is not served here"),
            ));
        }
    }
    let issued = broker
        .renew(principal, field("DurationSeconds"), &Renewal::SessionToken)
        .await
        .map_err(|why| denied(&why))?;
    Ok(skykey_sts::session_token_xml(
        &issued.credentials,
        &random_token(16),
    ))
}
