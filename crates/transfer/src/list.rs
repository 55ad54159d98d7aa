//! What is there, page by page.

use skykey_s3_client::ObjectAddress;
use skykey_s3_client::operations::list_objects_v2::{self, ListOptions, Page};

use crate::{ObjectError, Objects};

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
        let options = ListOptions {
            prefix: &self.at.key,
            delimiter: self.folders.then_some("/"),
            max_keys: None,
            token,
        };
        let request = list_objects_v2::request(&self.at.bucket, &options).named("list");
        let answer = self.objects.call(&self.at, &request).await?;
        let unexpected = |why: String| ObjectError::of(&self.at, request.unexpected(why));
        let (page, next) = list_objects_v2::page(&answer).map_err(unexpected)?;
        if next.is_some() && next.as_deref() == token {
            return Err(unexpected("the same page again and again".to_owned()));
        }
        self.next = next.map_or(Next::Nothing, Next::After);
        Ok(Some(page))
    }
}
