//! The body of an error answer.

use serde::Deserialize;

use crate::xml::element;

/// Longer messages are cut, so that a log or a terminal bears them.
const MAX_MESSAGE_CHARS: usize = 500;

/// The code and the message of an error, each empty if there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ErrorBody {
    /// A word, such as `AccessDenied`; see the
    /// [list of S3](https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList).
    pub code: String,
    /// A sentence for people. Ceph's gateway leaves it empty.
    #[serde(deserialize_with = "null_is_empty")]
    pub message: String,
}

impl ErrorBody {
    /// Reads the body of an error, which comes from outside and is not trusted: an `<Error>`, alone or in the `<ErrorResponse>` of STS
    /// and IAM, or the JSON of the admin API of Ceph's gateway.
    pub fn parse(body: &str) -> Self {
        if let Ok(Self { code, message }) = serde_json::from_str(body) {
            return Self {
                code: plain(&code),
                message: plain(&message),
            };
        }
        let found = |name| element(body, name).map(|text| plain(&text));
        Self {
            code: found("Code").unwrap_or_default(),
            message: found("Message").unwrap_or_default(),
        }
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// Foreign text goes to logs and terminals: on one line, without control characters, not without limit.
fn plain(text: &str) -> String {
    text.trim()
        .chars()
        .take(MAX_MESSAGE_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_every_shape_that_was_seen() {
        for body in [
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message></Message></Error>",
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message/><X/></Error>",
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>",
            "<GetUserPolicyResponse><GetUserPolicyResult><?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>",
            "{\"Code\":\"AccessDenied\",\"Message\":\"\",\"RequestId\":\"tx\"}",
            "{\"Code\":\"AccessDenied\",\"Message\":null}",
        ] {
            let error = ErrorBody::parse(body);
            assert_eq!(
                (error.code.as_str(), error.message.as_str()),
                ("AccessDenied", ""),
                "{body}"
            );
        }
        let nothing = [
            "",
            "no",
            "{}",
            "<Code>",
            "[1]",
            "<html><body>403</body></html>",
            "<Error/>",
        ];
        for body in nothing {
            assert_eq!(ErrorBody::parse(body), ErrorBody::default(), "{body}");
        }
    }

    #[test]
    fn a_message_stays_on_one_line_and_ends() {
        let long = "x".repeat(5000);
        let body = format!("<Code>A\nB</Code><Message>a\x1b[1m&amp;\n{long}</Message>");
        let error = ErrorBody::parse(&body);
        assert_eq!(error.code, "A B");
        assert!(error.message.starts_with("a [1m& x"));
        assert_eq!(error.message.chars().count(), MAX_MESSAGE_CHARS);
    }
}
