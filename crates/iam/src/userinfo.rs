//! Who somebody is and in which groups, by userinfo (OpenID Connect Core 1.0 §5.3), for providers
//! without SCIM.

use serde_json::{Map, Value};
use skykey_types::{Person, Secret, SubjectId, Timestamp};

use crate::http::Ask;
use crate::{Iam, IamError};

const OPERATION: &str = "ask userinfo about a person";

impl Iam {
    /// The person `id`, as userinfo knows them now; `None` if there is no such account any more. The
    /// access token is the person's own: take a fresh one from [`Iam::refresh`], for
    /// [`IamError::Token`] says only that this one has ended. Groups stand where
    /// [`crate::GroupsClaim`] says. A provider that tells nothing else of an account vouches for
    /// it by answering: it is active.
    pub async fn person_by_userinfo(
        &self,
        id: &SubjectId,
        access_token: &Secret,
    ) -> Result<Option<Person>, IamError> {
        let unexpected = |why: String| IamError::Unexpected {
            operation: OPERATION,
            why,
        };
        let url = self
            .document()
            .await?
            .userinfo_endpoint
            .clone()
            .ok_or(IamError::NotOffered {
                operation: OPERATION,
                endpoint: "userinfo_endpoint",
            })?;
        let answer = Ask::get(OPERATION, url)
            .bearer(access_token)
            .send(&self.http)
            .await?;
        match answer.status() {
            401 => return Err(IamError::token("userinfo refuses it")),
            403 => return Err(self.not_granted(OPERATION, "openid", "")),
            404 | 410 => return Ok(None),
            _ => {}
        }
        let claims: Map<String, Value> = answer.json()?;
        let sub = claims.get("sub").and_then(Value::as_str);
        if id.issuer != self.issuer() || sub != Some(&id.sub) {
            return Err(unexpected("it tells of somebody else".to_owned()));
        }
        let groups = self.settings.groups.read(&claims).map_err(unexpected)?;
        let account_end = match &self.settings.account_end {
            Some(name) => account_end(name, claims.get(name)).map_err(unexpected)?,
            None => None,
        };
        let username = claims.get("preferred_username").and_then(Value::as_str);
        Ok(Some(Person {
            id: id.clone(),
            username: username.unwrap_or(&id.sub).to_owned(),
            groups,
            active: true,
            account_end,
        }))
    }
}

/// A time as RFC 3339 or in seconds; a claim that cannot be read must not make an account endless.
fn account_end(name: &str, value: Option<&Value>) -> Result<Option<Timestamp>, String> {
    let wrong = || format!("the claim '{name}' is neither a time nor seconds since 1970");
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong()),
        Some(Value::Number(seconds)) => {
            let end = seconds
                .as_i64()
                .and_then(|seconds| Timestamp::from_second(seconds).ok());
            end.map(Some).ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_end_has_two_shapes_and_nothing_else_passes() {
        let end = Timestamp::from_second(1_800_000_000).unwrap();
        for value in [json!(1_800_000_000), json!("2027-01-15T08:00:00Z")] {
            assert_eq!(account_end("end", Some(&value)), Ok(Some(end)));
        }
        assert_eq!(account_end("end", Some(&json!(null))), Ok(None));
        for value in [json!("soon"), json!(true), json!(1e300)] {
            assert!(account_end("end", Some(&value)).is_err());
        }
    }
}
