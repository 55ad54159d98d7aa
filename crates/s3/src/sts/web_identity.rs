//! [AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html):
//! no signature, but an access token of the IAM, which is verified as the portal's API verifies a bearer.

use std::sync::Arc;

use skykey_broker::{Broker, Caller, Denied, RoleFields};
use skykey_iam::{Iam, IamError};
use skykey_serve::{ClientAddr, WrongTokens};
use skykey_types::{RequestId, Secret};

use super::form::Form;
use super::role::{policy, session_arn, session_name};
use crate::fault::{Code, Fault, Result};

const ACTION: &str = "AssumeRoleWithWebIdentity";

/// Who is believed, and who has tried too often.
pub(super) struct WebIdentity {
    iam: Arc<Iam>,
    wrong: WrongTokens,
}

impl WebIdentity {
    pub(super) fn new(iam: Arc<Iam>) -> Self {
        Self {
            iam,
            wrong: WrongTokens::default(),
        }
    }

    /// A lease by the survey's role, for whomever the token acts for.
    pub(super) async fn answer(
        &self,
        broker: &Broker,
        client: Option<ClientAddr>,
        form: &Form<'_>,
        request: &RequestId,
    ) -> Result<String> {
        let role = form.needed(ACTION, "RoleArn")?;
        let session = session_name(ACTION, form)?;
        let token = Secret::new(form.needed(ACTION, "WebIdentityToken")?.trim());
        form.must_not_have(&["ProviderId", "PolicyArns"])?;
        let within = policy(form)?;
        let caller = self.caller(broker, client, token).await?;
        let fields = RoleFields {
            role,
            lifetime: form.field("DurationSeconds"),
            within,
        };
        let lease_request = broker
            .parse_role_request(&caller, &fields, request)
            .await
            .map_err(|why| refused(&why))?;
        let issued = broker
            .issue(&caller, &lease_request, request)
            .await
            .map_err(|why| refused(&why))?;
        tracing::info!(lease = %issued.lease.id, subject = %caller.id, session, "leased by web identity");
        let id = issued.credentials.access_key_id.as_str();
        Ok(skykey_sts::web_identity_xml(
            &issued.credentials,
            (&session_arn(role, session), &format!("{id}:{session}")),
            (&caller.id.sub, &caller.id.issuer),
            request.as_str(),
        ))
    }

    /// Returns the person whom the token acts for. Wrong tokens are counted: each costs a signature
    /// check or a request to the IAM.
    async fn caller(
        &self,
        broker: &Broker,
        client: Option<ClientAddr>,
        token: Secret,
    ) -> Result<Caller> {
        let now = broker.clock().now();
        if let Some(client) = client {
            self.wrong.admit(client, now).map_err(|why| {
                let why = format!("{why}; try again in a minute");
                Fault::new(Code::Throttling, why)
            })?;
        }
        match self.iam.verify_access_token(&token).await {
            Ok(claims) => Ok(Caller {
                username: claims.id.sub.clone(),
                id: claims.id,
                iam_token: Some(token),
            }),
            Err(error) => {
                if let (Some(client), IamError::Token { .. } | IamError::TokenEnded) =
                    (client, &error)
                {
                    self.wrong.count(client, &token, now);
                }
                Err(not_believed(&error))
            }
        }
    }
}

/// Returns the fault for a rejected token, with AWS's code.
fn not_believed(error: &IamError) -> Fault {
    match error {
        IamError::TokenEnded => Fault::new(
            Code::ExpiredTokenException,
            "the web identity token has expired; let the program that writes its file (oidc-agent, htgettoken, \
             the batch system) write a fresh one",
        ),
        IamError::Token { why } => Fault::new(
            Code::InvalidIdentityToken,
            format!(
                "the web identity token is not valid here: {why}; it must be an access token of the IAM that \
                 this site's portal logs people in with"
            ),
        ),
        error => {
            tracing::warn!(%error, "the IAM failed");
            away()
        }
    }
}

/// The IAM cannot say whether a token is good, or whether its owner may. AWS's SDKs try that again.
fn away() -> Fault {
    Fault::new(
        Code::IDPCommunicationError,
        "the IAM, which vouches for the web identity token, does not answer as it should; live credentials \
         go on working; try again in a few minutes",
    )
}

fn refused(why: &Denied) -> Fault {
    match why {
        Denied::Away {
            system: "the IAM",
            why,
        } => {
            tracing::warn!(why, "the IAM does not answer");
            away()
        }
        why => Fault::from(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_awss_code_and_says_what_to_do() {
        let wrong = IamError::Token {
            why: "its signature is wrong".to_owned(),
        };
        let trouble = IamError::Unexpected {
            operation: "read the keys",
            why: "it is not JSON".to_owned(),
        };
        for (error, code, word) in [
            (wrong, Code::InvalidIdentityToken, "its signature is wrong"),
            (
                IamError::TokenEnded,
                Code::ExpiredTokenException,
                "a fresh one",
            ),
            (trouble, Code::IDPCommunicationError, "try again"),
        ] {
            let error = not_believed(&error);
            assert_eq!(error.code, code);
            assert_eq!(error.code.status(), http::StatusCode::BAD_REQUEST);
            assert!(error.message.contains(word), "{error:?}");
        }
        let silent = |system| Denied::Away {
            system,
            why: "connection refused".to_owned(),
        };
        let code = |why| refused(&why).code;
        assert_eq!(code(silent("the IAM")), Code::IDPCommunicationError);
        assert_eq!(code(silent("STS")), Code::ServiceUnavailable);
        assert_eq!(code(Denied::NoSuchRole("r".to_owned())), Code::AccessDenied);
    }
}
