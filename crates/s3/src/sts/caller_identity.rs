//! [GetCallerIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).

use skykey_broker::Principal;
use skykey_types::RequestId;

/// Who the key is: the survey as the account, the person's `sub` as the user.
pub(super) fn answer(principal: &Principal, id: &RequestId) -> String {
    let arn = format!(
        "arn:aws:sts::{}:assumed-role/{}/{}",
        principal.survey, principal.access, principal.username
    );
    skykey_sts::caller_identity_xml(
        principal.survey.as_str(),
        &arn,
        &principal.subject.sub,
        id.as_str(),
    )
}
