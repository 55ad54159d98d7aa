//! Identifies the owner of an EC2 credential.

use http::Method;
use serde::Deserialize;
use skykey_sigv4::sha256_hex;
use skykey_types::{AccessKeyId, Secret};

use crate::transport::{Answer, Call};
use crate::{Caller, Error, FederatedLogin, Keystone, ec2_signature};

/// The present description of an EC2 credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ec2Identity {
    /// The secret access key.
    pub secret: Secret,
    /// The id of its owner.
    pub user_id: String,
    /// The user's name.
    pub user_name: String,
    /// The id of its project.
    pub project_id: String,
    /// The project's name.
    pub project_name: String,
    /// The names of the user's roles in the project.
    pub roles: Vec<String>,
    /// The user's federated logins; none for a local user.
    pub federated: Vec<FederatedLogin>,
}

impl Keystone {
    /// Returns the owner and the secret of an EC2 credential, or `None` if it is not valid now: unknown, its
    /// user or project disabled, or no role left in the project. Needs an administrator's own token, to
    /// read the secret.
    ///
    /// It asks as Ceph's RGW does. `GET /v3/credentials/{sha256 of the access key id}` returns the secret,
    /// but also for a disabled user. `POST /v3/s3tokens` with a string that we sign makes Keystone check
    /// user, project and roles. Nothing is cached.
    pub async fn identify_ec2(&self, access: &AccessKeyId) -> Result<Option<Ec2Identity>, Error> {
        let Some(pair) = self.stored_pair(access).await? else {
            return Ok(None);
        };
        let Some(token) = self.s3_token(access, &pair.secret).await? else {
            return Ok(None);
        };
        let answer = token.token_body()?;
        let Some(project) = answer.project else {
            return Err(token.unusable("the token has no project".to_owned()));
        };
        if (&answer.user.id, &project.id) != (&pair.user_id, &pair.project_id) {
            return Err(token.unusable("user or project differ from the credential's".to_owned()));
        }
        let Some(user) = self.user(&pair.user_id).await? else {
            return Ok(None);
        };
        Ok(user.enabled.then(|| Ec2Identity {
            secret: pair.secret,
            user_id: pair.user_id,
            user_name: answer.user.name,
            project_id: pair.project_id,
            project_name: project.name,
            roles: answer.roles.into_iter().map(|role| role.name).collect(),
            federated: user.federated,
        }))
    }

    async fn stored_pair(&self, access: &AccessKeyId) -> Result<Option<Pair>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            credential: Stored,
        }
        #[derive(Deserialize)]
        struct Stored {
            r#type: String,
            blob: String,
            user_id: String,
            project_id: Option<String>,
        }
        #[derive(Deserialize)]
        struct Blob {
            access: AccessKeyId,
            secret: Secret,
        }
        let id = sha256_hex(access.as_str().as_bytes());
        let call = Call::new(
            "read the EC2 credential",
            Method::GET,
            vec!["credentials", &id],
        );
        let answer = match self.call(Caller::Own, &call).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            outcome => outcome?,
        };
        let Stored {
            r#type,
            blob,
            user_id,
            project_id,
        } = answer.json::<Envelope>()?.credential;
        if r#type != "ec2" {
            return Ok(None);
        }
        let blob: Blob = serde_json::from_str(&blob)
            .map_err(|_| answer.unusable("the blob has no access and secret".to_owned()))?;
        let Some(project_id) = project_id else {
            return Err(answer.unusable("the credential has no project".to_owned()));
        };
        if blob.access != *access {
            return Err(answer.unusable("it is the data of another credential".to_owned()));
        }
        Ok(Some(Pair {
            secret: blob.secret,
            user_id,
            project_id,
        }))
    }

    /// Asks Keystone for the token description of the signer with `secret`.
    async fn s3_token(
        &self,
        access: &AccessKeyId,
        secret: &Secret,
    ) -> Result<Option<Answer>, Error> {
        let body = ec2_signature::for_s3tokens(access, secret, self.0.clock.now());
        let mut call = Call::asking("identify the EC2 credential", vec!["s3tokens"], Some(body));
        call.secrets.push(secret);
        // No new login after a 401: our token was valid a moment ago, so this is about the user, and
        // requests of a removed user must not each cause a login.
        let own = self.own_token(None).await?.token;
        match self.0.transport.send(&call, Some(&own)).await {
            Ok(answer) => Ok(Some(answer)),
            // 403 is about us: we lack the right to ask.
            Err(Error::Refused {
                status: 401,
                message,
                ..
            }) => {
                tracing::debug!(%access, message, "keystone rejected an EC2 credential");
                Ok(None)
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

struct Pair {
    secret: Secret,
    user_id: String,
    project_id: String,
}
