//! The routes of the portal: one table, of which the router is made. What is not in it is not served.
//!
//! | path | what | form fields |
//! |---|---|---|
//! | `GET /` | the surveys and the person's leases; before login, the way in | |
//! | `GET /login` | sends the browser to the IAM | |
//! | `GET /login/callback` | where the IAM sends the browser back to | |
//! | `POST /logout` | ends the web session | `csrf` |
//! | `POST /leases` | issues a lease; its credentials are in this response only | `csrf`, `survey`, `lifetime`, `method`, `access`, `key` |
//! | `POST /leases/{id}/return` | gives a lease back | `csrf` |
//!
//! The operations of the API are in `skykey_api::Operation`.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use skykey_api::{Caller, Operation};

use crate::Portal;
use crate::pages::{home, lease, login};
use crate::{api, stylesheet};

/// What a request to a route has to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the route is for everybody.
    Nothing,
    /// The state of a login that the same browser began.
    Login,
    /// The cookie of a web session, and in the form the CSRF token of the same session.
    Form,
    /// What the API demands of such a caller.
    Api(Caller),
}

/// A route of the portal.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method. A route for `GET` answers `HEAD` as well.
    pub method: &'static Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// What a request has to carry.
    pub need: Need,
    handler: Handler,
}

type Handler = fn(MethodFilter) -> MethodRouter<Arc<Portal>>;

/// The pages. Nothing here may change something with less than [`Need::Form`].
const PAGES: [Route; 7] = [
    page(&Method::GET, "/", Need::Nothing, |m| on(m, home::page)),
    page(&Method::GET, "/login", Need::Nothing, |m| {
        on(m, login::begin)
    }),
    page(&Method::GET, "/login/callback", Need::Login, |m| {
        on(m, login::callback)
    }),
    page(&Method::POST, "/logout", Need::Form, |m| {
        on(m, login::logout)
    }),
    page(&Method::POST, "/leases", Need::Form, |m| {
        on(m, lease::create)
    }),
    page(&Method::POST, "/leases/{id}/return", Need::Form, |m| {
        on(m, lease::give_back)
    }),
    page(&Method::GET, "/static/style.css", Need::Nothing, |m| {
        on(m, stylesheet)
    }),
];

/// Returns every route: the pages, and the operations of the API.
pub fn routes() -> impl Iterator<Item = Route> {
    let operations = Operation::ALL.into_iter().map(|operation| Route {
        method: match operation.method() {
            "POST" => &Method::POST,
            "DELETE" => &Method::DELETE,
            _ => &Method::GET,
        },
        path: operation.path(),
        need: match operation.caller() {
            Caller::Everybody => Need::Nothing,
            caller => Need::Api(caller),
        },
        handler: api::handler(operation),
    });
    PAGES.into_iter().chain(operations)
}

/// Returns the router that serves the table.
pub(crate) fn router() -> Router<Arc<Portal>> {
    routes().fold(Router::new(), |router, route| {
        let method = MethodFilter::try_from(route.method.clone());
        let method = method.expect("the table has only methods that axum knows");
        router.route(route.path, (route.handler)(method))
    })
}

const fn page(method: &'static Method, path: &'static str, need: Need, handler: Handler) -> Route {
    Route {
        method,
        path,
        need,
        handler,
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.need)
    }
}
