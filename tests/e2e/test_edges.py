"""S3 at its edges, as AWS has it: ranges that cannot be read, ACLs, and errors that say what to do."""

import socket
from urllib.parse import urlparse

import pytest
import requests
from botocore.exceptions import ClientError

from sky import Keys
from test_refusals import BUCKET, OBJECT, ask

UNREADABLE = ["bytes=abc", "bytes=5-2", "bytes=0-9,20-29", "lines=0-9", "0-9"]


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"].get("Message")


@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_a_range_that_cannot_be_read_is_ignored(ways, published, unreadable):
    """boto3 signs the header, so it cannot simply be taken away; the aws command line does as boto3."""
    original = (published / OBJECT["Key"]).read_bytes()
    for way in ("way 1, EC2", "way 3, gateway"):
        s3 = ways[way].client()
        answer = s3.get_object(**OBJECT, Range=unreadable, ResponseContentType="image/fits")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200 and "ContentRange" not in answer
        assert answer["ContentType"] == "image/fits"
        same = answer["Body"].read() == original
        assert same
        assert s3.head_object(**OBJECT, Range=unreadable)["ContentLength"] == len(original)
        assert ask(s3, "get_object", {**BUCKET, "Key": "none", "Range": unreadable}) == "NoSuchKey"
        assert ask(s3, "get_object", {**OBJECT, "Range": unreadable, "IfMatch": '"other"'}) == "PreconditionFailed"


def test_a_presigned_url_with_a_range_that_cannot_be_read_reads_the_whole(ways, published):
    original = (published / OBJECT["Key"]).read_bytes()
    s3 = ways["way 3, gateway"].client(signature_version="s3v4")
    for arguments in (OBJECT, {**OBJECT, "Range": UNREADABLE[0]}):  # unsigned, then signed
        url = s3.generate_presigned_url("get_object", Params=arguments)
        answer = requests.get(url, headers={"Range": UNREADABLE[0]})
        same = answer.status_code == 200 and answer.content == original
        assert same, answer.text[:500]


def test_a_range_that_cannot_be_read_opens_no_door(sky, ways, published):
    """The request is served without the header, by the same table."""
    bad = {"Range": UNREADABLE[0]}
    reader, other = ways["way 3, gateway"], sky.person("bob").lease(survey="other", method="gateway")
    assert ask(other, "get_object", {**OBJECT, **bad}) == "AccessDenied"
    assert ask(other, "head_object", {**OBJECT, **bad}) == "AccessDenied"
    assert ask(reader, "get_object", {"Bucket": "other", "Key": "secret.fits", **bad}) == "AccessDenied"
    wrong = Keys(sky, reader.access, "wrong", reader.token)
    assert ask(wrong, "get_object", {**OBJECT, **bad}) == "SignatureDoesNotMatch"
    swapped = Keys(sky, reader.access, reader.secret, other.token)
    assert ask(swapped, "get_object", {**OBJECT, **bad}) == "InvalidToken"
    url = f"{sky.s3}{OBJECT['Bucket']}/{OBJECT['Key']}"
    for path in (url, f"{sky.s3}m13?acl", f"{sky.s3}m13?list-type=2"):
        answer = requests.get(path, headers=bad)
        assert answer.status_code == 403 and "AccessDenied" in answer.text, path
    lent = sky.person("bob").lease(method="gateway")
    bob = sky.person("bob")
    assert requests.delete(bob.portal(f"api/v1/leases/{lent.lease['id']}"), headers=bob.bearer).status_code == 204
    assert ask(lent, "get_object", {**OBJECT, **bad}) == "AccessDenied"


def test_a_suffix_of_an_empty_object_is_416(curator, published):
    s3 = curator.client()
    s3.put_object(**BUCKET, Key="empty", Body=b"")
    try:
        status, code, _ = error_of(s3.get_object, **BUCKET, Key="empty", Range="bytes=-5")
        assert (status, code) == (416, "InvalidRange")
        url = curator.client(signature_version="s3v4").generate_presigned_url(
            "get_object", Params={**BUCKET, "Key": "empty"}
        )
        answer = requests.get(url, headers={"Range": "bytes=-5"})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */0")
        assert s3.get_object(**BUCKET, Key="empty")["Body"].read() == b""
    finally:
        s3.delete_object(**BUCKET, Key="empty")


