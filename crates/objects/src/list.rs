//! What is there, page by page.

use skykey_types::Timestamp;

use crate::ops::list_objects;
use crate::{ETag, ObjectAddress, ObjectError, Objects};

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was put there.
    pub modified: Option<Timestamp>,
    /// Its ETag.
    pub etag: Option<ETag>,
}

/// A part of a listing, a thousand keys or less, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The objects.
    pub objects: Vec<Entry>,
    /// The folders, whole, with the slash at their ends; none if everything below is listed.
    pub folders: Vec<String>,
}

/// A listing under way.
#[derive(Debug)]
pub struct Lister<'a> {
    objects: &'a Objects,
    at: ObjectAddress,
    folders: bool,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    After(String),
    Nothing,
}

impl Objects {
    /// Lists the keys that begin with the address's. With `folders`, what has another slash after that
    /// is shown as a folder; without, everything is listed.
    pub fn list(&self, at: &ObjectAddress, folders: bool) -> Lister<'_> {
        Lister {
            objects: self,
            at: at.clone(),
            folders,
            next: Next::First,
        }
    }
}

impl Lister<'_> {
    /// The next page; nothing after the last.
    pub async fn next(&mut self) -> Result<Option<Page>, ObjectError> {
        let token = match &self.next {
            Next::First => None,
            Next::After(token) => Some(token.as_str()),
            Next::Nothing => return Ok(None),
        };
        let ask = list_objects::ask(&self.at, self.folders, token);
        let answer = self.objects.must(&ask).await?;
        let unexpected = |why: String| ObjectError::Unexpected {
            operation: ask.operation,
            at: self.at.clone(),
            why,
        };
        let (page, next) = list_objects::page(&answer).map_err(unexpected)?;
        if next.is_some() && next.as_deref() == token {
            return Err(unexpected("the same page again and again".to_owned()));
        }
        self.next = next.map_or(Next::Nothing, Next::After);
        Ok(Some(page))
    }
}
