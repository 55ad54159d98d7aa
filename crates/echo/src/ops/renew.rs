//! [GetSessionToken](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html) asked
//! with a session token, which must not renew itself. What comes back is dropped unread; it would end
//! after 900 s.

use skykey_types::Credentials;
use skykey_upstream::Answer;

use crate::ask::{Ask, Service};
use crate::{Echo, EchoError};
use skykey_s3_client::Problem;

pub(crate) async fn renew(echo: &Echo, credentials: &Credentials) -> Result<Answer, EchoError> {
    let fields = [
        ("Action", "GetSessionToken"),
        ("DurationSeconds", "900"),
        ("Version", "2011-06-15"),
    ];
    let ask = Ask::form("renew a session token with itself", Service::Sts, &fields).repeatable();
    let answer = echo.send(credentials, &ask).await?;
    // Ceph before Reef wants the service `s3` in the scope.
    if Problem::parse(&answer.text()).code == "SignatureDoesNotMatch" {
        return echo.send_as(credentials, &ask, Service::S3).await;
    }
    Ok(answer)
}
