//! STS on the S3 endpoint: `POST /` with a form, as Ceph does it and as SDKs of Go's first version
//! expect it.

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
use skykey_serve::{ClientAddr, RequestId};

use self::form::Form;
use self::web_identity::WebIdentity;
use crate::answer::Body;
use crate::fault::{Code, Fault, Result};
use crate::front::rights::Signer;
use crate::request::Incoming;

/// Larger than any form that STS knows, in bytes.
const MAX_FORM_BYTES: usize = 32 * 1024;

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
        let action = form.field("Action");
        let xml = match (action, &self.web_identity) {
            (Some("AssumeRoleWithWebIdentity"), Some(web_identity)) => {
                web_identity.answer(&self.broker, client, &form, id).await?
            }
            _ => self.by_signature(action, signer, &form, id).await?,
        };
        let mut response = Response::new(Body::from(xml));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    async fn by_signature(
        &self,
        action: Option<&str>,
        signer: Option<&Signer>,
        form: &Form<'_>,
        id: &RequestId,
    ) -> Result<String> {
        let signer = signer.ok_or_else(|| {
            Fault::denied("the request is not signed; sign it with an EC2 credential")
        })?;
        match action {
            Some("GetSessionToken") => session_token::answer(&self.broker, signer, form, id).await,
            Some("AssumeRole") => assume_role::answer(&self.broker, signer, form, id).await,
            Some("GetCallerIdentity") => Ok(caller_identity::answer(signer, id)),
            Some(other) => {
                let other: String = other.chars().filter(|c| !c.is_control()).take(60).collect();
                Err(Fault::new(
                    Code::InvalidAction,
                    format!(
                        "the action {other} is not served here; GetSessionToken, AssumeRole, \
                         AssumeRoleWithWebIdentity and GetCallerIdentity are"
                    ),
                ))
            }
            None => Err(Fault::argument("the form has no Action")),
        }
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
