//! INDIGO IAM as the broker's [`People`].

use async_trait::async_trait;
use skykey_iam::{Iam, IamError};
use skykey_types::{Person, SubjectId};

use crate::{People, PortError};

#[async_trait]
impl People for Iam {
    async fn person(&self, sub: &str) -> Result<Option<Person>, PortError> {
        Iam::person(self, sub).await.map_err(|error: IamError| {
            // Whatever the failure, it is not an answer to "is this person a member?".
            PortError::Away(error.to_string())
        })
    }

    fn subject(&self, sub: &str) -> SubjectId {
        SubjectId {
            issuer: self.issuer().to_string(),
            sub: sub.to_owned(),
        }
    }
}
