//! Each operation: what goes out, and what is read of the answer.

use bytes::Bytes;
use skykey_s3_client::operations::list_objects_v2::ListOptions;
use skykey_s3_client::operations::*;
use skykey_s3_client::{ETag, Request, S3Error};
use skykey_types::ErrorKind;
use skykey_upstream::Answer;

use crate::server::{Asked, Server, Told, bucket, credentials};

/// Sends the request to a server that answers with `told`: what arrived, and the answer.
async fn sent(request: &Request, told: Told) -> (Asked, Answer) {
    let server = Server::start(move |_| told.clone()).await;
    let answer = server.client.send(&credentials("ak"), request).await;
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.key(), "ak", "{}", asked.head);
    (asked, answer.unwrap())
}

#[tokio::test]
async fn requests_are_written_as_s3_has_them() {
    let bucket = bucket();
    let etags = [ETag::new("\"e1\""), ETag::new("\"e2\"")];
    let options = ListOptions {
        prefix: "a b/",
        delimiter: Some("/"),
        max_keys: Some(10),
        token: Some("t+"),
    };
    for (request, line, body) in [
        (
            abort_multipart_upload::request(&bucket, "a", "u&1"),
            "DELETE /m13/a?uploadId=u%261",
            "",
        ),
        (
            complete_multipart_upload::request(&bucket, "a", "u", &etags),
            "POST /m13/a?uploadId=u",
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag></Part>\
             <Part><PartNumber>2</PartNumber><ETag>&quot;e2&quot;</ETag></Part></CompleteMultipartUpload>",
        ),
        (copy_object::request(&bucket, "a b", "c"), "PUT /m13/c", ""),
        (create_bucket::request(&bucket), "PUT /m13", ""),
        (
            create_multipart_upload::request(&bucket, "a"),
            "POST /m13/a?uploads=",
            "",
        ),
        (delete_bucket::request(&bucket), "DELETE /m13", ""),
        (
            delete_object::request(&bucket, "a", Some("v1")),
            "DELETE /m13/a?versionId=v1",
            "",
        ),
        (
            delete_objects::request(&bucket, ["a&b", "c"]),
            "POST /m13?delete=",
            "<Delete><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>",
        ),
        (get_bucket_policy::request(&bucket), "GET /m13?policy=", ""),
        (
            get_object::request(&bucket, "a/b c"),
            "GET /m13/a/b%20c",
            "",
        ),
        (
            get_user::request("p1"),
            "GET /admin/user?format=json&uid=p1",
            "",
        ),
        (
            get_user_policy::request("p1", "n"),
            "POST /",
            "Action=GetUserPolicy&PolicyName=n&UserName=p1&Version=2010-05-08",
        ),
        (head_object::request(&bucket, "a"), "HEAD /m13/a", ""),
        (list_buckets::request(), "GET /", ""),
        (
            list_objects_v2::request(&bucket, &options),
            "GET /m13?encoding-type=url&list-type=2&max-keys=10&prefix=a%20b%2F&delimiter=%2F\
             &continuation-token=t%2B",
            "",
        ),
        (
            list_user_policies::request("p1"),
            "POST /",
            "Action=ListUserPolicies&UserName=p1&Version=2010-05-08",
        ),
        (
            modify_user::request("suspend a project", "p1", &[("suspended", "1")]),
            "POST /admin/user?format=json&uid=p1&suspended=1",
            "",
        ),
        (
            put_bucket_policy::request(&bucket, "{}"),
            "PUT /m13?policy=",
            "{}",
        ),
        (
            put_object::request(&bucket, "a", "stamp"),
            "PUT /m13/a",
            "stamp",
        ),
        (
            put_user_policy::request("p1", "n", "{}"),
            "POST /",
            "Action=PutUserPolicy&PolicyDocument=%7B%7D&PolicyName=n&UserName=p1&Version=2010-05-08",
        ),
        (
            upload_part::request(&bucket, "a", "u", 3, "part"),
            "PUT /m13/a?partNumber=3&uploadId=u",
            "part",
        ),
    ] {
        let (asked, _) = sent(&request, Told::ok("")).await;
        assert_eq!((asked.line.as_str(), asked.text().as_str()), (line, body));
        // Gateways ask for a length where a body may come.
        let length = asked.header("content-length");
        let may_have_body = line.starts_with('P');
        assert_eq!(length.is_some(), may_have_body, "{}", asked.head);
    }
}

