//! Proofs, at a server that answers as it is told.

use skykey_echo::{Operation, ProofPlan, Reading, TrialOutcome, Verdict, prove};
use skykey_types::Secret;

use crate::server::{Asked, Server, Told, credentials};

const LISTING: &str = "<ListBucketResult><Contents><Key>dp1/a</Key></Contents></ListBucketResult>";

fn plan(places: &[&str]) -> ProofPlan {
    ProofPlan {
        prefixes: places.iter().map(|place| place.parse().unwrap()).collect(),
        renewal_refused: true,
        tidy: None,
    }
}

/// Reads; the rest is as `writes` says.
fn reading(asked: &Asked, writes: impl Fn(&Asked) -> Told) -> Told {
    if asked.line.starts_with("GET /m13?") {
        Told::ok(LISTING)
    } else if asked.line.starts_with("GET /m13/") {
        Told::of(206, "x")
    } else {
        writes(asked)
    }
}

fn denied(_: &Asked) -> Told {
    Told::error(403, "AccessDenied")
}

#[tokio::test]
async fn readers_are_read_only_and_every_operation_was_tried_below_every_prefix() {
    let server = Server::start(|asked| reading(asked, denied)).await;
    let proof = prove(
        &server.echo,
        &credentials("R"),
        &plan(&["m13/dp1/", "m13/dp2/"]),
    )
    .await;
    assert_eq!(proof.verdict(), Verdict::ReadOnly, "{proof}");
    let object = "m13/dp1/a".to_owned();
    assert_eq!(proof.reading, Reading::Read { object });
    for place in ["m13/dp1/", "m13/dp2/"] {
        for operation in [
            Operation::PutObject,
            Operation::CopyObject,
            Operation::UploadPart,
            Operation::CreateMultipartUpload,
            Operation::DeleteObject,
            Operation::DeleteObjects,
            Operation::PutObjectAcl,
        ] {
            let tried = proof
                .trials
                .iter()
                .find(|t| t.operation == operation && t.place == place);
            let code = "AccessDenied".to_owned();
            assert_eq!(
                tried.unwrap().outcome,
                TrialOutcome::Refused { code },
                "{operation} {place}"
            );
        }
    }
    assert_eq!(proof.trials.len(), 2 * 7 + 3 + 2, "{proof}");
    assert!(proof.left.is_empty());
}

#[tokio::test]
async fn no_request_could_change_what_was_there() {
    let server = Server::start(|asked| reading(asked, denied)).await;
    prove(&server.echo, &credentials("R"), &plan(&["m13/dp1/"])).await;
    for asked in server.asked() {
        let Asked { line, head, .. } = &asked;
        let body = asked.text();
        let harmless = match line.split_once(' ').unwrap() {
            ("GET", _) => true,
            ("PUT", path) if path.ends_with("?acl=") => body.starts_with("<skykey"),
            ("PUT", "/m13?policy=" | "/m13?lifecycle=") => body.starts_with("<skykey"),
            ("PUT", path) if path.contains("partNumber=") => path.contains("no-such-upload"),
            ("PUT", path) if head.contains("x-amz-copy-source-if-match") => {
                path.contains(".skykey-proof-")
            }
            ("PUT", path) if path.starts_with("/m13/dp1/.skykey-proof-") => {
                head.contains("content-md5: ")
            }
            ("POST" | "DELETE", path) if path.starts_with("/m13/dp1/.skykey-proof-") => true,
            ("PUT", path) => path.starts_with("/skykey-proof-"),
            ("POST", "/m13?delete=") => body.contains("<Key>dp1/.skykey-proof-"),
            ("POST", "/") => body.contains("Action=GetSessionToken"),
            _ => false,
        };
        assert!(harmless, "{asked:?}");
    }
}

