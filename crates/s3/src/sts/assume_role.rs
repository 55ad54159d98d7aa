//! [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).

use s3s::S3Result;
use skykey_broker::{Broker, Principal, Renewal};
use skykey_types::random_token;

use super::form::Form;
use super::role::{policy, session_arn, session_name};
use crate::error::denied;

/// The survey's role for the access that the EC2 credential has, narrowed by the session policy.
pub(super) async fn answer(
    broker: &Broker,
    principal: &Principal,
    form: &Form,
) -> S3Result<String> {
    let role = form.needed("AssumeRole", "RoleArn")?;
    let session = session_name("AssumeRole", form)?;
    form.must_not_have(&["PolicyArns"])?;
    let issued = broker
        .renew(
            principal,
            form.field("DurationSeconds"),
            &Renewal::Role(role, policy(form)?),
        )
        .await
        .map_err(|why| denied(&why))?;
    let id = issued.credentials.access_key_id.as_str();
    Ok(skykey_sts::assume_role_xml(
        &issued.credentials,
        &session_arn(role, session),
        &format!("{id}:{session}"),
        &random_token(16),
    ))
}
