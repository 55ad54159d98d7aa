//! `AssumeRole`: an EC2 credential in, temporary credentials of a role out, narrowed by a policy.

use skykey_types::{Credentials, Lifetime, Rights, RoleArn};

use super::{StsClient, StsError};
use crate::session_policy::session_policy;
use crate::wire::parse_credentials;

const ACTION: &str = "AssumeRole";
/// What AWS allows in a session's name.
const MAX_SESSION_NAME_CHARS: usize = 64;

impl StsClient {
    /// Assumes `role` for `lifetime` with an EC2 credential that its trust policy names
    /// ([AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)). The
    /// credentials can do what the role's policy *and* `rights` allow. `session` goes into the object
    /// store's log; what cannot stand in a session's name becomes `-`. The longest lifetime is the
    /// role's `MaxSessionDuration`.
    pub async fn assume_role(
        &self,
        ec2: &Credentials,
        role: &RoleArn,
        session: &str,
        lifetime: Lifetime,
        rights: &Rights,
    ) -> Result<Credentials, StsError> {
        let seconds = lifetime.as_seconds().to_string();
        let (session, policy) = (session_name(session), session_policy(rights));
        let form = [
            ("DurationSeconds", seconds.as_str()),
            ("Policy", &policy),
            ("RoleArn", role.as_str()),
            ("RoleSessionName", &session),
        ];
        let body = self.ask(ACTION, ec2, &form).await?;
        parse_credentials(ACTION, &body).map_err(|why| self.unexpected(ACTION, why))
    }
}

/// `[\w+=,.@-]{2,64}`.
fn session_name(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c,
            '_' | '+' | '=' | ',' | '.' | '@' => c,
            _ => '-',
        })
        .take(MAX_SESSION_NAME_CHARS)
        .collect();
    while name.len() < 2 {
        name.push('-');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anybody_has_a_session_name() {
        assert_eq!(session_name("alice@stfc.ac.uk"), "alice@stfc.ac.uk");
        assert_eq!(session_name("Älice Ö/x"), "-lice---x");
        assert_eq!(session_name(""), "--");
        assert_eq!(session_name(&"a".repeat(99)).len(), 64);
    }
}
