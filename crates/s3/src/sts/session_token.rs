//! [GetSessionToken](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html).

use skykey_broker::{Broker, Principal, Renewal};
use skykey_types::RequestId;

use super::form::Form;
use crate::fault::{Fault, Result};

/// `DurationSeconds` is 900 to 43,200 in plain digits, 3,600 if left out.
pub(super) async fn answer(
    broker: &Broker,
    principal: &Principal,
    form: &Form<'_>,
    id: &RequestId,
) -> Result<String> {
    // Ceph ignores them.
    form.must_not_have(&["SerialNumber", "TokenCode", "Policy"])?;
    let issued = broker
        .renew(
            principal,
            form.field("DurationSeconds"),
            &Renewal::SessionToken,
            id,
        )
        .await
        .map_err(|why| Fault::from(&why))?;
    Ok(skykey_sts::session_token_xml(
        &issued.credentials,
        id.as_str(),
    ))
}
