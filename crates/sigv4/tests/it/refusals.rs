//! Every refusal of a request, by its fault. Codes and words are what clients see.

use http::StatusCode;
use jiff::SignedDuration;
use skykey_sigv4::*;
use skykey_types::{Credentials, Secret};

use crate::request::{ACCESS, Received, SECRET, TIME, credentials, now, presigned_query};

/// Asserts the refusal, its code and its status.
fn assert_refused(request: &Received, refusal: &Refusal, code: &str) {
    let found = request.refusal();
    assert_eq!(&found, refusal);
    assert_eq!(found.code(), code);
}

#[test]
fn an_unsigned_request_presents_nothing() {
    for query in ["", "acl", "X-Amz-Credential=c&X-Amz-Algorithm=a"] {
        let request = Received::new(
            "GET",
            "/b/k",
            query,
            &[("host", "h"), ("x-amz-acl", "private")],
        );
        let query = Query::parse(query).unwrap();
        let presented = Presented::read(Head {
            method: &request.method,
            path: &request.path,
            query: &query,
            headers: &request.headers,
        });
        assert!(presented.unwrap().is_none());
    }
}

#[test]
fn what_is_presented_can_be_read_before_it_is_verified() {
    let credentials = Credentials {
        session_token: Some(Secret::new("token")),
        ..credentials()
    };
    let request = Received::new("GET", "/bucket/key", "", &[("host", "h")]).signed(
        &credentials,
        "sts",
        EMPTY_PAYLOAD,
    );
    let query = Query::default();
    let presented = Presented::read(Head {
        method: &request.method,
        path: &request.path,
        query: &query,
        headers: &request.headers,
    });
    let presented = presented.unwrap().unwrap();
    assert_eq!(presented.access_key_id().as_str(), ACCESS);
    assert_eq!(presented.session_token(), Some(&Secret::new("token")));
    assert_eq!(presented.region(), "us-east-1");
    assert_eq!(presented.service(), Service::Sts);
    assert_eq!(presented.time(), now());
    assert_eq!(presented.payload(), Payload::Sha256(sha256(b"")));
    assert!(!presented.is_presigned());
    let shown = format!("{presented:?}");
    assert!(
        shown.contains(ACCESS) && !shown.contains("token"),
        "{shown}"
    );
    assert!(presented.verify(&Secret::new(SECRET), now(), None).is_ok());
}

#[test]
fn signature_2_is_refused_in_every_form() {
    let plain = |query| Received::new("GET", "/b", query, &[("host", "h")]);
    for request in [
        plain("").with("authorization", "AWS AKIA:c2ln"),
        plain("AWSAccessKeyId=A&Signature=s&Expires=1"),
        plain("%41WSAccessKeyId=A"),
        plain("Signature=s"),
    ] {
        assert_refused(&request, &Refusal::SignatureV2, "InvalidRequest");
        // What to set in boto3.
        let words = request.refusal().to_string();
        assert!(
            words.contains("Signature Version 2") && words.contains("signature_version=\"s3v4\"")
        );
    }
}

#[test]
fn signature_4a_is_refused() {
    let request = Received::get().authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    assert_refused(&request, &Refusal::SignatureV4A, "NotImplemented");
    assert_eq!(request.refusal().status(), StatusCode::NOT_IMPLEMENTED);
    let request = Received::presigned(&[("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")]);
    assert_refused(&request, &Refusal::SignatureV4A, "NotImplemented");
    let request = Received::get().with(
        "x-amz-content-sha256",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
    );
    assert_refused(&request, &Refusal::SignatureV4A, "NotImplemented");
}

#[test]
fn another_scheme_is_refused() {
    for value in [
        "Bearer x",
        "Basic eDp5",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA512 x",
        "",
    ] {
        let request = Received::get().with("authorization", value);
        assert_refused(&request, &Refusal::UnknownAuthorization, "InvalidRequest");
    }
    assert!(
        !Refusal::UnknownAuthorization
            .to_string()
            .contains("Version 2")
    );
}

#[test]
fn a_malformed_authorization_is_refused() {
    for (from, to) in [
        (&format!("{ACCESS}/") as &str, "/"),
        (&format!("{ACCESS}/20130524/"), ""),
        ("20130524/us-east-1/s3/aws4_request", "20130524"),
        ("us-east-1", ""),
        ("aws4_request", "aws3_request"),
        ("/s3/", "/s3express/"),
        ("host;", "Host;"),
        ("host;", "host;host;"),
        ("host;", "host;;"),
        ("Signature=", "Signature=0"),
        ("Signature=", "Signature=A"),
        ("SignedHeaders=", "Headers="),
        ("Signature=", "Signature=a,Signature="),
        (", Signature=", ",x"),
    ] {
        let refusal = Received::get().authorization(from, to).refusal();
        assert!(
            matches!(refusal, Refusal::MalformedAuthorization(_)),
            "{refusal:?}"
        );
        assert_eq!(refusal.code(), "AuthorizationHeaderMalformed");
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
    }
}

