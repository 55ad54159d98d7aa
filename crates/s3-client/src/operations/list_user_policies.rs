//! [ListUserPolicies](https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html).

use skykey_upstream::Answer;

use crate::xml::elements;
use crate::{Request, Service};

/// Lists a user's policies. Ceph's gateway answers the same for a user without any and for one that
/// does not exist: none, or 404. Needs the capability `user-policy=read`.
pub fn request(user: &str) -> Request {
    let fields = [
        ("Action", "ListUserPolicies"),
        ("UserName", user),
        ("Version", "2010-05-08"),
    ];
    Request::form("list user policies", Service::Iam, &fields).repeatable()
}

/// The names of the policies.
pub fn names(answer: &Answer) -> Vec<String> {
    elements(&answer.text(), "member").collect()
}
