//! Words for the errors that `s3s` leaves without any.

use s3s::{HttpResponse, S3Error, S3ErrorCode};
use skykey_s3_client::Problem;

/// What to do about an error of that code.
fn words(code: &str) -> Option<&'static str> {
    Some(match code {
        "SignatureDoesNotMatch" => {
            "the signature is not the one that the secret access key gives for this request; check the secret \
             access key and the session token, and that nothing on the way changes the host, the path or the query"
        }
        "KeyTooLongError" => "the key is longer than 1024 bytes in UTF-8; choose a shorter one",
        "InvalidURI" => {
            "the path or the query is not UTF-8 after percent-decoding; write the key in UTF-8, then percent-encode it"
        }
        "InvalidBucketName" => {
            "that cannot be the name of a bucket; use 3 to 63 lower-case letters, digits, dots and hyphens"
        }
        "MissingContentLength" => "the request has a body but no length; send Content-Length",
        "IncompleteBody" => {
            "the body is not as long as Content-Length says; nothing was changed, send it again"
        }
        "MissingRequestBodyError" => "the operation needs a body in XML; send one",
        "MaxMessageLengthExceeded" => {
            "the body in XML is longer than 2 MiB; ask for less in one request"
        }
        "MalformedXML" => "the body is not the XML that the operation takes; check its shape",
        "MethodNotAllowed" => "the method does not go with this address; check both",
        _ => return None,
    })
}

/// The same answer; if it is an error without a message, with one that says what to do.
pub(crate) fn explained(response: HttpResponse) -> HttpResponse {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    // Errors are written in one piece; whatever streams is no error.
    let Some(body) = response.body().bytes() else {
        return response;
    };
    let fault = Problem::parse(&String::from_utf8_lossy(&body));
    let code = S3ErrorCode::from_bytes(fault.code.as_bytes());
    let (true, Some(words), Some(code)) = (fault.message.is_empty(), words(&fault.code), code)
    else {
        return response;
    };
    let mut error = S3Error::with_message(code, words);
    error.set_status_code(status);
    match error.to_http_response() {
        Ok(mut explained) => {
            for (name, value) in response.headers() {
                if name != http::header::CONTENT_LENGTH {
                    explained.headers_mut().insert(name, value.clone());
                }
            }
            explained
        }
        Err(_) => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: S3Error) -> (http::StatusCode, Problem) {
        let response = explained(error.to_http_response().unwrap());
        let body = response.body().bytes().unwrap();
        let fault = Problem::parse(std::str::from_utf8(&body).unwrap());
        (response.status(), fault)
    }

    #[test]
    fn an_error_without_words_gets_some_that_say_what_to_do() {
        for (code, status, word) in [
            (S3ErrorCode::KeyTooLongError, 400, "1024 bytes"),
            (S3ErrorCode::InvalidURI, 400, "percent-encode"),
            (S3ErrorCode::SignatureDoesNotMatch, 403, "secret access key"),
            (S3ErrorCode::InvalidBucketName, 400, "3 to 63"),
            (S3ErrorCode::MethodNotAllowed, 405, "method"),
        ] {
            let (found, fault) = told(S3Error::new(code.clone()));
            assert_eq!(
                (found.as_u16(), fault.code.as_str()),
                (status, code.as_str())
            );
            assert!(fault.message.contains(word), "{fault:?}");
        }
    }

    #[test]
    fn an_error_that_has_words_keeps_them() {
        let (_, fault) = told(S3Error::with_message(S3ErrorCode::InvalidURI, "<ours>"));
        assert_eq!(fault.message, "<ours>");
    }
}