#[test]
fn a_malformed_presigned_query_is_refused() {
    for (from, to) in [
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
        ("X-Amz-Algorithm", "X-Amz-Algorithms"),
        ("X-Amz-Credential", "X-Amz-Credentials"),
        ("X-Amz-SignedHeaders", "X-Amz-Signed"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host;HOST"),
        ("%2Fs3%2F", "%2Fec2%2F"),
        ("us-east-1%2F", ""),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ] {
        let refusal = Received::presigned(&[(from, to)]).refusal();
        assert!(
            matches!(refusal, Refusal::MalformedPresigned(_)),
            "{refusal:?}"
        );
        assert_eq!(refusal.code(), "AuthorizationQueryParametersError");
    }
}

#[test]
fn a_presigned_url_lives_seven_days_at_the_most() {
    for good in ["1", "604800"] {
        let query = presigned_query(&format!("X-Amz-Expires={good}&X-Amz-SignedHeaders=host"));
        let request = Received::new("GET", "/bucket/key", &query, &[("host", "h")]);
        assert!(request.verify().is_ok());
    }
    for bad in ["604801", "0", "-1", "%2B1", "x", "", "4294967297", "1e3"] {
        let request =
            Received::presigned(&[("X-Amz-Expires=86400", &format!("X-Amz-Expires={bad}"))]);
        assert_refused(
            &request,
            &Refusal::PresignedLifetime,
            "AuthorizationQueryParametersError",
        );
        assert!(request.refusal().to_string().contains("604800"));
    }
    let request = Received::presigned(&[("X-Amz-Expires=86400&", "")]);
    assert_eq!(request.refusal(), Refusal::PresignedLifetime);
}

#[test]
fn a_request_that_is_signed_twice_is_refused() {
    let mut request = Received::get();
    request.query = Received::presigned(&[]).query;
    assert_refused(&request, &Refusal::SignedTwice, "InvalidRequest");
}

#[test]
fn two_authorization_headers_are_refused() {
    let request = Received::get().and("authorization", "AWS AKIA:c2ln");
    assert_refused(
        &request,
        &Refusal::RepeatedHeader("Authorization"),
        "InvalidRequest",
    );
    assert_eq!(
        request.refusal().to_string(),
        "the request has more than one Authorization header"
    );
}

#[test]
fn a_deciding_header_that_occurs_twice_is_refused() {
    for name in ["host", "x-amz-date", "x-amz-content-sha256"] {
        let request = Received::get().and(name, "20130524T000000Z");
        assert_refused(&request, &Refusal::RepeatedHeader(name), "InvalidRequest");
    }
    let request = crate::chunked_examples::signed().and("x-amz-decoded-content-length", "1");
    assert_eq!(
        request.refusal(),
        Refusal::RepeatedHeader("x-amz-decoded-content-length")
    );
}

#[test]
fn a_deciding_header_that_is_not_ascii_is_refused() {
    for name in ["host", "x-amz-date", "x-amz-content-sha256"] {
        let mut request = Received::get();
        let value = http::HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap();
        request.headers.insert(name, value);
        assert_refused(&request, &Refusal::HeaderNotAscii(name), "InvalidRequest");
    }
}

#[test]
fn two_session_tokens_are_refused() {
    let credentials = Credentials {
        session_token: Some(Secret::new("token")),
        ..credentials()
    };
    let request = |query| {
        Received::new("GET", "/b/k", query, &[("host", "h")]).signed(
            &credentials,
            "s3",
            EMPTY_PAYLOAD,
        )
    };
    assert!(request("").verify().is_ok());
    for request in [
        request("X-Amz-Security-Token=token"),
        request("").and("x-amz-security-token", "token"),
    ] {
        assert_refused(&request, &Refusal::RepeatedSessionToken, "InvalidToken");
    }
}

#[test]
fn a_session_token_that_is_not_ascii_is_refused() {
    let mut request = Received::new(
        "GET",
        "/b/k",
        "",
        &[("host", "h"), ("x-amz-security-token", "t")],
    )
    .signed(&credentials(), "s3", EMPTY_PAYLOAD);
    let value = http::HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap();
    request.headers.insert("x-amz-security-token", value);
    assert_refused(&request, &Refusal::SessionTokenNotAscii, "InvalidToken");
}

#[test]
fn an_unsigned_host_is_refused() {
    let request = Received::get().authorization("host;", "");
    assert_refused(&request, &Refusal::HostNotSigned, "SignatureDoesNotMatch");
    let request = Received::presigned(&[("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=date")]);
    assert_refused(&request, &Refusal::HostNotSigned, "SignatureDoesNotMatch");
}

#[test]
fn an_unsigned_amz_header_is_refused() {
    let unsigned = |name: &str| Refusal::HeaderNotSigned(name.to_owned());
    let request = Received::get().with("x-amz-copy-source", "/b/k");
    assert_refused(
        &request,
        &unsigned("x-amz-copy-source"),
        "SignatureDoesNotMatch",
    );
    let request = Received::presigned(&[]).with("x-amz-acl", "public-read");
    assert_refused(&request, &unsigned("x-amz-acl"), "SignatureDoesNotMatch");
    let request = Received::get().authorization(";x-amz-date", "");
    assert_refused(&request, &unsigned("x-amz-date"), "SignatureDoesNotMatch");
    let request = Received::get().with("user-agent", "anything");
    assert!(request.verify().is_ok());
}

#[test]
fn an_unsigned_x_amz_content_sha256_takes_part_in_the_signature_all_the_same() {
    let request = Received::new("GET", "/b/k", "", &[("host", "h")]);
    let canonical = canonical_request(&Request {
        method: "GET",
        path: "/b/k",
        query: "",
        headers: &[("host", "h"), ("x-amz-date", TIME)],
        payload_hash: EMPTY_PAYLOAD,
    });
    let scope = Scope::at(now(), "us-east-1", "s3");
    let signature = SigningKey::derive(&Secret::new(SECRET), &scope)
        .sign(&string_to_sign(TIME, &scope, &canonical));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    );
    let request = request
        .with("x-amz-date", TIME)
        .with("x-amz-content-sha256", EMPTY_PAYLOAD)
        .with("authorization", &authorization);
    assert!(request.verify().is_ok());
    let request = request.with("x-amz-content-sha256", UNSIGNED_PAYLOAD);
    assert_eq!(request.refusal(), Refusal::SignatureDoesNotMatch);
}

