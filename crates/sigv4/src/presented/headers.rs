//! Which headers are signed.

use http::HeaderMap;

use super::source::Source;
use super::{Refusal, once};
use crate::refusal::shortened;

/// The names of the signed headers, in lower case, sorted, each once and each present.
#[derive(Debug, Clone)]
pub(crate) struct SignedHeaders<'r>(Vec<&'r str>);

impl<'r> SignedHeaders<'r> {
    /// Checks that `host` and every `x-amz-` header is signed (what nobody signed, anybody on the
    /// way could have added) and that every signed header is there. `x-amz-content-sha256` may be
    /// unsigned, since its value is a part of what is signed.
    pub(super) fn read(source: &Source<'r>, headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut names: Vec<&str> = source.parts.signed_headers.split(';').collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(source.malformed("SignedHeaders names a header twice"));
        }
        if names.iter().any(|name| !is_lower_case(name)) {
            return Err(source.malformed("SignedHeaders is not header names in lower case"));
        }
        let names = Self(names);
        if !names.contains("host") {
            return Err(Refusal::HostNotSigned);
        }
        once(headers, "host")?;
        if let Some(missing) = names.iter().find(|name| !headers.contains_key(*name)) {
            return Err(Refusal::SignedHeaderMissing(shortened(missing)));
        }
        let unsigned = headers.keys().map(http::HeaderName::as_str).find(|name| {
            name.starts_with("x-amz-") && *name != "x-amz-content-sha256" && !names.contains(name)
        });
        match unsigned {
            Some(name) => Err(Refusal::HeaderNotSigned(shortened(name))),
            None => Ok(names),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'r str> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

fn is_lower_case(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
}
