//! Finding the user that a login elsewhere leads to.

use http::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Caller, Error, Keystone};

impl Keystone {
    /// The id of the user to whom the login `unique_id` at an identity provider leads, or `None` if
    /// nobody ever came that way, from `GET /v3/users?idp_id=…&protocol_id=…&unique_id=…` with our own
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
            // A Keystone that does not know the filter lists everybody.
            (_, false) => Err(answer.unusable("it names several users".to_owned())),
        }
    }
}