#[test]
fn a_signed_header_that_is_absent_is_refused() {
    let missing = |name: &str| Refusal::SignedHeaderMissing(name.to_owned());
    let request = Received::get().authorization("host;", "content-md5;host;");
    assert_refused(&request, &missing("content-md5"), "SignatureDoesNotMatch");
    let request = Received::get().without("host");
    assert_refused(&request, &missing("host"), "SignatureDoesNotMatch");
}

#[test]
fn a_scope_of_another_day_is_refused() {
    let request = Received::get().authorization("/20130524/", "/20130523/");
    assert_refused(&request, &Refusal::ScopeDay, "SignatureDoesNotMatch");
    let request = Received::presigned(&[("%2F20130524%2F", "%2F20130525%2F")]);
    assert_refused(&request, &Refusal::ScopeDay, "SignatureDoesNotMatch");
}

#[test]
fn a_request_without_a_time_is_refused() {
    let request = Received::get()
        .without("x-amz-date")
        .authorization(";x-amz-date", "");
    assert_refused(&request, &Refusal::TimeMissing, "InvalidRequest");
    let request = Received::presigned(&[("X-Amz-Date=20130524T000000Z&", "")]);
    assert_refused(&request, &Refusal::TimeMissing, "InvalidRequest");
}

#[test]
fn a_time_that_cannot_be_read_is_refused() {
    for bad in ["", "now", "2013-05-24T00:00:00Z", "20130524"] {
        let request = Received::get().with("x-amz-date", bad);
        assert_refused(&request, &Refusal::MalformedTime, "InvalidRequest");
        let request = Received::get()
            .without("x-amz-date")
            .authorization(";x-amz-date", "")
            .with("date", "yesterday");
        assert_refused(&request, &Refusal::MalformedTime, "InvalidRequest");
    }
}

#[test]
fn the_date_header_is_the_time_if_there_is_no_x_amz_date() {
    let scope = Scope::at(now(), "us-east-1", "s3");
    for date in ["Fri, 24 May 2013 00:00:00 GMT", TIME] {
        let headers = [
            ("date", date),
            ("host", "h"),
            ("x-amz-content-sha256", EMPTY_PAYLOAD),
        ];
        let canonical = canonical_request(&Request {
            method: "GET",
            path: "/b/k",
            query: "",
            headers: &headers,
            payload_hash: EMPTY_PAYLOAD,
        });
        let signature = SigningKey::derive(&Secret::new(SECRET), &scope)
            .sign(&string_to_sign(TIME, &scope, &canonical));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, \
             SignedHeaders=date;host;x-amz-content-sha256, Signature={signature}"
        );
        let request =
            Received::new("GET", "/b/k", "", &headers).with("authorization", &authorization);
        assert!(request.verify().is_ok(), "{date}");
    }
}

