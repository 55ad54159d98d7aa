//! `AssumeRole`, where there are roles.

use skykey_types::{Credentials, Lifetime, RoleArn};

use super::refusals::BAD_VALUE;
use super::{Role, Stand, refused};
use crate::{StsError, session_policy};

const SESSION: &str = "bob@iam.example";

/// Inside it reads; outside it does not, though the role alone could; it writes nowhere.
pub async fn a_role_is_narrowed_by_the_rights(stand: &Stand, role: &Role) {
    let made = assume(stand, role, 900).await.expect("it may be assumed");
    assert_eq!(stand.s3(&made, "GET", &stand.object, &[]).await, 200);
    assert_eq!(stand.s3(&made, "GET", &role.outside, &[]).await, 403);
    for path in [&stand.object, &role.outside] {
        assert_eq!(stand.s3(&made, "PUT", path, &[]).await, 403);
        assert_eq!(stand.s3(&made, "DELETE", path, &[]).await, 403);
    }
    for grant in &role.rights.0 {
        let bucket = format!("/{}", grant.place.bucket);
        let all = ("list-type", "2");
        let inside = [all, ("prefix", grant.place.prefix.as_str())];
        assert_eq!(stand.s3(&made, "GET", &bucket, &inside).await, 200);
        assert_eq!(stand.s3(&made, "GET", &bucket, &[all]).await, 403);
    }
    assert_eq!(stand.s3(&made, "GET", &stand.object, &[]).await, 200);
    // The role alone is wider, so the narrowing was the policy's doing.
    let form = [
        ("DurationSeconds", "900"),
        ("RoleArn", role.arn.as_str()),
        ("RoleSessionName", SESSION),
    ];
    let body = stand.raw("AssumeRole", &stand.asker, &form).await;
    let wide = crate::wire::parse_credentials("AssumeRole", &body.expect("no policy is needed"));
    let wide = wide.expect("credentials");
    assert_eq!(stand.s3(&wide, "GET", &role.outside, &[]).await, 200);
    assert_eq!(stand.s3(&wide, "PUT", &role.outside, &[]).await, 403);
}

/// The default is one hour.
pub async fn a_role_lasts_as_long_as_was_asked(stand: &Stand, role: &Role) {
    for seconds in [900, 3600, 43200] {
        let before = stand.clock.now();
        let made = assume(stand, role, seconds).await.expect("credentials");
        stand.assert_lasts(&made, seconds, before);
    }
    let form = [("RoleArn", role.arn.as_str()), ("RoleSessionName", SESSION)];
    let before = stand.clock.now();
    let body = stand.raw("AssumeRole", &stand.asker, &form).await;
    let made = crate::wire::parse_credentials("AssumeRole", &body.expect("an hour"));
    stand.assert_lasts(&made.expect("credentials"), 3600, before);
}

/// Neither by the role again nor by `GetSessionToken`.
pub async fn a_roles_credentials_cannot_lengthen_themselves(stand: &Stand, role: &Role) {
    let made = assume(stand, role, 900).await.expect("credentials");
    cannot_lengthen(stand, role, &made).await;
    let lifetime = Lifetime::seconds(900);
    let outcome = stand.client().session_token(&made, lifetime).await;
    refused("GetSessionToken by a role", outcome, 403, &["AccessDenied"]);
}

/// The role's trust must say so at RGW: no user policy can.
pub async fn session_tokens_cannot_assume_a_role(stand: &Stand, role: &Role) {
    let made = stand.session().await;
    cannot_lengthen(stand, role, &made).await;
}

async fn cannot_lengthen(stand: &Stand, role: &Role, made: &Credentials) {
    let outcome = ask(stand, made, &role.arn, role, 43200).await;
    let error = refused("a role by temporary ones", outcome, 403, &["AccessDenied"]);
    assert!(!error.blames_the_key(), "{error}");
}

/// A reader of one survey cannot assume the role of another.
pub async fn the_role_of_another_survey_is_refused(stand: &Stand, role: &Role) {
    let outcome = ask(stand, &stand.asker, &role.foreign, role, 900).await;
    let error = refused("another's role", outcome, 403, &["AccessDenied"]);
    assert!(!error.blames_the_key(), "{error}");
}

