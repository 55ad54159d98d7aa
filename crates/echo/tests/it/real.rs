//! At a real Keystone and a real Ceph, if `SKYKEY_REALSTACK` names the `stack.json` of one
//! (`tests/realstack/up` starts one). It changes the policies of its survey `m13` and leaves it in
//! order.

mod stack;

use skykey_echo::site::{apply, plan};
use skykey_echo::{
    Operation, Proof, ProofPlan, Reading, TrialOutcome, Verdict, prove, user_policy,
};
use skykey_types::Credentials;
use stack::Stack;

/// One story, since all of it is about the same bucket.
#[tokio::test]
async fn a_raw_site_becomes_read_only_and_what_somebody_widens_is_found() {
    let Some(stack) = Stack::open().await else {
        return;
    };
    raw_readers_can_do_nothing_but_make_buckets(&stack).await;
    applied_it_is_read_only_and_twice_changes_nothing(&stack).await;
    session_tokens_cannot_renew_themselves(&stack).await;
    reading_reaches_the_prefix_and_no_further(&stack).await;
    a_missing_mask_is_found(&stack).await;
    each_wide_statement_is_found_and_nothing_is_left(&stack).await;
    a_foreign_statement_survives(&stack).await;
    suspending_stops_and_enabling_restores(&stack).await;
    stack.order().await;
    in_a_versioned_bucket_nothing_is_left_either(&stack).await;
    stack.close().await;
}

async fn proof(stack: &Stack, credentials: &Credentials) -> Proof {
    let plan = ProofPlan {
        prefixes: stack.site.prefixes.clone(),
        renewal_refused: credentials.session_token.is_some(),
        tidy: Some(stack.site.data.clone()),
    };
    let proof = prove(&stack.echo, credentials, &plan).await;
    assert!(proof.left.is_empty(), "{proof}");
    assert_eq!(stack.leftovers().await, Vec::<String>::new(), "{proof}");
    proof
}

async fn raw_readers_can_do_nothing_but_make_buckets(stack: &Stack) {
    stack.make_raw().await;
    let proof = proof(stack, &stack.site.readers).await;
    assert_eq!(
        proof.verdict(),
        Verdict::Writes(vec![Operation::CreateBucket]),
        "{proof}"
    );
    assert!(matches!(proof.reading, Reading::Refused { .. }), "{proof}");
}

async fn applied_it_is_read_only_and_twice_changes_nothing(stack: &Stack) {
    let planned = plan(&stack.echo, &stack.site).await.unwrap();
    assert!(!planned.is_in_order(), "{planned}");
    let applied = apply(&stack.echo, &stack.site, &planned).await.unwrap();
    assert_eq!(
        (applied.done.len(), applied.outstanding.len()),
        (4, 0),
        "{applied:?}"
    );
    let again = plan(&stack.echo, &stack.site).await.unwrap();
    assert!(again.is_in_order() && again.concerns.is_empty(), "{again}");
    let applied = apply(&stack.echo, &stack.site, &again).await.unwrap();
    assert!(applied.done.is_empty(), "{applied:?}");
    let proof = proof(stack, &stack.site.readers).await;
    assert_eq!(proof.verdict(), Verdict::ReadOnly, "{proof}");
    assert!(matches!(proof.reading, Reading::Read { .. }), "{proof}");
}

async fn session_tokens_cannot_renew_themselves(stack: &Stack) {
    let session = stack.session_token().await;
    let found = proof(stack, &session).await;
    assert_eq!(found.verdict(), Verdict::ReadOnly, "{found}");
    assert!(
        found
            .trials
            .iter()
            .any(|trial| trial.operation == Operation::GetSessionToken)
    );
    // Somebody adds a policy without the condition.
    let wide = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:*\",\"Resource\":\"*\"}]}";
    stack.put_user_policy("wide", wide).await;
    let found = proof(stack, &session).await;
    let renews = Verdict::Writes(vec![Operation::GetSessionToken]);
    assert_eq!(found.verdict(), renews, "{found}");
    let planned = plan(&stack.echo, &stack.site).await.unwrap();
    assert!(planned.concerns[0].contains("'wide'"), "{planned}");
    stack.delete_user_policy("wide").await;
    // A token that was cut short proves nothing.
    let mut cut = session.clone();
    let token = session.session_token.unwrap();
    cut.session_token = Some(token.expose()[..100].to_owned().into());
    let found = proof(stack, &cut).await;
    assert!(
        matches!(
            found.verdict(),
            Verdict::Unclear(_) | Verdict::Unreadable(_)
        ),
        "{found}"
    );
}

async fn reading_reaches_the_prefix_and_no_further(stack: &Stack) {
    let readers = &stack.site.readers;
    for (request, status) in [
        ("GET /m13/dp1/a", 200),
        ("HEAD /m13/dp1/a", 200),
        ("HEAD /m13/dp1/missing", 404),
        ("GET /m13/dp1/missing", 404),
        ("HEAD /m13", 200),
        ("GET /m13/outside", 403),
        ("GET /m13?list-type=2&prefix=dp1%2F", 200),
        ("GET /m13?list-type=2&prefix=dp1%2Fdeeper%2F", 200),
        (
            "GET /m13?delimiter=%2F&encoding-type=url&list-type=2&max-keys=5&prefix=dp1%2F",
            200,
        ),
        (
            "GET /m13?delimiter=%2F&encoding-type=url&prefix=dp1%2F",
            200,
        ),
        ("GET /m13?list-type=2", 403),
        ("GET /m13?list-type=2&prefix=", 403),
        ("GET /m13?list-type=2&max-keys=1000&prefix=out", 403),
        ("GET /m13", 403),
    ] {
        assert_eq!(stack.ask(readers, request, "").await.0, status, "{request}");
    }
}

