//! [Modify user](https://docs.ceph.com/en/pacific/radosgw/adminops/#modify-user), of the admin API of
//! Ceph's gateway. **The gateway forgets the user's policies** whatever is changed.

use http::Method;

use crate::Request;

/// Changes a user as the pairs say: `("suspended", "1")`. Needs the capability `users=write`.
pub fn request(action: &'static str, user: &str, change: &[(&str, &str)]) -> Request {
    let mut query = vec![("format", "json"), ("uid", user)];
    query.extend_from_slice(change);
    Request::at(action, Method::POST, "/admin/user")
        .query(&query)
        .repeatable()
}
