//! The backend user's EC2 credentials: one for each project, sealed at rest, never shown.

use skykey_seal::Purpose;
use skykey_types::{AccessKeyId, Credentials, Lifetime, ProjectName, Secret};

use crate::{Broker, Denied, Ec2Credential, PortError};

const PURPOSE: Purpose = Purpose("backend-key");

impl Broker {
    /// Temporary credentials of the backend user in `project`. A credential that was deleted behind
    /// our back is made anew, once.
    pub(crate) async fn exchange_backend_key(
        &self,
        project: &ProjectName,
        lifetime: Lifetime,
    ) -> Result<Credentials, Denied> {
        let key = self.backend_key(project, None).await?;
        match self
            .exchange
            .session_token(&key.credentials(), lifetime)
            .await
        {
            Ok(credentials) => Ok(credentials),
            Err(PortError::Refused(why)) => {
                tracing::warn!(%project, %why, "the backend user's EC2 credential was refused; making a new one");
                let key = self.backend_key(project, Some(&key.access)).await?;
                self.exchange
                    .session_token(&key.credentials(), lifetime)
                    .await
                    .map_err(|error| Denied::port("STS", error))
            }
            Err(error) => Err(Denied::port("STS", error)),
        }
    }

    /// The credential for `project`, made if there is none, or if the one there is is `refused`.
    /// One asker at a time, so that a burst makes one credential.
    async fn backend_key(
        &self,
        project: &ProjectName,
        refused: Option<&AccessKeyId>,
    ) -> Result<Ec2Credential, Denied> {
        let _one_at_a_time = self.backend_keys.lock().await;
        let keystone = |error| Denied::port("Keystone", error);
        if let Some(row) = self.database.backend_key(project).await? {
            let access = AccessKeyId::new(row.access);
            if refused != Some(&access)
                && let Ok(secret) =
                    self.at_rest
                        .open(PURPOSE, &bound(project, &access), &row.sealed)
                && let Ok(secret) = std::str::from_utf8(&secret)
            {
                return Ok(Ec2Credential {
                    secret: Secret::new(secret),
                    access,
                    user_id: row.user_id,
                });
            }
            self.ec2
                .delete(&row.user_id, &access)
                .await
                .map_err(keystone)?;
        }
        let made = self
            .ec2
            .create_for_backend(project)
            .await
            .map_err(keystone)?;
        let sealed = self.at_rest.seal(
            PURPOSE,
            &bound(project, &made.access),
            made.secret.expose().as_bytes(),
        );
        let now = self.clock.now();
        if let Err(error) = self
            .database
            .keep_backend_key(project, made.access.as_str(), &made.user_id, &sealed, now)
            .await
        {
            // It was never used, and nobody would find it again.
            self.delete_unwritten(&made.user_id, &made.access).await;
            return Err(error.into());
        }
        Ok(made)
    }
}

fn bound(project: &ProjectName, access: &AccessKeyId) -> Vec<u8> {
    // Neither name can hold a newline.
    format!("{project}\n{access}").into_bytes()
}
