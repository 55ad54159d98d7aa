//! What `GetSessionToken` and S3 must not take.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use skykey_types::{
    AccessKeyId, Clock, Credentials, Lifetime, ManualClock, Secret, SignedDuration,
};
use skykey_upstream::Call;

use super::{Stand, refused};

/// RGW's, and AWS's.
pub(super) const BAD_VALUE: [&str; 2] = ["InvalidArgument", "ValidationError"];
const UNKNOWN: [&str; 2] = ["InvalidAccessKeyId", "InvalidClientTokenId"];

/// One second beside the range.
pub async fn lifetimes_out_of_range_are_refused(stand: &Stand) {
    for seconds in [0, 899, 43201, u32::MAX] {
        let lifetime = Lifetime::seconds(seconds);
        let outcome = stand.client().session_token(&stand.asker, lifetime).await;
        let error = refused(&lifetime.to_string(), outcome, 400, &BAD_VALUE);
        assert!(!error.blames_the_key(), "{error}");
    }
}

/// Never read as something else.
pub async fn junk_is_no_lifetime(stand: &Stand) {
    for junk in [
        "abc",
        "-900",
        "1e3",
        "900.5",
        "0x384",
        "900s",
        "99999999999999999999",
    ] {
        let form = [("DurationSeconds", junk)];
        let outcome = stand.raw("GetSessionToken", &stand.asker, &form).await;
        let error = refused(junk, outcome, 400, &BAD_VALUE);
        assert!(!error.blames_the_key(), "{error}");
    }
}

/// Otherwise a lease would never end.
pub async fn temporary_credentials_cannot_renew_themselves(stand: &Stand) {
    let made = stand.session().await;
    let lifetime = Lifetime::seconds(900);
    let outcome = stand.client().session_token(&made, lifetime).await;
    let error = refused("renewal", outcome, 403, &["AccessDenied"]);
    assert!(!error.blames_the_key(), "{error}");
}

/// At its start, in the middle or at its end, for S3 and for STS.
pub async fn an_altered_token_opens_nothing(stand: &Stand) {
    let made = stand.session().await;
    let token = made
        .session_token
        .as_ref()
        .expect("it has a token")
        .expose();
    let mut altered: Vec<String> = vec![format!("{token}AAAA"), "garbage".to_owned()];
    for at in [token.len() / 8, token.len() / 2, token.len() - 6] {
        let with = if &token[at..=at] == "A" { "B" } else { "A" };
        let mut other = token.to_owned();
        other.replace_range(at..=at, with);
        altered.push(other);
    }
    for (number, token) in altered.into_iter().enumerate() {
        let forged = Credentials {
            session_token: Some(Secret::new(token)),
            ..made.clone()
        };
        let status = stand.s3(&forged, "GET", &stand.object, &[]).await;
        assert!(matches!(status, 400 | 403), "alteration {number}: {status}");
        let lifetime = Lifetime::seconds(900);
        let outcome = stand.client().session_token(&forged, lifetime).await;
        assert!(
            outcome.as_ref().is_err_and(|error| !error.is_outage()),
            "alteration {number}: {outcome:?}"
        );
    }
    assert_eq!(stand.s3(&made, "GET", &stand.object, &[]).await, 200);
}

/// It is the token that counts.
pub async fn a_key_without_its_token_opens_nothing(stand: &Stand) {
    let bare = Credentials {
        session_token: None,
        ..stand.session().await
    };
    assert_eq!(stand.s3(&bare, "GET", &stand.object, &[]).await, 403);
    let lifetime = Lifetime::seconds(900);
    let outcome = stand.client().session_token(&bare, lifetime).await;
    refused("without its token", outcome, 403, &UNKNOWN);
}

/// So that skykey makes a new one.
pub async fn an_unknown_key_is_blamed(stand: &Stand) {
    let unknown = Credentials {
        access_key_id: AccessKeyId::new("0123456789abcdef0123456789abcdef"),
        ..stand.asker.clone()
    };
    let lifetime = Lifetime::seconds(900);
    let outcome = stand.client().session_token(&unknown, lifetime).await;
    let error = refused("unknown key", outcome, 403, &UNKNOWN);
    assert!(error.blames_the_key(), "{error}");
    assert_eq!(stand.s3(&unknown, "GET", &stand.object, &[]).await, 403);
}

/// On Ceph it cannot be told from an owner without a role.
pub async fn a_wrong_secret_is_blamed(stand: &Stand) {
    let wrong = Credentials {
        secret_access_key: Secret::new("0123456789abcdef0123456789abcdef"),
        ..stand.asker.clone()
    };
    let lifetime = Lifetime::seconds(900);
    let client = stand.client();
    let outcome = client.session_token(&wrong, lifetime).await;
    let error = refused("wrong secret", outcome, 403, &["SignatureDoesNotMatch"]);
    assert!(error.blames_the_key(), "{error}");
    assert_eq!(client.service(), "sts", "the other name did no better");
    assert_eq!(stand.s3(&wrong, "GET", &stand.object, &[]).await, 403);
}

/// Twenty minutes fast and slow: a new key would not help.
pub async fn a_wrong_clock_is_not_blamed_on_the_key(stand: &Stand) {
    for minutes in [-20, 20] {
        let off = ManualClock::at(stand.wire_clock.now());
        off.advance(SignedDuration::from_mins(minutes));
        let client = stand.client_at(Arc::new(off) as Arc<dyn Clock>);
        let lifetime = Lifetime::seconds(900);
        let outcome = client.session_token(&stand.asker, lifetime).await;
        let what = format!("{minutes} minutes off");
        let codes = ["RequestTimeTooSkewed", "RequestExpired"];
        let error = refused(&what, outcome, 403, &codes);
        assert!(!error.blames_the_key(), "{error}");
        let words = error.to_string();
        assert!(
            words.contains("clock") || words.contains("time"),
            "{what}: {words}"
        );
    }
}

/// STS is not for anybody.
pub async fn an_unsigned_request_is_refused(stand: &Stand) {
    let request = Request::post(stand.endpoint.as_str())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(
            b"Action=GetSessionToken&DurationSeconds=900&Version=2011-06-15",
        ))
        .expect("the endpoint is an address");
    let call = Call::new("ask unsigned", request);
    let answer = Stand::upstream().send(&call).await.expect("it answers");
    assert_eq!(answer.status, 403, "{}", answer.text());
}