#[test]
fn a_request_for_s3_without_a_payload_is_refused() {
    let request = Received::get()
        .without("x-amz-content-sha256")
        .authorization("x-amz-content-sha256;", "");
    assert_refused(&request, &Refusal::PayloadMissing, "InvalidRequest");
}

#[test]
fn an_unknown_payload_is_refused() {
    for bad in ["", "0", "STREAMING", "unsigned-payload"] {
        let request = Received::get().with("x-amz-content-sha256", bad);
        assert_refused(&request, &Refusal::UnknownPayload, "InvalidArgument");
    }
}

#[test]
fn an_aws_chunked_body_without_its_decoded_length_is_refused() {
    let request = crate::chunked_examples::signed();
    for bad in ["", "-1", "+1", "1x", "18446744073709551616"] {
        let request = request.clone().with("x-amz-decoded-content-length", bad);
        assert_refused(
            &request,
            &Refusal::DecodedLengthMissing,
            "MissingContentLength",
        );
        assert_eq!(request.refusal().status(), StatusCode::LENGTH_REQUIRED);
    }
    let request = request
        .without("x-amz-decoded-content-length")
        .authorization("x-amz-decoded-content-length;", "");
    assert_refused(
        &request,
        &Refusal::DecodedLengthMissing,
        "MissingContentLength",
    );
}

#[test]
fn a_body_with_trailers_without_their_names_is_refused() {
    let request = crate::chunked_examples::signed_with_trailer()
        .without("x-amz-trailer")
        .authorization(";x-amz-trailer", "");
    assert_refused(&request, &Refusal::TrailerMissing, "InvalidRequest");
}

#[test]
fn a_clock_that_is_off_by_more_than_fifteen_minutes_is_refused() {
    let request = Received::get();
    let second = SignedDuration::from_secs(1);
    for off in [MAX_CLOCK_SKEW, -MAX_CLOCK_SKEW] {
        assert!(request.verify_at(SECRET, now() + off, None).is_ok());
        let further = if off.is_positive() {
            off + second
        } else {
            off - second
        };
        let refusal = request
            .verify_at(SECRET, now() + further, None)
            .unwrap_err();
        assert_eq!(refusal.code(), "RequestTimeTooSkewed");
        assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        // Also if the secret is wrong.
        let refusal = request
            .verify_at("wrong", now() + further, None)
            .unwrap_err();
        assert_eq!(refusal.code(), "RequestTimeTooSkewed");
    }
}

#[test]
fn an_expired_presigned_url_is_refused() {
    let request = Received::presigned(&[]);
    let day = SignedDuration::from_secs(86400);
    assert!(request.verify_at(SECRET, now() + day, None).is_ok());
    let late = now() + day + SignedDuration::from_secs(1);
    let refusal = request.verify_at(SECRET, late, None).unwrap_err();
    assert_eq!(refusal, Refusal::Expired(now() + day));
    assert_eq!(
        (refusal.code(), refusal.status()),
        ("AccessDenied", StatusCode::FORBIDDEN)
    );
    assert!(refusal.to_string().starts_with("Request has expired"));
}

#[test]
fn a_presigned_url_from_the_future_is_refused() {
    let request = Received::presigned(&[]);
    assert!(
        request
            .verify_at(SECRET, now() - MAX_CLOCK_SKEW, None)
            .is_ok()
    );
    let early = now() - MAX_CLOCK_SKEW - SignedDuration::from_secs(1);
    let refusal = request.verify_at(SECRET, early, None).unwrap_err();
    assert_eq!(refusal.code(), "RequestTimeTooSkewed");
}

#[test]
fn a_wrong_secret_is_refused() {
    for request in [Received::get(), Received::presigned(&[])] {
        let refusal = request.verify_at("wrong", now(), None).unwrap_err();
        assert_eq!(refusal, Refusal::SignatureDoesNotMatch);
        assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        assert!(refusal.to_string().contains("secret access key"));
    }
}

