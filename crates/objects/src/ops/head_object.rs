//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).

use http::Method;

use super::Ask;
use crate::ObjectAddress;

pub(crate) fn ask(at: &ObjectAddress) -> Ask {
    Ask::object("read", Method::HEAD, at)
}
