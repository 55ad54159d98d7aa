//! A lease by the ARN of a survey's role, as `AssumeRoleWithWebIdentity` asks for it.

use skykey_broker::{Denied, Issued, LeaseRequest, RoleFields, Surveys};
use skykey_types::{Access, Limit, Limits, Method, RequestId, Rights, Roles, Survey};

use skykey_testkit::broker::{World, caller, demo, parsed, subject, survey};

const DEMO: &str = "arn:aws:iam:::role/demo-read";

fn fields(role: &str) -> RoleFields<'_> {
    RoleFields {
        role,
        ..RoleFields::default()
    }
}

async fn issue_role(world: &World, who: &str, fields: &RoleFields<'_>) -> Result<Issued, Denied> {
    let caller = caller(who);
    let request = world
        .broker
        .parse_role_request(&caller, fields, &RequestId::new())
        .await?;
    world
        .broker
        .issue(&caller, &request, &RequestId::new())
        .await
}

#[tokio::test]
async fn the_role_says_which_survey_and_the_method_is_one_that_gives_session_tokens() {
    let world = World::new().await;
    for (role, survey, method) in [
        (DEMO, "demo", Method::Gateway),
        ("arn:aws:iam:::role/plain-read", "plain", Method::Gateway),
        ("arn:aws:iam:::role/brief-read", "brief", Method::StsLite),
    ] {
        let issued = issue_role(&world, "alice", &fields(role)).await.unwrap();
        let lease = issued.lease;
        assert_eq!(
            (lease.survey.as_str(), lease.method, lease.access),
            (survey, method, Access::Read)
        );
        assert!(issued.credentials.session_token.is_some());
        let lasts = lease
            .expires
            .unwrap()
            .duration_since(lease.issued)
            .as_secs();
        assert_eq!(
            (lasts, lease.limit),
            (3600, Limit::Asked),
            "AWS's usual hour"
        );
    }
}

#[tokio::test]
async fn a_role_that_is_no_surveys_is_refused_and_written_down() {
    let world = World::new().await;
    for role in [
        "",
        "demo",
        "arn:aws:iam:::role/demo-write",
        "arn:aws:iam:::role/demo-read ",
    ] {
        let denied = issue_role(&world, "alice", &fields(role))
            .await
            .unwrap_err();
        assert!(matches!(denied, Denied::NoSuchRole(_)), "{denied}");
        let newest = world.newest_audit().await;
        assert_eq!(
            (newest.action.as_str(), newest.outcome.as_str()),
            ("issue", "no")
        );
        assert_eq!(newest.reason, format!("bad_role: {denied}"));
    }
    assert!(
        world
            .broker
            .leases(&subject("alice"))
            .await
            .unwrap()
            .is_empty()
    );
    // The rules are those of every lease.
    let denied = issue_role(&world, "dave", &fields(DEMO)).await.unwrap_err();
    assert!(matches!(denied, Denied::NotAMember { .. }), "{denied}");
}

#[tokio::test]
async fn the_credentials_are_narrowed_by_a_method_that_can() {
    let world = World::new().await;
    let within = Rights::to(&["demo/part/".parse().unwrap()], Access::Write);
    let narrow = RoleFields {
        within: Some(within.clone()),
        ..fields(DEMO)
    };
    let issued = issue_role(&world, "alice", &narrow).await.unwrap();
    let principal = world.show(&issued.credentials).await.unwrap();
    assert!(principal.rights.read("demo", "part/x"));
    assert!(!principal.rights.read("demo", "x") && !principal.rights.write("demo", "part/x"));
    // GetSessionToken cannot, so it is not taken.
    let narrow = RoleFields {
        within: Some(within),
        ..fields("arn:aws:iam:::role/brief-read")
    };
    let denied = issue_role(&world, "alice", &narrow).await.unwrap_err();
    assert!(matches!(denied, Denied::NoSuchMethod { .. }), "{denied}");
    for method in [Method::StsLite, Method::Ec2] {
        let request = LeaseRequest {
            within: Some(Rights::default()),
            ..parsed(&demo(method))
        };
        let denied = world
            .broker
            .issue(&caller("alice"), &request, &RequestId::new())
            .await;
        let denied = denied.unwrap_err();
        let newest = world.newest_audit().await;
        assert_eq!(newest.reason, format!("bad_policy: {denied}"));
        assert!(matches!(denied, Denied::NotNarrowed(_)), "{denied}");
    }
    let request = LeaseRequest {
        within: Some(Rights::default()),
        ..parsed(&demo(Method::AssumeRole))
    };
    let issued = world
        .broker
        .issue(&caller("alice"), &request, &RequestId::new())
        .await;
    assert_eq!(issued.unwrap().survey.name.as_str(), "demo");
    assert_eq!(world.sts.roles().pop().unwrap().2, Rights::default());
}

#[test]
fn a_role_of_two_surveys_or_of_both_accesses_is_nobodys() {
    let role = |name: &str| format!("arn:aws:iam:::role/{name}").parse().unwrap();
    let survey = |name: &str, read: &str, write: Option<&str>| Survey {
        roles: Roles {
            read: Some(role(read)),
            write: write.map(role),
        },
        ..survey(name, &Method::ALL, Limits::SURVEY)
    };
    let surveys = Surveys::new(vec![
        survey("one", "shared", Some("a-write")),
        survey("two", "shared", None),
        survey("three", "both", Some("both")),
    ])
    .unwrap();
    let found = |name: &str| {
        surveys
            .of_role(&format!("arn:aws:iam:::role/{name}"))
            .map(|(survey, access)| (survey.name.to_string(), access))
    };
    assert_eq!(
        (found("shared"), found("both"), found("none")),
        (None, None, None)
    );
    assert_eq!(found("a-write"), Some(("one".to_owned(), Access::Write)));
}
