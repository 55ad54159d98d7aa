//! The parameters of a query or of a form.

use std::collections::HashMap;

use url::form_urlencoded;

/// Parameters by name. Empty values count as absent (RFC 6749 §3.1).
#[derive(Debug)]
pub(super) struct Params(HashMap<String, String>);

/// A parameter was given more than once, which OAuth forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeated;

impl Params {
    pub(super) fn parse(encoded: &[u8]) -> Result<Self, Repeated> {
        let mut params = HashMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if !value.is_empty()
                && params
                    .insert(name.into_owned(), value.into_owned())
                    .is_some()
            {
                return Err(Repeated);
            }
        }
        Ok(Self(params))
    }

    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value, or the empty string.
    pub(super) fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value as a number, if there is one and it is one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.find(name)?.parse().ok()
    }
}

/// One page of a list, SCIM's way (RFC 7644 §3.4.2.4): `startIndex` counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) start: usize,
    pub(super) count: usize,
}

impl Paging {
    /// Reads the page from the parameters; `max` is the limit of entries.
    pub(super) fn of(params: &Params, max: usize) -> Self {
        let number = |name| params.number(name).map(|n| usize::try_from(n).unwrap_or(0));
        Self {
            start: number("startIndex").unwrap_or(1).max(1),
            count: number("count").unwrap_or(max).min(max),
        }
    }

    pub(super) fn cut<T>(self, list: Vec<T>) -> Vec<T> {
        list.into_iter()
            .skip(self.start - 1)
            .take(self.count)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_absent() {
        assert_eq!(Params::parse(b"a=1&a=2").unwrap_err(), Repeated);
        let params = Params::parse(b"a=&b=x+y%2B").unwrap();
        assert_eq!((params.find("a"), params.find("b")), (None, Some("x y+")));
    }

    #[test]
    fn a_page_is_never_larger_than_allowed_and_starts_at_one() {
        let page = |query: &str| Paging::of(&Params::parse(query.as_bytes()).unwrap(), 10);
        assert_eq!(
            page(""),
            Paging {
                start: 1,
                count: 10
            }
        );
        assert_eq!(
            page("startIndex=-3&count=99"),
            Paging {
                start: 1,
                count: 10
            }
        );
        assert_eq!(
            page("startIndex=3&count=2").cut(vec![1, 2, 3, 4, 5]),
            [3, 4]
        );
        assert!(
            page("startIndex=9223372036854775807")
                .cut(vec![1])
                .is_empty()
        );
    }
}
