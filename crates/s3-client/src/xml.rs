//! Elements of an XML document by their names. Looked for and not parsed: Ceph's gateway answers some requests with two
//! documents in one.

use std::borrow::Cow;

/// The text of the first element of that name, its entities resolved.
pub fn element(text: &str, name: &str) -> Option<String> {
    elements(text, name).next()
}

/// The texts of all elements of that name that have no attributes.
pub fn elements<'a>(text: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(open.as_str())?;
        let (inner, behind) = after.split_once(close.as_str())?;
        rest = behind;
        let inner =
            quick_xml::escape::unescape(inner).map_or_else(|_| inner.to_owned(), Cow::into_owned);
        Some(inner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
