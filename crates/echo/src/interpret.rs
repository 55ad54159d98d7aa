//! What an answer says about a permission. A gateway checks the permission before it looks at the
//! request closely, so a complaint about the request is as good as a yes.

use skykey_s3_client::{ABOUT_CREDENTIALS, ErrorBody};
use skykey_upstream::Answer;

use crate::{EchoError, Operation, TrialOutcome};

/// The table. 403, 405 and 501 are refusals; a success is a yes; a complaint is a yes where `complaint`
/// lists it; all else says nothing.
pub(crate) fn interpret(operation: Operation, answer: &Result<Answer, EchoError>) -> TrialOutcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return unclear(error.to_string()),
    };
    let code = ErrorBody::parse(&answer.text()).code;
    if ABOUT_CREDENTIALS.contains(&code.as_str()) {
        return unclear(format!(
            "the credentials are not believed: {} {code}",
            answer.status
        ));
    }
    match answer.status {
        // The permission was there, the space was not.
        403 if code == "QuotaExceeded" => TrialOutcome::Allowed,
        403 | 405 | 501 => refused(answer.status, code),
        // Their answers hold an outcome of their own.
        200 if matches!(operation, Operation::DeleteObjects | Operation::CopyObject) => {
            inner(operation, answer, &code)
        }
        200..=299 => TrialOutcome::Allowed,
        status if complaint(operation, status, &code) => TrialOutcome::Allowed,
        status => unclear(format!(
            "Echo answered {status} {}",
            if code.is_empty() {
                EchoError::NO_CODE
            } else {
                &code
            }
        )),
    }
}

/// Complaints that come only after the permission was checked.
fn complaint(operation: Operation, status: u16, code: &str) -> bool {
    match operation {
        Operation::PutObject => {
            status == 400 && matches!(code, "BadDigest" | "InvalidDigest" | "EntityTooLarge")
        }
        Operation::CopyObject => status == 412,
        Operation::UploadPart => status == 404 && code == "NoSuchUpload",
        Operation::PutObjectAcl
        | Operation::PutBucketAcl
        | Operation::PutBucketPolicy
        | Operation::PutBucketLifecycle => status == 400,
        Operation::CreateBucket => status == 409 || (status == 400 && code == "TooManyBuckets"),
        Operation::CreateMultipartUpload
        | Operation::DeleteObject
        | Operation::DeleteObjects
        | Operation::GetSessionToken => false,
    }
}

/// A status of 200 with an error inside (AWS documents it for both operations).
fn inner(operation: Operation, answer: &Answer, code: &str) -> TrialOutcome {
    let text = answer.text();
    match code {
        "" if operation == Operation::CopyObject || text.contains("<Deleted>") => {
            TrialOutcome::Allowed
        }
        "AccessDenied" => refused(answer.status, code.to_owned()),
        "" => unclear("Echo answered 200 without an outcome".to_owned()),
        code => unclear(format!("Echo answered 200 with {code} inside")),
    }
}

fn refused(status: u16, code: String) -> TrialOutcome {
    TrialOutcome::Refused {
        code: if code.is_empty() {
            status.to_string()
        } else {
            code
        },
    }
}

