//! Finds the user of a federated login.

use http::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Caller, Error, Keystone};

impl Keystone {
    /// Returns the id of the user with the federated login `unique_id`, or `None` if there is none, from `GET /v3/users?idp_id=…&protocol_id=…&unique_id=…` with our own
    /// token, which must be an administrator's.
    pub async fn user_by_login(
        &self,
        idp: &str,
        protocol: &str,
        unique_id: &str,
    ) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            users: Vec<Found>,
        }
        #[derive(Deserialize)]
        struct Found {
            id: String,
        }
        let mut call = Call::new("find the user of a login", Method::GET, vec!["users"]);
        call.query = vec![
            ("idp_id", idp),
            ("protocol_id", protocol),
            ("unique_id", unique_id),
        ];
        let answer = self.call(Caller::Own, &call).await?;
        let mut users = answer.json::<Envelope>()?.users;
        match (users.pop(), users.is_empty()) {
            (found, true) => Ok(found.map(|user| user.id)),
            // A Keystone without this filter lists all users.
            (_, false) => Err(answer.unusable("it names several users".to_owned())),
        }
    }
}
