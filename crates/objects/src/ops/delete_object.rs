//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).

use http::Method;

use super::Ask;
use crate::ObjectAddress;

pub(crate) fn ask(at: &ObjectAddress) -> Ask {
    Ask::object("delete", Method::DELETE, at)
}
