//! A request that has been verified and judged, and its body.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use skykey_broker::Principal;
use skykey_serve::Stalled;
use skykey_sigv4::{BodyReader, Query};
use sync_wrapper::SyncWrapper;

use crate::fault::{Code, Fault, Result};
use crate::front::operation::Operation;

/// What goes wrong with a body on its way.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body as it arrives.
pub(crate) type Incoming = UnsyncBoxBody<Bytes, BoxError>;

/// An allowed request.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    pub(crate) operation: Operation,
    /// Empty for an operation on the endpoint.
    pub(crate) bucket: &'r str,
    /// Empty for an operation on a bucket.
    pub(crate) key: &'r str,
    pub(crate) query: &'r Query<'r>,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) principal: &'r Arc<Principal>,
    pub(crate) body: Body,
}

impl<'r> Request<'r> {
    /// A query parameter that is there and not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'r str> {
        self.query.get(name).filter(|value| !value.is_empty())
    }

    /// A header as text. The front has refused what is not ASCII.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&'r str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A request's body, decoded and verified as it is read.
pub(crate) struct Body {
    // Never shared; so a request may be borrowed across threads all the same.
    incoming: SyncWrapper<Incoming>,
    /// `None` once the body has ended.
    reader: Option<BodyReader>,
    trailers: HeaderMap,
    length: Option<u64>,
}

impl Body {
    /// `length` is what the client announced, of the decoded body.
    pub(crate) fn new(incoming: Incoming, reader: BodyReader, length: Option<u64>) -> Self {
        Self {
            incoming: SyncWrapper::new(incoming),
            reader: Some(reader),
            trailers: HeaderMap::new(),
            length,
        }
    }

    /// The announced length in bytes.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next bytes, or `None` at the end, when the signature of the whole body has been
    /// verified. What was read before must not be committed until then.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(reader) = &mut self.reader else {
                return Ok(None);
            };
            if let Some(bytes) = reader.next_data().map_err(|error| of_reader(&error))? {
                return Ok(Some(bytes));
            }
            match self.incoming.get_mut().frame().await {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        reader.push(bytes);
                    }
                }
                Some(Err(error)) => return Err(broken(error.as_ref())),
                None => {
                    if let Some(reader) = self.reader.take() {
                        self.trailers = reader.finish().map_err(|error| of_reader(&error))?;
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// The trailers, once [`Body::next`] has said that the body has ended.
    pub(crate) fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    /// The whole body, if it has at most `limit` bytes. A longer one is refused before it is read.
    pub(crate) async fn read_all(&mut self, limit: usize) -> Result<Bytes> {
        let too_long = || {
            Fault::new(
                Code::MaxMessageLengthExceeded,
                format!("the body is longer than {limit} bytes; ask for less in one request"),
            )
        };
        if self.length.is_some_and(|length| length > limit as u64) {
            return Err(too_long());
        }
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > limit {
                return Err(too_long());
            }
            if whole.is_empty() && self.length == Some(bytes.len() as u64) {
                // All of it came in one piece; the end is still to be verified.
                return match self.next().await? {
                    None => Ok(bytes),
                    Some(_) => Err(too_long()),
                };
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

fn of_reader(error: &skykey_sigv4::BodyError) -> Fault {
    Fault::new(
        Code::of_name(error.code()),
        format!("{error}; nothing was stored"),
    )
}

/// A body that broke off, or whose client fell silent.
fn broken(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Fault {
    tracing::debug!(error, "a request's body broke off");
    if let Some(stalled) = error.downcast_ref::<Stalled>() {
        return Fault::new(
            Code::RequestTimeout,
            format!("{stalled}; nothing was stored, send it again"),
        );
    }
    Fault::new(
        Code::IncompleteBody,
        "the body broke off or is malformed; nothing was stored, send it again",
    )
}
