//! The body of an answer: nothing, bytes, or an object on its way from the store.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use skykey_store::Bytestream;

/// The body of an answer.
pub struct Body(Inner);

enum Inner {
    Empty,
    Bytes(Bytes),
    Stream { bytes: Bytestream, left: u64 },
}

impl Body {
    /// No bytes.
    pub(crate) fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// A stream of `length` bytes. One that ends early breaks the connection, so that the client
    /// never takes a part for the whole.
    pub(crate) fn stream(bytes: Bytestream, length: u64) -> Self {
        Self(Inner::Stream {
            bytes,
            left: length,
        })
    }

    fn bytes(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::empty()
        } else {
            Self(Inner::Bytes(bytes))
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::bytes(text.into())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut self.get_mut().0;
        match this {
            Inner::Empty => Poll::Ready(None),
            Inner::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Inner::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Inner::Stream { bytes, left } => {
                if *left == 0 {
                    *this = Inner::Empty;
                    return Poll::Ready(None);
                }
                let next = std::task::ready!(bytes.as_mut().poll_next(cx));
                Poll::Ready(Some(match next {
                    Some(Ok(bytes)) => {
                        *left = left.saturating_sub(bytes.len() as u64);
                        Ok(Frame::data(bytes))
                    }
                    Some(Err(error)) => {
                        tracing::error!(%error, "an object could not be read to its end");
                        *this = Inner::Empty;
                        Err(error)
                    }
                    None => {
                        tracing::error!(
                            missing = *left,
                            "an object is shorter than the store says"
                        );
                        *this = Inner::Empty;
                        Err(io::ErrorKind::UnexpectedEof.into())
                    }
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Empty | Inner::Stream { left: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.0 {
            Inner::Empty => 0,
            Inner::Bytes(bytes) => bytes.len() as u64,
            Inner::Stream { left, .. } => *left,
        })
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.size_hint().lower())
    }
}

/// `200` without a body.
pub(crate) fn empty() -> Response<Body> {
    Response::new(Body::empty())
}

/// `204`.
pub(crate) fn no_content() -> Response<Body> {
    let mut response = empty();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// `200` with a document.
pub(crate) fn xml(document: String) -> Response<Body> {
    let mut response = Response::new(Body::from(document));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
