//! What every STS must do for skykey, as functions that fail by panicking. They run on the embedded
//! endpoint and on a real Ceph RGW, so that the two do not drift apart. Each leaves nothing behind
//! but temporary credentials, which end by themselves; they can run one after the other or at once.

mod refusals;
mod roles;
mod session_tokens;

use std::sync::Arc;

use bytes::Bytes;
use skykey_s3_client::{Endpoint, Request, S3Client, S3Settings};
use skykey_types::{Clock, Credentials, Lifetime, Rights, RoleArn, SignedDuration, Timestamp};
use skykey_upstream::{Upstream, UpstreamMetrics};
use url::Url;

pub use self::refusals::*;
pub use self::roles::*;
pub use self::session_tokens::*;
use crate::{StsClient, StsError};

/// The STS to try, and who may ask it.
#[derive(Debug)]
pub struct Stand {
    /// The endpoint, of STS and S3 alike.
    pub endpoint: Url,
    /// The region that requests are signed for.
    pub region: String,
    /// What time it is there, by which credentials end.
    pub clock: Arc<dyn Clock>,
    /// By what time requests are dated; mostly the machine's.
    pub wire_clock: Arc<dyn Clock>,
    /// An EC2 credential of a readers' project, that may ask for session tokens.
    pub asker: Credentials,
    /// An object that the asker may read and nobody may write, as `/bucket/key`.
    pub object: String,
    /// The role, where there is one.
    pub role: Option<Role>,
}

/// A role that the asker may assume.
#[derive(Debug)]
pub struct Role {
    /// Its name. It may be assumed for 12 hours.
    pub arn: RoleArn,
    /// The role of another survey, which is there and not for the asker.
    pub foreign: RoleArn,
    /// To what the role is narrowed: a part of what it may. The stand's object lies in it.
    pub rights: Rights,
    /// An object outside of those, which the role alone could read.
    pub outside: String,
}

/// Runs all of them.
pub async fn all(stand: &Stand) {
    credentials_last_as_long_as_was_asked(stand).await;
    an_hour_is_given_to_who_asks_for_nothing(stand).await;
    credentials_read_and_do_not_write(stand).await;
    two_calls_give_two_keys(stand).await;
    the_service_name_s3_is_taken(stand).await;
    lifetimes_out_of_range_are_refused(stand).await;
    junk_is_no_lifetime(stand).await;
    temporary_credentials_cannot_renew_themselves(stand).await;
    an_altered_token_opens_nothing(stand).await;
    a_key_without_its_token_opens_nothing(stand).await;
    an_unknown_key_is_blamed(stand).await;
    a_wrong_secret_is_blamed(stand).await;
    a_wrong_clock_is_not_blamed_on_the_key(stand).await;
    an_unsigned_request_is_refused(stand).await;
    if let Some(role) = &stand.role {
        a_role_is_narrowed_by_the_rights(stand, role).await;
        a_role_lasts_as_long_as_was_asked(stand, role).await;
        a_roles_credentials_cannot_lengthen_themselves(stand, role).await;
        session_tokens_cannot_assume_a_role(stand, role).await;
        the_role_of_another_survey_is_refused(stand, role).await;
        a_role_that_is_not_there_is_refused(stand, role).await;
        a_sessions_name_is_checked(stand, role).await;
        a_policy_that_is_none_is_refused(stand, role).await;
        lifetimes_of_a_role_out_of_range_are_refused(stand, role).await;
    }
}

impl Stand {
    fn client(&self) -> StsClient {
        self.client_at(Arc::clone(&self.wire_clock))
    }

    fn client_at(&self, clock: Arc<dyn Clock>) -> StsClient {
        let settings = S3Settings::new(self.endpoint.clone(), self.region.clone());
        StsClient::new(settings, 32, &UpstreamMetrics::default(), clock)
            .expect("the settings of a stand are good")
    }

    async fn session(&self) -> Credentials {
        self.client()
            .session_token(&self.asker, Lifetime::seconds(900))
            .await
            .expect("the asker may ask for session tokens")
    }

    /// A request as somebody else would write it: the code of the refusal and the error, or the body.
    async fn raw(
        &self,
        action: &'static str,
        credentials: &Credentials,
        form: &[(&str, &str)],
    ) -> Result<Bytes, StsError> {
        self.client().ask(action, credentials, form).await
    }

    /// The status of an S3 request.
    async fn s3(
        &self,
        credentials: &Credentials,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> u16 {
        let body: &'static [u8] = if method == "PUT" { b"x" } else { b"" };
        let method = method.parse().expect("the stand's methods are methods");
        let request = Request::at("try credentials", method, path)
            .query(query)
            .body(Bytes::from_static(body));
        let clock = Arc::clone(&self.wire_clock);
        let endpoint = Endpoint::new(self.endpoint.clone(), self.region.clone(), clock);
        let client = S3Client::new(Self::upstream(), endpoint);
        let answer = client.send(credentials, &request).await;
        answer.expect("the endpoint answers").status
    }

    fn upstream() -> Upstream {
        let settings = skykey_upstream::Settings {
            metrics: UpstreamMetrics::default(),
            ..skykey_upstream::Settings::of(crate::SYSTEM)
        };
        Upstream::new(settings).expect("the settings are good")
    }

    /// That credentials made since `before` end `seconds` later, give or take what is cut off.
    #[track_caller]
    fn assert_lasts(&self, made: &Credentials, seconds: u32, before: Timestamp) {
        let end = made.expiration.expect("temporary credentials end");
        let lasts = SignedDuration::from_secs(i64::from(seconds));
        let second = SignedDuration::from_secs(1);
        let (from, to) = (before + lasts - second, self.clock.now() + lasts + second);
        assert!(
            (from..=to).contains(&end),
            "{seconds} s asked at {before} give {end}"
        );
    }
}

/// A refusal with these of its statuses and codes, that does not blame the key unless it should, and
/// that says something.
#[track_caller]
fn refused<T>(what: &str, outcome: Result<T, StsError>, status: u16, codes: &[&str]) -> StsError {
    // What was made is a secret.
    let Err(error) = outcome else {
        panic!("{what}: it was done")
    };
    let StsError::Refused {
        status: found,
        fault,
        words,
        ..
    } = &error
    else {
        panic!("{what}: no refusal: {error}");
    };
    assert!(
        *found == status && codes.contains(&fault.code.as_str()),
        "{what}: {status} {codes:?} expected: {error}"
    );
    assert!(words.len() > 10, "{what}: it says nothing: {error}");
    assert!(!error.is_outage(), "{what}: {error}");
    error
}
