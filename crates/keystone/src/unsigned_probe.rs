//! Tests whether Keystone issues a token for a signature alone.

use crate::probe::to_the_end;
use crate::transport::Call;
use crate::{Caller, Ec2Credential, Error, Found, Keystone, Probe, ec2_signature};

impl Keystone {
    /// Tests whether `POST /v3/s3tokens` and `POST /v3/ec2tokens` are refused with a valid signature and
    /// without a token (CVE-2025-65073). Our own user must be a `member` of the
    /// project that it logs in for.
    ///
    /// The test needs a valid signature, since a faulty Keystone rejects an invalid one too. So it creates
    /// an EC2 credential, signs with it, and deletes it, also if the caller is dropped; it revokes a token
    /// that it gets.
    pub async fn unsigned_ec2_calls_refused(&self) -> Result<Probe, Error> {
        let keystone = self.clone();
        to_the_end(async move { keystone.try_unsigned().await }).await
    }

    async fn try_unsigned(&self) -> Result<Probe, Error> {
        let own = self.own().await?;
        let Some(project) = own.project else {
            return Ok(Probe {
                found: Found::NotTried("our login has no project".to_owned()),
                left_behind: Vec::new(),
            });
        };
        let made = self
            .create_ec2(Caller::Own, &own.user.id, &project.id)
            .await?;
        let found = self.ask_unsigned(&made).await;
        let mut left_behind = Vec::new();
        if let Err(error) = self
            .delete_ec2(Caller::Own, &own.user.id, &made.access)
            .await
        {
            tracing::error!(access = %made.access, %error, "an EC2 credential of a test could not be deleted");
            left_behind.push(format!(
                "the EC2 credential {} of {}",
                made.access, own.user.name
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

    async fn ask_unsigned(&self, made: &Ec2Credential) -> Result<Found, Error> {
        let now = self.0.clock.now();
        for (path, body) in [
            (
                "s3tokens",
                ec2_signature::for_s3tokens(&made.access, &made.secret, now),
            ),
            (
                "ec2tokens",
                ec2_signature::for_ec2tokens(&made.access, &made.secret, now),
            ),
        ] {
            let mut call = Call::asking(
                "request a token with only a signature",
                vec![path],
                Some(body),
            );
            call.secrets.push(&made.secret);
            match self.0.transport.send(&call, None).await {
                Ok(answer) => {
                    if let Some(token) = &answer.subject_token
                        && let Err(error) = self.revoke_token(Caller::Own, token).await
                    {
                        tracing::warn!(%error, "a token of a test could not be revoked; it stays valid until it expires");
                    }
                    return Ok(Found::Done(format!(
                        "answered {} to POST /v3/{path} with a signature and no token",
                        answer.status
                    )));
                }
                // A 404 counts as refused.
                Err(Error::Refused { .. } | Error::NotFound { .. }) => {}
                Err(error) if error.is_outage() => return Err(error),
                Err(error) => return Ok(Found::NotTried(error.to_string())),
            }
        }
        Ok(Found::Refused)
    }
}
