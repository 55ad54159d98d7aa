//! [Get user info](https://docs.ceph.com/en/pacific/radosgw/adminops/#get-user-info), of the admin API of
//! Ceph's gateway.

use http::Method;

use crate::Request;

/// Reads a user. One that does not exist is answered 404 `NoSuchUser`. Needs the capability
/// `users=read`.
pub fn request(user: &str) -> Request {
    Request::at("read a user at the gateway", Method::GET, "/admin/user")
        .query(&[("format", "json"), ("uid", user)])
}
