//! [PutUserPolicy](https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html).

use crate::{Request, Service};

/// Puts a user policy of that name; the user exists. Needs the capability `user-policy=write`.
pub fn request(user: &str, policy: &str, document: &str) -> Request {
    let fields = [
        ("Action", "PutUserPolicy"),
        ("PolicyDocument", document),
        ("PolicyName", policy),
        ("UserName", user),
        ("Version", "2010-05-08"),
    ];
    Request::form("put a user policy", Service::Iam, &fields).repeatable()
}
