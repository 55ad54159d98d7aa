//! [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).

use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_broker::{Broker, Principal, Renewal};
use skykey_types::random_token;

use crate::error::denied;

/// The survey's role for the access that the EC2 credential has, narrowed by a session policy of the
/// kind that skykey's own client writes; any other policy is refused, since it could not be kept.
pub(super) async fn answer<'f>(
    broker: &Broker,
    principal: &Principal,
    field: impl Fn(&str) -> Option<&'f str>,
) -> S3Result<String> {
    let missing = |name: &str| {
        S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            format!("AssumeRole needs {name}"),
        )
    };
    let role = field("RoleArn").ok_or_else(|| missing("RoleArn"))?;
    let session = field("RoleSessionName").ok_or_else(|| missing("RoleSessionName"))?;
    if !(2..=64).contains(&session.len()) {
        return Err(S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            "RoleSessionName has 2 to 64 characters",
        ));
    }
    let policy = field("Policy")
        .map(skykey_sts::rights_of_policy)
        .transpose()
        .map_err(|why| {
            let code = S3ErrorCode::Custom("MalformedPolicyDocument".into());
            let mut error = S3Error::with_message(code, why);
            error.set_status_code(http::StatusCode::BAD_REQUEST);
            error
        })?;
    let issued = broker
        .renew(
            principal,
            field("DurationSeconds"),
            &Renewal::Role(role, policy),
        )
        .await
        .map_err(|why| denied(&why))?;
    let id = issued.credentials.access_key_id.as_str();
    Ok(skykey_sts::assume_role_xml(
        &issued.credentials,
        &format!("{role}/{session}"),
        &format!("{id}:{session}"),
        &random_token(16),
    ))
}