async fn a_missing_mask_is_found(stack: &Stack) {
    stack.unlimit().await;
    let found = proof(stack, &stack.site.readers).await;
    assert_eq!(
        found.verdict(),
        Verdict::Writes(vec![Operation::CreateBucket]),
        "{found}"
    );
    let planned = plan(&stack.echo, &stack.site).await.unwrap();
    assert!(
        planned
            .to_string()
            .contains("- operations: read, write, delete"),
        "{planned}"
    );
}

async fn each_wide_statement_is_found_and_nothing_is_left(stack: &Stack) {
    // The mask is away: it would stand against every one of these.
    for (action, expected) in [
        (
            "s3:PutObject",
            vec![
                Operation::PutObject,
                Operation::CopyObject,
                Operation::UploadPart,
            ],
        ),
        (
            "s3:DeleteObject",
            vec![Operation::DeleteObject, Operation::DeleteObjects],
        ),
        ("s3:PutObjectAcl", vec![Operation::PutObjectAcl]),
        ("s3:PutBucketAcl", vec![Operation::PutBucketAcl]),
        ("s3:PutBucketPolicy", vec![Operation::PutBucketPolicy]),
        (
            "s3:PutLifecycleConfiguration",
            vec![Operation::PutBucketLifecycle],
        ),
        (
            "s3:*",
            vec![
                Operation::PutObject,
                Operation::CopyObject,
                Operation::UploadPart,
                Operation::DeleteObject,
                Operation::DeleteObjects,
                Operation::PutObjectAcl,
                Operation::PutBucketAcl,
                Operation::PutBucketPolicy,
                Operation::PutBucketLifecycle,
            ],
        ),
    ] {
        stack.widen(action).await;
        let planned = plan(&stack.echo, &stack.site).await.unwrap();
        assert!(
            planned.concerns.iter().any(|told| told.contains(action)),
            "{planned}"
        );
        let mut all = expected;
        all.push(Operation::CreateBucket);
        let before = stack.policy().await;
        let found = proof(stack, &stack.site.readers).await;
        assert_eq!(found.verdict(), Verdict::Writes(all), "{action}: {found}");
        assert_eq!(stack.policy().await, before, "{action}");
        assert_eq!(
            stack.ask(&stack.site.data, "GET /m13/dp1/a", "").await.1,
            "image"
        );
    }
}

async fn in_a_versioned_bucket_nothing_is_left_either(stack: &Stack) {
    stack.unlimit().await;
    let bucket = "skykey-echo-test-versions";
    for action in ["s3:*", "s3:DeleteObject", "s3:PutObject"] {
        stack.make_versioned(bucket, action).await;
        let plan = ProofPlan {
            prefixes: vec![format!("{bucket}/").parse().unwrap()],
            renewal_refused: false,
            tidy: Some(stack.site.data.clone()),
        };
        let found = prove(&stack.echo, &stack.site.readers, &plan).await;
        assert!(matches!(found.verdict(), Verdict::Writes(_)), "{found}");
        assert!(found.left.is_empty(), "{found}");
        let versions = stack.versions(bucket).await;
        assert_eq!(versions.len(), 1, "{action}: {versions:?} {found}");
    }
    stack.remove_versioned(bucket).await;
    stack.order().await;
}

async fn a_foreign_statement_survives(stack: &Stack) {
    let policy = stack.policy().await.unwrap();
    let theirs = stack.wide_statement("s3:*");
    assert!(policy.contains(&theirs), "{policy}");
    let planned = plan(&stack.echo, &stack.site).await.unwrap();
    apply(&stack.echo, &stack.site, &planned).await.unwrap();
    let policy = stack.policy().await.unwrap();
    assert!(policy.contains(&theirs), "{policy}");
    // The mask is back, and stands against it.
    let found = proof(stack, &stack.site.readers).await;
    assert_eq!(found.verdict(), Verdict::ReadOnly, "{found}");
    stack
        .put_policy("{\"Version\":\"2012-10-17\",\"Statement\":[]}")
        .await;
    stack.order().await;
}

async fn suspending_stops_and_enabling_restores(stack: &Stack) {
    let (echo, site) = (&stack.echo, &stack.site);
    let admin = site.admin.as_ref().unwrap();
    let project = &site.readers_project;
    let policies = user_policy::remember(echo, admin, project).await.unwrap();
    assert_eq!(policies.len(), 1);
    let session = stack.session_token().await;
    assert!(echo.suspend(admin, project).await.unwrap().suspended);
    let found = proof(stack, &session).await;
    assert!(
        matches!(found.verdict(), Verdict::Unclear(ref why) if why.contains("UserSuspended")),
        "{found}"
    );
    let user = echo.enable(admin, project).await.unwrap();
    assert!(!user.suspended && user.is_limited_to_reading(), "{user:?}");
    assert!(
        user_policy::remember(echo, admin, project)
            .await
            .unwrap()
            .is_empty()
    );
    user_policy::put_back(echo, admin, project, &policies)
        .await
        .unwrap();
    assert!(plan(echo, site).await.unwrap().is_in_order());
    let found = proof(stack, &session).await;
    assert_eq!(found.verdict(), Verdict::ReadOnly, "{found}");
    assert!(
        found
            .trials
            .iter()
            .all(|trial| matches!(trial.outcome, TrialOutcome::Refused { .. }))
    );
}
