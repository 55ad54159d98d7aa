//! [GetUserPolicy](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html).

use skykey_upstream::Answer;

use crate::xml::element;
use crate::{Request, Service};

/// Reads a user policy. One that does not exist is answered 404. Needs the capability
/// `user-policy=read`.
pub fn request(user: &str, policy: &str) -> Request {
    let fields = [
        ("Action", "GetUserPolicy"),
        ("PolicyName", policy),
        ("UserName", user),
        ("Version", "2010-05-08"),
    ];
    Request::form("read a user policy", Service::Iam, &fields).repeatable()
}

/// The policy as it was put.
pub fn document(answer: &Answer) -> Result<String, &'static str> {
    element(&answer.text(), "PolicyDocument").ok_or("it holds no PolicyDocument")
}
