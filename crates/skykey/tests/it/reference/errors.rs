//! `errors.md`: the error codes of the S3 and STS endpoint, and of the API.

use skykey_api::ERRORS;
use skykey_s3::Code;

use super::{agree, code, table};

#[test]
fn the_page_is_what_the_code_declares() {
    let endpoint = Code::ALL.iter().map(|error| {
        vec![
            code(error.as_str()),
            error.status().as_u16().to_string(),
            error.meaning().to_owned(),
        ]
    });
    let api = ERRORS.iter().map(|error| {
        vec![
            code(error.code),
            error.status.to_string(),
            error.when.to_owned(),
            error.next.to_owned(),
        ]
    });
    let text = format!(
        "# Error codes\n\n\
         ## The S3 and STS endpoint\n\n\
         Generated from `crates/s3/src/fault.rs`. The message of each error says what to do. STS has other names for\n\
         some: `InvalidClientTokenId`, `ValidationError`, `RequestExpired` and `InternalFailure` for\n\
         `InvalidAccessKeyId` and `InvalidToken`, `InvalidArgument`, `RequestTimeTooSkewed` and `InternalError`.\n\n\
         {}\n\
         ## The API\n\n\
         Generated from `crates/api/src/errors.rs`; [api.md](../api.md) says which request returns which.\n\n\
         {}",
        table(&["code", "status", "meaning"], endpoint),
        table(&["code", "status", "when", "what to do"], api),
    );
    agree("errors.md", &text);
}