fn unclear(why: String) -> TrialOutcome {
    TrialOutcome::Unclear { why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skykey_upstream::Answer;

    fn word(operation: Operation, status: u16, code: &str) -> &'static str {
        let body = if code.is_empty() {
            String::new()
        } else {
            format!("<Error><Code>{code}</Code><Message></Message></Error>")
        };
        match interpret(operation, &Ok(Answer::of(status, body))) {
            TrialOutcome::Refused { .. } => "refused",
            TrialOutcome::Allowed => "allowed",
            TrialOutcome::Unclear { .. } => "unclear",
        }
    }

    const ALL: [Operation; 12] = [
        Operation::PutObject,
        Operation::CopyObject,
        Operation::UploadPart,
        Operation::CreateMultipartUpload,
        Operation::DeleteObject,
        Operation::DeleteObjects,
        Operation::PutObjectAcl,
        Operation::PutBucketAcl,
        Operation::PutBucketPolicy,
        Operation::PutBucketLifecycle,
        Operation::CreateBucket,
        Operation::GetSessionToken,
    ];

    #[test]
    fn refusals_faults_and_credentials_mean_the_same_for_every_operation() {
        for operation in ALL {
            for (status, code, expected) in [
                (403, "AccessDenied", "refused"),
                (403, "", "refused"),
                (405, "MethodNotAllowed", "refused"),
                (501, "NotImplemented", "refused"),
                (403, "SignatureDoesNotMatch", "unclear"),
                (403, "InvalidAccessKeyId", "unclear"),
                (403, "RequestTimeTooSkewed", "unclear"),
                (403, "UserSuspended", "unclear"),
                (400, "ExpiredToken", "unclear"),
                (400, "InvalidToken", "unclear"),
                (403, "QuotaExceeded", "allowed"),
                (429, "SlowDown", "unclear"),
                (500, "UnknownError", "unclear"),
                (503, "", "unclear"),
                (404, "NoSuchBucket", "unclear"),
                (404, "NoSuchKey", "unclear"),
                (301, "", "unclear"),
                (204, "", "allowed"),
            ] {
                assert_eq!(
                    word(operation, status, code),
                    expected,
                    "{operation} {status} {code}"
                );
            }
        }
    }

    #[test]
    fn complaints_after_the_permission_was_checked_are_a_yes() {
        for (operation, status, code) in [
            (Operation::PutObject, 400, "BadDigest"),
            (Operation::CopyObject, 412, "PreconditionFailed"),
            (Operation::UploadPart, 404, "NoSuchUpload"),
            (Operation::PutObjectAcl, 400, "InvalidArgument"),
            (Operation::PutBucketAcl, 400, "MalformedACLError"),
            (Operation::PutBucketPolicy, 400, "MalformedPolicy"),
            (Operation::PutBucketLifecycle, 400, "MalformedXML"),
            (Operation::CreateBucket, 409, "BucketAlreadyExists"),
            (Operation::CreateBucket, 400, "TooManyBuckets"),
        ] {
            assert_eq!(
                word(operation, status, code),
                "allowed",
                "{operation} {code}"
            );
        }
        for (operation, status, code) in [
            (Operation::PutObject, 400, "InvalidArgument"),
            (Operation::DeleteObject, 400, "InvalidArgument"),
            (Operation::GetSessionToken, 400, "InvalidArgument"),
            (Operation::CreateBucket, 400, "InvalidBucketName"),
            (Operation::CreateMultipartUpload, 404, "NoSuchUpload"),
        ] {
            assert_eq!(
                word(operation, status, code),
                "unclear",
                "{operation} {code}"
            );
        }
    }

    #[test]
    fn two_hundred_with_an_error_inside_is_not_a_yes() {
        let outcome = |operation, body| interpret(operation, &Ok(Answer::of(200, body)));
        let deleted = "<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>";
        let denied =
            "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error></DeleteResult>";
        assert_eq!(
            outcome(Operation::DeleteObjects, deleted),
            TrialOutcome::Allowed
        );
        assert!(matches!(
            outcome(Operation::DeleteObjects, denied),
            TrialOutcome::Refused { .. }
        ));
        let other = "<DeleteResult><Error><Code>InternalError</Code></Error></DeleteResult>";
        assert!(matches!(
            outcome(Operation::DeleteObjects, other),
            TrialOutcome::Unclear { .. }
        ));
        assert!(matches!(
            outcome(Operation::DeleteObjects, ""),
            TrialOutcome::Unclear { .. }
        ));
        let copied = "<CopyObjectResult><ETag>x</ETag></CopyObjectResult>";
        assert_eq!(
            outcome(Operation::CopyObject, copied),
            TrialOutcome::Allowed
        );
        let failed = "<Error><Code>InternalError</Code></Error>";
        assert!(matches!(
            outcome(Operation::CopyObject, failed),
            TrialOutcome::Unclear { .. }
        ));
    }
}
