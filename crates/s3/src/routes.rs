//! What `s3s` hands over once it has verified the signature, instead of taking it for an operation.

use http::{Extensions, HeaderMap, Method, Uri};
use s3s::route::S3Route;
use s3s::service::S3Service;
use s3s::{Body, S3Request, S3Response, S3Result};

use crate::access::deny;
use crate::{ignored_range, sts};

/// STS, and requests whose `Range` is to be ignored.
pub(crate) struct Routes {
    pub(crate) sts: sts::Route,
    /// Serves the operations, by the same table, to whoever has been verified already.
    pub(crate) unsigned: S3Service,
}

#[async_trait::async_trait]
impl S3Route for Routes {
    fn is_match(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        extensions: &mut Extensions,
    ) -> bool {
        ignored_range::is_match(method, headers)
            || self.sts.is_match(method, uri, headers, extensions)
    }

    async fn check_access(&self, request: &mut S3Request<Body>) -> S3Result<()> {
        if !ignored_range::is_match(&request.method, &request.headers) {
            return self.sts.check_access(request).await;
        }
        // What they may do, the table says afterwards.
        match &request.credentials {
            Some(_) => Ok(()),
            None => Err(deny(
                "the request is not signed; sign it with leased credentials",
            )),
        }
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        if ignored_range::is_match(&request.method, &request.headers) {
            ignored_range::answer(&self.unsigned, request).await
        } else {
            self.sts.call(request).await
        }
    }
}
