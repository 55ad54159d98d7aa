//! Tests whether an application credential can gain all rights of its owner.

use http::Method;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use skykey_types::random_token;

use crate::probe::to_the_end;
use crate::transport::Call;
use crate::{ApplicationCredential, Caller, Error, Found, Keystone, Probe, Project, UserRef};

/// The lifetime of the application credential, if it cannot be deleted.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

impl Keystone {
    /// Tests whether an application credential of our own user is refused an EC2 credential
    /// (CVE-2026-33551, CVE-2026-43001). Our own user must be a `member` of the project that it logs
    /// in for.
    ///
    /// It creates an application credential, logs in with it, requests an EC2 credential, and deletes what it
    /// created, also if the caller is dropped.
    pub async fn delegated_tokens_refused(&self) -> Result<Probe, Error> {
        let keystone = self.clone();
        to_the_end(async move { keystone.try_delegated().await }).await
    }

    async fn try_delegated(&self) -> Result<Probe, Error> {
        let mut left_behind = Vec::new();
        let not_tried = |why: String| Probe {
            found: Found::NotTried(why),
            left_behind: Vec::new(),
        };
        let own = self.own().await?;
        let Some(project) = own.project else {
            return Ok(not_tried("our login has no project".to_owned()));
        };
        let made = match self.create_app_credential(&own.user, &own.roles).await {
            Ok(made) => made,
            Err(error) if error.is_outage() => return Err(error),
            Err(error) => return Ok(not_tried(error.to_string())),
        };
        let found = self
            .ask_delegated(&made, &own.user, &project, &mut left_behind)
            .await;
        if let Err(error) = self.delete_app_credential(&own.user, &made.id).await {
            tracing::error!(id = made.id, %error, "an application credential of a test could not be deleted; it expires within an hour");
            left_behind.push(format!(
                "the application credential {} of {}",
                made.id, own.user.name
            ));
        }
        match found {
            Err(error) if left_behind.is_empty() => Err(error),
            Err(error) => Ok(Probe {
                found: Found::NotTried(error.to_string()),
                left_behind,
            }),
            Ok(found) => Ok(Probe { found, left_behind }),
        }
    }

    async fn ask_delegated(
        &self,
        with: &ApplicationCredential,
        user: &UserRef,
        project: &Project,
        left_behind: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let token = match self.0.transport.application_credential_token(with).await {
            Ok(token) => token.token,
            Err(error) if error.is_outage() => return Err(error),
            Err(error) => return Ok(Found::NotTried(error.to_string())),
        };
        match self
            .create_ec2(Caller::Token(&token), &user.id, &project.id)
            .await
        {
            Err(Error::Refused { .. }) => Ok(Found::Refused),
            Err(error @ Error::Unreachable(_)) => {
                left_behind.push(format!(
                    "perhaps an EC2 credential of {} in {}: the response was lost",
                    user.name, project.name
                ));
                Err(error)
            }
            Err(error) if error.is_outage() => Err(error),
            Err(error) => Ok(Found::NotTried(error.to_string())),
            Ok(made) => {
                if let Err(error) = self.delete_ec2(Caller::Own, &user.id, &made.access).await {
                    tracing::error!(access = %made.access, %error, "an EC2 credential of a test could not be deleted");
                    left_behind.push(format!(
                        "the EC2 credential {} of {}",
                        made.access, user.name
                    ));
                }
                Ok(Found::Done(
                    "created an EC2 credential for an application credential".to_owned(),
                ))
            }
        }
    }

    /// Names the roles of our token explicitly: a Keystone (30.0.0) that is served by threads would otherwise
    /// use those of another request's token, and refuse.
    async fn create_app_credential(
        &self,
        user: &UserRef,
        roles: &[String],
    ) -> Result<ApplicationCredential, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            application_credential: ApplicationCredential,
        }
        let end = self.0.clock.now() + LIFETIME;
        let roles: Vec<_> = roles.iter().map(|name| json!({"name": name})).collect();
        let path = vec!["users", &user.id, "application_credentials"];
        let mut call = Call::new("make an application credential", Method::POST, path);
        call.body = Some(json!({"application_credential": {
            "name": format!("skykey-trial-{}", random_token(16)),
            "description": "created by skykey for a security test; may be deleted",
            "roles": roles,
            "expires_at": end.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string(),
        }}));
        let made: Envelope = self.call(Caller::Own, &call).await?.json()?;
        Ok(made.application_credential)
    }

    async fn delete_app_credential(&self, user: &UserRef, id: &str) -> Result<(), Error> {
        let path = vec!["users", &user.id, "application_credentials", id];
        let call = Call::new("delete the application credential", Method::DELETE, path);
        match self.call(Caller::Own, &call).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
