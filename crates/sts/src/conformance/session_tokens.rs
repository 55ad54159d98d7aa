//! What `GetSessionToken` gives.

use skykey_s3_client::Service;
use skykey_types::Lifetime;

use super::Stand;
use crate::wire::parse_credentials;

/// The shortest there is, the usual, and the longest.
pub async fn credentials_last_as_long_as_was_asked(stand: &Stand) {
    for seconds in [900, 3600, 43200] {
        let before = stand.clock.now();
        let made = stand
            .client()
            .session_token(&stand.asker, Lifetime::seconds(seconds))
            .await
            .unwrap_or_else(|error| panic!("{seconds} s: {error}"));
        stand.assert_lasts(&made, seconds, before);
    }
}

/// The default of Ceph, and skykey's.
pub async fn an_hour_is_given_to_who_asks_for_nothing(stand: &Stand) {
    let before = stand.clock.now();
    let body = stand.raw("GetSessionToken", &stand.asker, &[]).await;
    let body = body.expect("no lifetime need be given");
    let made = parse_credentials("GetSessionToken", &body).expect("credentials");
    stand.assert_lasts(&made, 3600, before);
}

/// And not without their token.
pub async fn credentials_read_and_do_not_write(stand: &Stand) {
    let made = stand.session().await;
    assert_eq!(stand.s3(&made, "GET", &stand.object, &[]).await, 200);
    assert_eq!(stand.s3(&made, "PUT", &stand.object, &[]).await, 403);
    assert_eq!(stand.s3(&made, "DELETE", &stand.object, &[]).await, 403);
    assert_eq!(stand.s3(&made, "GET", &stand.object, &[]).await, 200);
}

/// Otherwise logs could not tell two leases apart, and one could not be revoked without the other.
pub async fn two_calls_give_two_keys(stand: &Stand) {
    let (one, other) = (stand.session().await, stand.session().await);
    assert_ne!(one.access_key_id, other.access_key_id);
    assert_ne!(one.secret_access_key, other.secret_access_key);
    assert_ne!(one.session_token, other.session_token);
    assert_ne!(one.access_key_id, stand.asker.access_key_id);
}

/// Some older RGWs take no other, so the client falls back to it.
pub async fn the_service_name_s3_is_taken(stand: &Stand) {
    let fields = [
        ("Action", "GetSessionToken"),
        ("DurationSeconds", "900"),
        ("Version", "2011-06-15"),
    ];
    let client = stand.client();
    let answer = client
        .send("GetSessionToken", &stand.asker, Service::S3, &fields)
        .await;
    let made = parse_credentials("GetSessionToken", &answer.expect("it is taken"));
    assert_eq!(
        stand
            .s3(&made.expect("credentials"), "GET", &stand.object, &[])
            .await,
        200
    );
}
