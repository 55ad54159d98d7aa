//! Reading what the store answers when it does not answer with what was asked for.

use serde::Deserialize;
use skykey_upstream::Answer;

/// The longest message that is passed on, in characters.
const LONGEST: usize = 500;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Problem {
    code: String,
    message: String,
}

/// The error code of an answer and its message, each empty if there is none.
pub(crate) fn code_and_message(answer: &Answer) -> (String, String) {
    let text = answer.text();
    let problem: Problem = if text.contains("<Error") {
        quick_xml::de::from_str(&text).unwrap_or_default()
    } else {
        Problem::default()
    };
    (plain(&problem.code), plain(&problem.message))
}

/// Foreign text goes to a terminal: on one line, without control characters, not without limit.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
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
    fn the_code_is_found_and_a_message_stays_on_one_line() {
        let found = |body| code_and_message(&answer(403, body));
        assert_eq!(
            found(
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>a\x1b[1m&amp;\nb</Message><X/></Error>"
            ),
            ("AccessDenied".to_owned(), "a [1m& b".to_owned())
        );
        for nothing in [
            "",
            "no",
            "<html><body>403</body></html>",
            "<Error>",
            "<Error/>",
        ] {
            assert_eq!(found(nothing), (String::new(), String::new()), "{nothing}");
        }
    }
}