#[tokio::test]
async fn conditions_digests_and_ranges_go_out_as_headers() {
    let put = put_object::request(&bucket(), "a", "stamp")
        .content_md5()
        .if_none_match()
        .unsigned_payload();
    let (asked, _) = sent(&put, Told::ok("")).await;
    for (name, value) in [
        ("content-md5", "lrjhjegy6devyxmf5iakrw=="),
        ("if-none-match", "*"),
        ("x-amz-content-sha256", "unsigned-payload"),
    ] {
        assert_eq!(asked.header(name), Some(value));
    }
    let get = get_object::range(&bucket(), "a", 5, Some(9));
    let get = get_object::if_match(get, &ETag::new("e"));
    let told = Told::of(206, "56789").with("content-range: bytes 5-9/10\r\n");
    let (asked, answer) = sent(&get, told).await;
    assert_eq!(asked.header("range"), Some("bytes=5-9"));
    assert_eq!(asked.header("if-match"), Some("\"e\""));
    assert_eq!(get_object::content_range(&answer.headers), Some((5, 10)));
    assert_eq!(&answer.body[..], b"56789");
    let from = get_object::range(&bucket(), "a", 5, None);
    let (asked, _) = sent(&from, Told::ok("")).await;
    assert_eq!(asked.header("range"), Some("bytes=5-"));
    let (asked, _) = sent(&copy_object::request(&bucket(), "a b", "c"), Told::ok("")).await;
    assert_eq!(asked.header("x-amz-copy-source"), Some("/m13/a%20b"));
}

#[tokio::test]
async fn answers_are_read() {
    let told = |body: &str| Answer::of(200, Bytes::copy_from_slice(body.as_bytes()));
    let begun = told("<R><UploadId>u&amp;1</UploadId></R>");
    let id = create_multipart_upload::upload_id(&begun);
    assert_eq!(id.as_deref(), Some("u&1"));
    assert_eq!(create_multipart_upload::upload_id(&told("<R/>")), None);
    assert!(complete_multipart_upload::failed(&told(
        "<Error><Code>InternalError</Code></Error>"
    )));
    assert!(!complete_multipart_upload::failed(&told("<R/>")));
    let deleted = told(
        "<DeleteResult><Deleted><Key>a</Key><DeleteMarkerVersionId>v</DeleteMarkerVersionId></Deleted>\
         <Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>",
    );
    let marker = delete_objects::delete_marker(&deleted);
    assert_eq!(marker.as_deref(), Some("v"));
    let left = delete_objects::not_deleted(&deleted);
    assert_eq!(
        (left[0].key.as_str(), left[0].code.as_str()),
        ("b", "AccessDenied")
    );
    let list = "<ListAllMyBucketsResult><Owner><ID>p1</ID></Owner><Buckets><Bucket><Name>m13</Name>\
                </Bucket></Buckets></ListAllMyBucketsResult>";
    let list = list_buckets::buckets(&told(list)).unwrap();
    assert_eq!(
        (list.owner.as_str(), &list.buckets[..]),
        ("p1", &["m13".to_owned()][..])
    );
    assert!(list_buckets::buckets(&told("<html/>")).is_err());
    let policy = told("<R><PolicyDocument>{&quot;a&quot;:1}</PolicyDocument></R>");
    let document = get_user_policy::document(&policy);
    assert_eq!(document.as_deref(), Ok("{\"a\":1}"));
    let names = told("<R><member>a</member><member>b</member></R>");
    assert_eq!(list_user_policies::names(&names), ["a", "b"]);
}

#[tokio::test]
async fn a_refusal_has_its_code_and_says_who_can_do_something() {
    let server = Server::start(|_| Told::error(404, "NoSuchBucketPolicy")).await;
    let request = get_bucket_policy::request(&bucket());
    let error = server.client.call(&credentials("ak"), &request).await;
    let error = error.unwrap_err();
    assert!(get_bucket_policy::has_none(&error));
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        "cannot read a bucket's policy: the test answered 404 NoSuchBucketPolicy: it does not exist there"
    );
    let bad = head_object::request(&bucket(), "a").header("if-match", "a\nb");
    let error = server.client.call(&credentials("ak"), &bad).await;
    assert!(matches!(error, Err(S3Error::Invalid { .. })));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_may_be_repeated_is_and_what_may_not_is_not() {
    for (request, times) in [
        (put_object::request(&bucket(), "a", "b"), 3),
        (create_multipart_upload::request(&bucket(), "a"), 1),
        (delete_objects::request(&bucket(), ["a"]), 3),
    ] {
        let server = Server::start(|_| Told::error(503, "SlowDown")).await;
        let error = server.client.call(&credentials("ak"), &request).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(server.asked().len(), times);
    }
}
