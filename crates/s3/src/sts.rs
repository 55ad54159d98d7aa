//! STS on the S3 endpoint: `POST /` with a form, as Ceph does it and as SDKs of Go's first version
//! expect it.

mod action;
mod assume_role;
mod caller_identity;
mod form;
mod role;
mod session_token;
mod web_identity;

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use http_body_util::BodyExt;
use skykey_broker::Broker;
use skykey_iam::Iam;
use skykey_serve::ClientAddr;
use skykey_types::RequestId;

pub use self::action::{Action, ActionNeed};
use self::form::Form;
use self::web_identity::WebIdentity;
use crate::answer::Body;
use crate::fault::{Code, Fault, Result};
use crate::front::rights::Signer;
use crate::request::Incoming;

/// Larger than any form that STS knows, in bytes.
const MAX_FORM_BYTES: usize = 32 * 1024;

/// The message of a request that no signature came with.
const NOT_SIGNED: &str = "the request is not signed; sign it with an EC2 credential";

/// The actions of STS.
pub(crate) struct Sts {
    broker: Arc<Broker>,
    web_identity: Option<WebIdentity>,
}

impl Sts {
    /// `web_identity` is the IAM whose access tokens lease by `AssumeRoleWithWebIdentity`.
    pub(crate) fn new(broker: Arc<Broker>, web_identity: Option<Arc<Iam>>) -> Self {
        Self {
            broker,
            web_identity: web_identity.map(WebIdentity::new),
        }
    }

    /// Whether a request is meant for STS.
    pub(crate) fn is_meant(parts: &Parts) -> bool {
        let form = b"application/x-www-form-urlencoded";
        parts.method == Method::POST
            && parts.uri.path() == "/"
            && parts.headers.get(CONTENT_TYPE).is_some_and(|value| {
                let value = value.as_bytes();
                value
                    .get(..form.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(form))
            })
    }

    /// Reads the form. It is limited, since it is read before its signature can be verified.
    pub(crate) async fn read_form(&self, mut body: Incoming) -> Result<Bytes> {
        let broken = || Fault::argument("the form is longer than 32 KiB or ended early");
        let mut form = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame.map_err(|_| broken())?.into_data() else {
                continue;
            };
            if form.len() + bytes.len() > MAX_FORM_BYTES {
                return Err(broken());
            }
            form.extend_from_slice(&bytes);
        }
        Ok(form.freeze())
    }

    /// Answers an action. `signer` is who signed the request; without one only a token of the IAM
    /// counts, which the form carries.
    pub(crate) async fn answer(
        &self,
        signer: Option<&Signer>,
        client: Option<ClientAddr>,
        form: &Bytes,
        id: &RequestId,
    ) -> Result<Response<Body>> {
        let form = Form::parse(form)?;
        let name = form.field("Action");
        let broker = &self.broker;
        let xml = match (name.and_then(Action::of_name), &self.web_identity, signer) {
            (Some(Action::AssumeRoleWithWebIdentity), Some(web_identity), _) => {
                web_identity.answer(broker, client, &form, id).await?
            }
            (_, _, None) => return Err(Fault::denied(NOT_SIGNED)),
            (Some(Action::GetSessionToken), _, Some(signer)) => {
                session_token::answer(broker, signer, &form, id).await?
            }
            (Some(Action::AssumeRole), _, Some(signer)) => {
                assume_role::answer(broker, signer, &form, id).await?
            }
            (Some(Action::GetCallerIdentity), _, Some(signer)) => {
                caller_identity::answer(signer, id)
            }
            (Some(Action::AssumeRoleWithWebIdentity) | None, ..) => {
                return Err(self.not_served(name));
            }
        };
        let mut response = Response::new(Body::from(xml));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    fn not_served(&self, name: Option<&str>) -> Fault {
        let Some(name) = name else {
            return Fault::argument("the form has no Action");
        };
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let served: Vec<&str> = Action::ALL
            .into_iter()
            .filter(|action| {
                action.need() != ActionNeed::WebIdentity || self.web_identity.is_some()
            })
            .map(Action::name)
            .collect();
        let served = served.join(", ");
        Fault::new(
            Code::InvalidAction,
            format!("the action {name} is not served here; these are: {served}"),
        )
    }
}

impl fmt::Debug for Sts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sts")
            .field("web_identity", &self.web_identity.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boto_and_go_are_recognised_by_their_content_type() {
        let is_meant = |method: Method, path: &str, content_type: &str| {
            let request = http::Request::builder()
                .method(method)
                .uri(path)
                .header("content-type", content_type);
            Sts::is_meant(&request.body(()).unwrap().into_parts().0)
        };
        let form = "application/x-www-form-urlencoded";
        assert!(is_meant(
            Method::POST,
            "/",
            &format!("{form}; charset=utf-8")
        ));
        assert!(is_meant(Method::POST, "/", form));
        assert!(!is_meant(Method::POST, "/bucket", form));
        assert!(!is_meant(Method::PUT, "/", form));
        assert!(!is_meant(Method::POST, "/", "application/xml"));
    }
}