#[tokio::test]
async fn what_a_careless_server_did_is_undone_at_once() {
    let server = Server::start(|asked| {
        reading(asked, |asked| match asked.line.split_once(' ').unwrap() {
            ("POST", path) if path.ends_with("?uploads=") => {
                Told::ok("<InitiateMultipartUploadResult><UploadId>2~u/1</UploadId></InitiateMultipartUploadResult>")
            }
            ("PUT", path) if path.contains("partNumber=") => Told::error(403, "AccessDenied"),
            ("PUT", path) if path.starts_with("/m13/dp1/.") && asked.head.contains("content-md5") => {
                Told::error(403, "AccessDenied")
            }
            ("PUT", path) if path.starts_with("/m13/dp1/.") => {
                Told::ok("<CopyObjectResult/>")
            }
            // RGW does not tell the version that a copy made.
            ("HEAD", _) => Told::ok("").with("x-amz-version-id: v1\r\n"),
            ("DELETE", path) if !path.contains('?') => {
                Told::of(204, "").with("x-amz-version-id: marker\r\n")
            }
            ("DELETE", _) => Told::of(204, ""),
            ("PUT", path) if path.starts_with("/skykey-proof-") => Told::ok(""),
            _ => Told::error(403, "AccessDenied"),
        })
    })
    .await;
    let proof = prove(&server.echo, &credentials("R"), &plan(&["m13/dp1/"])).await;
    assert_eq!(
        proof.verdict(),
        Verdict::Writes(vec![
            Operation::CopyObject,
            Operation::CreateMultipartUpload,
            Operation::DeleteObject,
            Operation::CreateBucket,
        ]),
        "{proof}"
    );
    assert!(proof.left.is_empty(), "{proof}");
    let undone: Vec<String> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.line.starts_with("DELETE"))
        .map(|asked| asked.line)
        .collect();
    for part in [
        "?uploadId=2~u%2F1",
        "?versionId=v1",
        "?versionId=marker",
        "DELETE /skykey-proof-",
    ] {
        assert!(
            undone.iter().any(|line| line.contains(part)),
            "{part}: {undone:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_undone_is_named_or_left_to_the_owner() {
    let tell = |asked: &Asked| {
        reading(asked, |asked| {
            let owner = asked.head.contains("credential=owner/");
            match asked.line.split_once(' ').unwrap() {
                ("PUT", path) if path.starts_with("/m13/dp1/.") && !path.contains('?') => {
                    Told::ok("")
                }
                ("DELETE", _) if owner => Told::of(204, ""),
                _ => Told::error(403, "AccessDenied"),
            }
        })
    };
    let server = Server::start(tell).await;
    let mut plan = plan(&["m13/dp1/"]);
    let proof = prove(&server.echo, &credentials("R"), &plan).await;
    assert_eq!(proof.left.len(), 2, "{proof}");
    assert!(
        proof.left[0].starts_with("the object m13/dp1/.skykey-proof-"),
        "{proof}"
    );
    assert!(proof.to_string().contains("LEFT BEHIND"), "{proof}");
    plan.tidy = Some(credentials("OWNER"));
    let proof = prove(&server.echo, &credentials("R"), &plan).await;
    assert!(proof.left.is_empty(), "{proof}");
    assert!(matches!(proof.verdict(), Verdict::Writes(_)));
}

#[tokio::test]
async fn credentials_that_are_not_believed_prove_nothing() {
    for (status, code) in [
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (403, "UserSuspended"),
        (400, "ExpiredToken"),
        (404, "NoSuchBucket"),
        (500, "UnknownError"),
    ] {
        let server = Server::start(move |_| Told::error(status, code)).await;
        let proof = prove(&server.echo, &credentials("R"), &plan(&["m13/"])).await;
        assert!(
            matches!(proof.verdict(), Verdict::Unclear(_)),
            "{code}: {proof}"
        );
        assert!(proof.trials.is_empty(), "{code}: nothing more was tried");
    }
}

/// RGW answers an ended token with the same code as a missing right.
#[tokio::test]
async fn refusals_without_reading_prove_nothing() {
    let server = Server::start(denied).await;
    let proof = prove(&server.echo, &credentials("R"), &plan(&["m13/"])).await;
    assert!(matches!(proof.verdict(), Verdict::Unreadable(_)), "{proof}");
}

#[tokio::test]
async fn an_empty_survey_is_listed_and_what_needs_an_object_is_not_tried() {
    let server = Server::start(|asked| {
        if asked.line.starts_with("GET ") {
            Told::ok("<ListBucketResult></ListBucketResult>")
        } else {
            Told::error(403, "AccessDenied")
        }
    })
    .await;
    let proof = prove(&server.echo, &credentials("R"), &plan(&["m13/"])).await;
    assert_eq!(proof.reading, Reading::ListedEmpty);
    assert_eq!(proof.verdict(), Verdict::ReadOnly, "{proof}");
    let tried = |operation| {
        proof
            .trials
            .iter()
            .any(|trial| trial.operation == operation)
    };
    assert!(!tried(Operation::CopyObject) && !tried(Operation::PutObjectAcl));
    assert!(tried(Operation::PutObject));
}

#[tokio::test]
async fn one_answer_that_does_not_come_leaves_it_unclear() {
    let server = Server::start(|asked| {
        reading(asked, |asked| {
            if asked.line.ends_with("/m13?policy=") || asked.line.ends_with("?uploads=") {
                Told::error(503, "SlowDown")
            } else {
                Told::error(403, "AccessDenied")
            }
        })
    })
    .await;
    let proof = prove(&server.echo, &credentials("R"), &plan(&["m13/"])).await;
    assert!(matches!(proof.verdict(), Verdict::Unclear(_)), "{proof}");
    assert!(
        proof.left[0].starts_with("perhaps an upload of m13/.skykey-proof-"),
        "{proof}"
    );
}

#[tokio::test]
async fn renewing_is_tried_with_both_names_of_the_service() {
    let server = Server::start(|asked| {
        reading(asked, |asked| {
            if asked.line != "POST /" {
                Told::error(403, "AccessDenied")
            } else if asked.head.contains("/s3/aws4_request") {
                Told::ok("<GetSessionTokenResponse/>")
            } else {
                Told::error(403, "SignatureDoesNotMatch")
            }
        })
    })
    .await;
    let mut session = credentials("S");
    session.session_token = Some(Secret::new("token"));
    let proof = prove(&server.echo, &session, &plan(&["m13/"])).await;
    let expected = Verdict::Writes(vec![Operation::GetSessionToken]);
    assert_eq!(proof.verdict(), expected, "{proof}");
    let mut plan = plan(&["m13/"]);
    plan.renewal_refused = false;
    let proof = prove(&server.echo, &session, &plan).await;
    assert_eq!(proof.verdict(), Verdict::ReadOnly, "an EC2 credential may");
}
