//! INDIGO's group requests.

use skykey_types::{GroupPath, Secret};

use crate::{GroupRequest, GroupRequestFilter, Iam, IamError, Login, RequestStatus};

/// Somebody asks to join a group that they are not in, takes it back, asks again, is turned away,
/// asks again, and is let in by `decider`, a token that may. In the end they are a member.
pub async fn group_requests(iam: &Iam, login: &Login, group: &GroupPath, decider: &Secret) {
    let person = &login.access_token;
    let error = iam
        .ask_to_join(person, group, " ")
        .await
        .expect_err("notes are needed");
    assert!(
        matches!(error, IamError::Refused { status: 400, .. }),
        "{error:?}"
    );
    let made = ask(iam, login, group).await;
    let error = iam
        .ask_to_join(person, group, "again")
        .await
        .expect_err("one is pending");
    assert!(
        matches!(error, IamError::Refused { status: 400, .. }),
        "{error:?}"
    );
    assert_eq!(
        pending(iam, person, group).await.as_slice(),
        std::slice::from_ref(&made)
    );
    let error = iam
        .approve(person, &made.id)
        .await
        .expect_err("nobody lets themselves in");
    assert!(matches!(error, IamError::NotGranted { .. }), "{error:?}");
    iam.withdraw(person, &made.id)
        .await
        .expect("it is taken back");
    assert_eq!(pending(iam, person, group).await, []);

    let made = ask(iam, login, group).await;
    let rejected = iam
        .reject(decider, &made.id, "not & now")
        .await
        .expect("it is rejected");
    assert_eq!(rejected.status, RequestStatus::Rejected);
    assert_eq!(rejected.motivation.as_deref(), Some("not & now"));

    let made = ask(iam, login, group).await;
    let approved = iam
        .approve(decider, &made.id)
        .await
        .expect("it is approved");
    assert_eq!(approved.status, RequestStatus::Approved);
    let error = iam
        .ask_to_join(person, group, "once more")
        .await
        .expect_err("they are a member");
    assert!(
        matches!(error, IamError::Refused { status: 400, .. }),
        "{error:?}"
    );
}

async fn ask(iam: &Iam, login: &Login, group: &GroupPath) -> GroupRequest {
    let made = iam
        .ask_to_join(&login.access_token, group, "for the images")
        .await
        .expect("a person may ask");
    assert_eq!(made.sub, login.id.sub);
    assert_eq!(made.username, login.username);
    assert_eq!(made.group, group.as_str());
    assert_eq!(made.notes, "for the images");
    assert_eq!(made.status, RequestStatus::Pending);
    assert!(made.created.is_some() && made.motivation.is_none());
    made
}

async fn pending(iam: &Iam, token: &Secret, group: &GroupPath) -> Vec<GroupRequest> {
    let filter = GroupRequestFilter {
        username: None,
        group: Some(group.clone()),
        status: Some(RequestStatus::Pending),
    };
    iam.group_requests(token, &filter)
        .await
        .expect("requests are listed")
}
