//! Reading what Echo answers when it does not answer with what was asked for.

use serde::Deserialize;
use skykey_upstream::Answer;

/// The error code of an answer and its message, each empty if there is none. Looked for and not
/// parsed: RGW answers some requests with two documents in one, and its admin API with JSON.
pub(crate) fn code_and_message(answer: &Answer) -> (String, String) {
    #[derive(Deserialize)]
    struct Json {
        #[serde(rename = "Code", default)]
        code: String,
        #[serde(rename = "Message", default)]
        message: Option<String>,
    }
    let text = answer.text();
    if let Ok(json) = serde_json::from_str::<Json>(&text) {
        return (short(&json.code), short(&json.message.unwrap_or_default()));
    }
    let found = |name| element(&text, name).map(|text| short(&text));
    (
        found("Code").unwrap_or_default(),
        found("Message").unwrap_or_default(),
    )
}

/// The text of the first element of that name, its entities resolved.
pub(crate) fn element(text: &str, name: &str) -> Option<String> {
    elements(text, name).next()
}

/// The texts of all elements of that name.
pub(crate) fn elements<'a>(text: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(open.as_str())?;
        let (inner, behind) = after.split_once(close.as_str())?;
        rest = behind;
        let inner = quick_xml::escape::unescape(inner)
            .map_or_else(|_| inner.to_owned(), std::borrow::Cow::into_owned);
        Some(inner)
    })
}

/// Foreign text goes into messages: not without limit, and on one line.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
pub(crate) fn answer(status: u16, body: &'static str) -> Answer {
    Answer {
        status,
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::from_static(body.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_every_shape_that_was_seen() {
        let code = |body| code_and_message(&answer(403, body));
        for body in [
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message></Message></Error>",
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>",
            "<GetUserPolicyResponse><GetUserPolicyResult><?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>",
            "{\"Code\":\"AccessDenied\",\"Message\":\"\",\"RequestId\":\"tx\"}",
        ] {
            assert_eq!(
                code(body),
                ("AccessDenied".to_owned(), String::new()),
                "{body}"
            );
        }
        for nothing in ["", "no", "{}", "<Code>", "[1]"] {
            assert_eq!(code(nothing), (String::new(), String::new()), "{nothing}");
        }
    }

    #[test]
    fn a_message_stays_on_one_line_and_ends() {
        let body = format!("<Code>A\nB</Code><Message>{}</Message>", "x".repeat(5000));
        let (code, message) = code_and_message(&answer(400, body.leak()));
        assert_eq!((code.as_str(), message.len()), ("AB", 200));
    }

    #[test]
    fn entities_are_resolved() {
        assert_eq!(
            element("<D>{&quot;a&quot;}</D>", "D").as_deref(),
            Some("{\"a\"}")
        );
        let all: Vec<_> = elements("<m>a</m><m>b</m><m>", "m").collect();
        assert_eq!(all, ["a", "b"]);
    }
}
