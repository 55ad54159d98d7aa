//! The form of an STS request.

use skykey_sigv4::Query;

use crate::fault::{Code, Fault, Result};

/// Its fields. A field that is named twice is refused: one would be judged and the other meant.
#[derive(Debug)]
pub(super) struct Form<'f>(Query<'f>);

impl<'f> Form<'f> {
    pub(super) fn parse(body: &'f [u8]) -> Result<Self> {
        let text =
            std::str::from_utf8(body).map_err(|_| Fault::argument("the form is not UTF-8"))?;
        let fields = Query::parse(text).map_err(|refusal| {
            Fault::new(
                Code::InvalidArgument,
                format!("the form cannot be read: {refusal}"),
            )
        })?;
        Ok(Self(fields))
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// The value of a field that must be there.
    pub(super) fn needed(&self, action: &str, name: &str) -> Result<&str> {
        self.field(name)
            .ok_or_else(|| Fault::argument(format!("{action} needs {name}")))
    }

    /// Refuses fields that cannot be honoured, lists (`NAME.member.1`) among them: a client that
    /// sends one relies on it.
    pub(super) fn must_not_have(&self, names: &[&'static str]) -> Result<()> {
        let is_there = |name: &str| {
            self.0
                .iter()
                .filter_map(|(found, _)| found.strip_prefix(name))
                .any(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match names.iter().find(|name| is_there(name)) {
            None => Ok(()),
            Some(name) => Err(Fault::argument(format!(
                "{name} is not served here; leave it out"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_names_a_field_twice_is_refused() {
        let form = Form::parse(b"a=1&b=%20+x").unwrap();
        assert_eq!((form.field("a"), form.field("b")), (Some("1"), Some("  x")));
        assert!(form.must_not_have(&["c"]).is_ok());
        assert!(form.must_not_have(&["c", "a"]).is_err());
        let list = Form::parse(b"Arns.member.2.arn=x").unwrap();
        assert!(list.must_not_have(&["Arns"]).is_err() && list.must_not_have(&["Arn"]).is_ok());
        for bad in [&b"a=1&a=1"[..], b"a=1&%61=2", b"a=\xff"] {
            assert!(Form::parse(bad).is_err());
        }
    }
}