/// RGW tells it from one that is not for the asker; AWS does not.
pub async fn a_role_that_is_not_there_is_refused(stand: &Stand, role: &Role) {
    let nothing = "arn:aws:iam:::role/skykey-no-such-role";
    let nothing: RoleArn = nothing.parse().expect("it is an ARN");
    let Err(error) = ask(stand, &stand.asker, &nothing, role, 900).await else {
        panic!("there is no such role, and it was assumed")
    };
    let code = error.code().unwrap_or_default();
    assert!(matches!(code, "AccessDenied" | "NoSuchEntity"), "{error}");
    assert!(!error.is_outage() && !error.blames_the_key(), "{error}");
}

/// `[\w+=,.@-]{2,64}`, since it goes into logs.
pub async fn a_sessions_name_is_checked(stand: &Stand, role: &Role) {
    let long = "a".repeat(65);
    for name in ["", "a b", "a/b", "a\nb", "<a>", &long] {
        let form = [
            ("DurationSeconds", "900"),
            ("RoleArn", role.arn.as_str()),
            ("RoleSessionName", name),
        ];
        let outcome = stand.raw("AssumeRole", &stand.asker, &form).await;
        refused(name, outcome, 400, &BAD_VALUE);
    }
    let form = [("RoleArn", role.arn.as_str())];
    let outcome = stand.raw("AssumeRole", &stand.asker, &form).await;
    refused("no name", outcome, 400, &BAD_VALUE);
    let form = [("RoleSessionName", SESSION)];
    let outcome = stand.raw("AssumeRole", &stand.asker, &form).await;
    refused("no role", outcome, 400, &BAD_VALUE);
}

/// Nor one that is too long to be kept in a token.
pub async fn a_policy_that_is_none_is_refused(stand: &Stand, role: &Role) {
    let many: Vec<_> = (0..30)
        .flat_map(|number| {
            let mut grants = role.rights.0.clone();
            for grant in &mut grants {
                grant.place.prefix = format!("{}{number}/", grant.place.prefix);
            }
            grants
        })
        .collect();
    let long = session_policy(&skykey_types::Rights(many));
    assert!(long.len() > 2500);
    for (policy, code) in [
        ("nonsense", "MalformedPolicyDocument"),
        ("{", "MalformedPolicyDocument"),
        (long.as_str(), "PackedPolicyTooLarge"),
    ] {
        let form = [
            ("DurationSeconds", "900"),
            ("Policy", policy),
            ("RoleArn", role.arn.as_str()),
            ("RoleSessionName", SESSION),
        ];
        let outcome = stand.raw("AssumeRole", &stand.asker, &form).await;
        refused(code, outcome, 400, &[code]);
    }
}

/// As those of `GetSessionToken`.
pub async fn lifetimes_of_a_role_out_of_range_are_refused(stand: &Stand, role: &Role) {
    for seconds in [0, 899, 43201, u32::MAX] {
        let outcome = assume(stand, role, seconds).await;
        refused(&seconds.to_string(), outcome, 400, &BAD_VALUE);
    }
    for junk in ["abc", "-900", "1e3", "900.5"] {
        let form = [
            ("DurationSeconds", junk),
            ("RoleArn", role.arn.as_str()),
            ("RoleSessionName", SESSION),
        ];
        let outcome = stand.raw("AssumeRole", &stand.asker, &form).await;
        refused(junk, outcome, 400, &BAD_VALUE);
    }
}

async fn assume(stand: &Stand, role: &Role, seconds: u32) -> Result<Credentials, StsError> {
    ask(stand, &stand.asker, &role.arn, role, seconds).await
}

async fn ask(
    stand: &Stand,
    credentials: &Credentials,
    arn: &RoleArn,
    role: &Role,
    seconds: u32,
) -> Result<Credentials, StsError> {
    let lifetime = Lifetime::seconds(seconds);
    stand
        .client()
        .assume_role(credentials, arn, SESSION, lifetime, &role.rights)
        .await
}
