//! [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).

use skykey_broker::{Broker, Principal, Renewal};
use skykey_types::RequestId;

use super::form::Form;
use super::role::{policy, session_arn, session_name};
use crate::fault::{Fault, Result};

/// The survey's role for the access that the EC2 credential has, narrowed by the session policy.
pub(super) async fn answer(
    broker: &Broker,
    principal: &Principal,
    form: &Form<'_>,
    id: &RequestId,
) -> Result<String> {
    let role = form.needed("AssumeRole", "RoleArn")?;
    let session = session_name("AssumeRole", form)?;
    form.must_not_have(&["PolicyArns"])?;
    let renewal = Renewal::Role(role, policy(form)?);
    let issued = broker
        .renew(principal, form.field("DurationSeconds"), &renewal, id)
        .await
        .map_err(|why| Fault::from(&why))?;
    let key = issued.credentials.access_key_id.as_str();
    Ok(skykey_sts::assume_role_xml(
        &issued.credentials,
        &session_arn(role, session),
        &format!("{key}:{session}"),
        id.as_str(),
    ))
}