def test_an_acl_that_would_open_an_object_is_refused(ways, curator, published):
    s3 = curator.client(signature_version="s3v4")
    put = {**BUCKET, "Key": "open.fits", "Body": b"x"}
    for acl in ({"ACL": "public-read"}, {"ACL": "authenticated-read"}, {"GrantRead": 'uri="http://x/AllUsers"'}):
        status, code, message = error_of(s3.put_object, **put, **acl)
        assert (status, code) == (400, "AccessControlListNotSupported") and "groups" in message, message
        copy = {**BUCKET, "Key": "open.fits", "CopySource": f"m13/{OBJECT['Key']}"}
        assert ask(s3, "copy_object", {**copy, **acl}) == "AccessControlListNotSupported"
        upload = {**BUCKET, "Key": "open.fits", **acl}
        assert ask(s3, "create_multipart_upload", upload) == "AccessControlListNotSupported"
        # Who may not write hears that first.
        assert ask(ways["way 3, gateway"], "put_object", {**put, **acl}) == "AccessDenied"
    url = s3.generate_presigned_url("put_object", Params={**BUCKET, "Key": "open.fits", "ACL": "public-read"})
    answer = requests.put(url, data=b"x", headers={"x-amz-acl": "public-read"})
    assert answer.status_code == 400 and "AccessControlListNotSupported" in answer.text
    assert ask(s3, "head_object", {**BUCKET, "Key": "open.fits"}) == "404"
    for acl in ("private", "bucket-owner-full-control"):
        assert ask(s3, "put_object", {**put, "ACL": acl}) is None, acl
    s3.delete_object(**BUCKET, Key="open.fits")


def test_errors_say_what_to_do(sky, ways, published):
    keys = ways["way 3, gateway"]
    wrong = Keys(sky, keys.access, "wrong", keys.token).client()
    _, code, message = error_of(wrong.get_object, **OBJECT)
    assert code == "SignatureDoesNotMatch" and "secret access key" in message
    _, code, message = error_of(keys.client().get_object, **BUCKET, Key="k" * 1025)
    assert code == "KeyTooLongError" and "1024" in message
    answer = requests.get(f"{sky.s3}m13/%ff")
    assert answer.status_code == 400 and "InvalidURI" in answer.text and "percent-encode" in answer.text
    old = keys.client(signature_version="s3").generate_presigned_url("get_object", Params=OBJECT)
    for answer in (requests.get(old), requests.get(sky.s3 + "m13/x", headers={"Authorization": "AWS AKIA:c2ln"})):
        assert answer.status_code == 400
        assert "signature_version=" in answer.text and "s3v4" in answer.text
    # STS says it in its own shape.
    sts = Keys(sky, keys.access, "wrong", keys.token).client("sts")
    _, code, message = error_of(sts.get_caller_identity)
    assert code == "SignatureDoesNotMatch" and "secret access key" in message


@pytest.mark.parametrize("door", ["portal", "iam", "keystone", "s3"])
def test_a_request_whose_length_can_be_read_in_two_ways_ends_its_connection(sky, door):
    """What somebody takes for the next request, through a proxy that reads the other length, is never answered."""
    place = urlparse(sky.up[door])
    smuggled = f"GET /healthz HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n"
    lengths = [f"Content-Length: {len(smuggled) + 5}", "Transfer-Encoding: chunked"]
    for headers in (lengths, lengths[::-1]):
        head = "\r\n".join(["POST /v3/auth/tokens HTTP/1.1", f"Host: {place.netloc}", *headers])
        with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
            connection.sendall(f"{head}\r\n\r\n0\r\n\r\n{smuggled}".encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert answer.count(b"HTTP/1.1 ") == 1 and b"\r\nconnection: close\r\n" in answer, answer
