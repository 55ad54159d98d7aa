//! [GetSessionToken](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html).

use s3s::S3Result;
use skykey_broker::{Broker, Principal, Renewal};
use skykey_types::random_token;

use super::form::Form;
use crate::error::denied;

/// `DurationSeconds` is 900 to 43,200 in plain digits, 3,600 if left out.
pub(super) async fn answer(
    broker: &Broker,
    principal: &Principal,
    form: &Form,
) -> S3Result<String> {
    // Ceph ignores them.
    form.must_not_have(&["SerialNumber", "TokenCode", "Policy"])?;
    let issued = broker
        .renew(
            principal,
            form.field("DurationSeconds"),
            &Renewal::SessionToken,
        )
        .await
        .map_err(|why| denied(&why))?;
    Ok(skykey_sts::session_token_xml(
        &issued.credentials,
        &random_token(16),
    ))
}