#[test]
fn a_presigned_aws_chunked_body_is_refused() {
    let request =
        Received::presigned(&[]).with("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_refused(&request, &Refusal::PresignedStreaming, "NotImplemented");
}

#[test]
fn a_presigned_request_may_say_the_hash_of_its_body_in_a_header() {
    let request = Received::presigned(&[]).with("x-amz-content-sha256", EMPTY_PAYLOAD);
    let verified = request.verify().unwrap();
    assert_eq!(verified.payload(), Payload::Sha256(sha256(b"")));
    let unsigned = Received::presigned(&[]).with("x-amz-content-sha256", UNSIGNED_PAYLOAD);
    assert_eq!(unsigned.verify().unwrap().payload(), Payload::Unsigned);
}

#[test]
fn a_presigned_request_may_say_unsigned_payload_in_its_query() {
    // As the SDKs of Go and JavaScript do.
    let query = presigned_query(
        "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Expires=60&X-Amz-SignedHeaders=host",
    );
    let request = Received::new("GET", "/bucket/key", &query, &[("host", "h")]);
    assert_eq!(request.verify().unwrap().payload(), Payload::Unsigned);
}

#[test]
fn a_presigned_body_that_is_declared_in_two_ways_is_refused() {
    let hash = sha256_hex(b"x");
    let query = presigned_query(&format!(
        "X-Amz-Content-Sha256={hash}&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
    ));
    let request = Received::new("GET", "/bucket/key", &query, &[("host", "h")])
        .with("x-amz-content-sha256", EMPTY_PAYLOAD);
    assert_refused(&request, &Refusal::PayloadContradiction, "InvalidRequest");
}

#[test]
fn a_body_that_is_not_the_signed_one_is_refused() {
    let request = Received::get();
    assert!(request.verify_at(SECRET, now(), Some(&sha256(b""))).is_ok());
    let refusal = request
        .verify_at(SECRET, now(), Some(&sha256(b"x")))
        .unwrap_err();
    assert_eq!(refusal, Refusal::BodyHash);
    assert_eq!(refusal.code(), "XAmzContentSHA256Mismatch");
}

/// boto signs STS without x-amz-content-sha256.
#[test]
fn the_body_of_sts_takes_part_in_the_signature_without_a_header() {
    let body = b"Action=GetSessionToken&Version=2011-06-15";
    let headers = [("host", "h"), ("x-amz-date", TIME)];
    let hash = sha256_hex(body);
    let canonical = canonical_request(&Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
        payload_hash: &hash,
    });
    let scope = Scope::at(now(), "us-east-1", "sts");
    let signature = SigningKey::derive(&Secret::new(SECRET), &scope)
        .sign(&string_to_sign(TIME, &scope, &canonical));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    );
    let request = Received::new("POST", "/", "", &headers).with("authorization", &authorization);
    let verified = request
        .verify_at(SECRET, now(), Some(&sha256(body)))
        .unwrap();
    assert_eq!(verified.payload(), Payload::Sha256(sha256(body)));
    assert_eq!(request.refusal(), Refusal::PayloadMissing);
    let refusal = request
        .verify_at(SECRET, now(), Some(&sha256(b"x")))
        .unwrap_err();
    assert_eq!(refusal, Refusal::SignatureDoesNotMatch);
}

/// Some clients sign the path as they send it, without encoding what S3 would encode.
#[test]
fn a_path_that_was_signed_as_it_arrived_is_accepted() {
    let key = |path: &str| {
        let canonical = format!(
            "GET\n{path}\n\nhost:h\nx-amz-content-sha256:{EMPTY_PAYLOAD}\nx-amz-date:{TIME}\n\n\
             host;x-amz-content-sha256;x-amz-date\n{EMPTY_PAYLOAD}"
        );
        let scope = Scope::at(now(), "us-east-1", "s3");
        let signature = SigningKey::derive(&Secret::new(SECRET), &scope)
            .sign(&string_to_sign(TIME, &scope, &canonical));
        let mut request = Received::get();
        request.path = path.to_owned();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
        );
        request.with("authorization", &authorization)
    };
    assert!(key("/b/a(1)+b=c").verify().is_ok());
    assert!(key("/b/a%281%29").verify().is_ok());
    // Encoded otherwise than S3 does, and nothing in it that S3 would have encoded.
    assert_eq!(key("/b/%61").refusal(), Refusal::SignatureDoesNotMatch);
}

#[test]
fn blanks_in_header_values_count_as_one() {
    let request = Received::new(
        "GET",
        "/b/k",
        "",
        &[("host", "h"), ("x-amz-meta-a", " b   c ")],
    )
    .signed(&credentials(), "s3", EMPTY_PAYLOAD);
    assert!(request.clone().with("x-amz-meta-a", "b c").verify().is_ok());
    let other = request.with("x-amz-meta-a", "bc");
    assert_eq!(other.refusal(), Refusal::SignatureDoesNotMatch);
}
