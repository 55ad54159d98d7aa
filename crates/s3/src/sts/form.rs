//! The form of an STS request.

use http_body_util::BodyExt;
use s3s::{Body, S3Error, S3ErrorCode, S3Result};

use crate::access::url_pairs;

/// Larger than any form that STS knows.
const LARGEST_FORM: usize = 32 * 1024;

/// Its fields, each named once: of two, one would be judged and the other meant.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) async fn read(body: Body) -> S3Result<Self> {
        let wrong = |why| S3Error::with_message(S3ErrorCode::InvalidArgument, why);
        let body = http_body_util::Limited::new(body, LARGEST_FORM)
            .collect()
            .await
            .map_err(|_| wrong("the form is too long or ended early".to_owned()))?
            .to_bytes();
        let text =
            std::str::from_utf8(&body).map_err(|_| wrong("the form is not UTF-8".to_owned()))?;
        let fields: Vec<_> = url_pairs(text).collect();
        let mut names = std::collections::HashSet::new();
        match fields.iter().find(|(name, _)| !names.insert(name.as_str())) {
            None => Ok(Self(fields)),
            Some((twice, _)) => {
                let twice: String = twice.chars().take(60).collect();
                Err(wrong(format!("the form names {twice} twice")))
            }
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a field that must be there.
    pub(super) fn needed(&self, action: &str, name: &str) -> S3Result<&str> {
        self.field(name).ok_or_else(|| {
            S3Error::with_message(
                S3ErrorCode::InvalidArgument,
                format!("{action} needs {name}"),
            )
        })
    }

    /// Refuses fields that cannot be honoured, lists (`NAME.member.1`) among them: whoever sends one
    /// believes to be protected by it.
    pub(super) fn must_not_have(&self, names: &[&'static str]) -> S3Result<()> {
        let is_there = |name: &str| {
            let rest = |found: &(String, String)| found.0.strip_prefix(name).map(str::to_owned);
            let mut rests = self.0.iter().filter_map(rest);
            rests.any(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match names.iter().find(|name| is_there(name)) {
            None => Ok(()),
            Some(name) => Err(S3Error::with_message(
                S3ErrorCode::InvalidArgument,
                format!("{name} is not served here; leave it out"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_that_names_a_field_twice_or_has_no_end_is_refused() {
        let form = Form::read(Body::from("a=1&b=%20+x".to_owned()))
            .await
            .unwrap();
        assert_eq!((form.field("a"), form.field("b")), (Some("1"), Some("  x")));
        assert!(form.must_not_have(&["c"]).is_ok());
        assert!(form.must_not_have(&["c", "a"]).is_err());
        let list = Form::read(Body::from("Arns.member.2.arn=x".to_owned()));
        let list = list.await.unwrap();
        assert!(list.must_not_have(&["Arns"]).is_err() && list.must_not_have(&["Arn"]).is_ok());
        for bad in [
            "a=1&a=1".to_owned(),
            "a=1&%61=2".to_owned(),
            "a".repeat(LARGEST_FORM + 1),
        ] {
            assert!(Form::read(Body::from(bad)).await.is_err());
        }
    }
}
