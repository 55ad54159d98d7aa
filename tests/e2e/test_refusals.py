"""Whatever is not granted is refused: every S3 and STS operation and every API route, for every wrong caller."""

import base64
import json
from datetime import datetime, timezone

import pytest
import requests
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from sky import PRODUCED, Keys, openstack

OBJECT = {"Bucket": "m13", "Key": "M13_blue_0002.fits"}
BUCKET = {"Bucket": "m13"}
ACL = {"ACL": "public-read"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
TAGS = {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}

# What a reader may do …
READS = {
    "list_buckets": {},
    "head_bucket": BUCKET,
    "get_bucket_location": BUCKET,
    "get_bucket_versioning": BUCKET,
    "list_objects": BUCKET,
    "list_objects_v2": BUCKET,
    "get_object": OBJECT,
    "head_object": OBJECT,
    "get_object_attributes": {**OBJECT, "ObjectAttributes": ["ETag"]},
    "get_object_tagging": OBJECT,
}
# … what a curator may do besides …
WRITES = {
    "put_object": {**OBJECT, "Body": b"x"},
    "delete_object": OBJECT,
    "delete_objects": {**BUCKET, "Delete": {"Objects": [{"Key": OBJECT["Key"]}]}},
    "copy_object": {**BUCKET, "Key": "copy.fits", "CopySource": "m13/M13_blue_0002.fits"},
    "create_multipart_upload": OBJECT,
    "upload_part": {**OBJECT, "UploadId": "none", "PartNumber": 1, "Body": b"x"},
    "upload_part_copy": {**OBJECT, "UploadId": "none", "PartNumber": 1, "CopySource": "m13/M13_blue_0003.fits"},
    "complete_multipart_upload": {
        **OBJECT,
        "UploadId": "none",
        "MultipartUpload": {"Parts": [{"ETag": "x", "PartNumber": 1}]},
    },
    "abort_multipart_upload": {**OBJECT, "UploadId": "none"},
    "list_parts": {**OBJECT, "UploadId": "none"},
    "list_multipart_uploads": BUCKET,
}
# … and what nobody may do here.
NEVER = {
    "create_bucket": {"Bucket": "mine-all-mine"},
    "delete_bucket": BUCKET,
    "put_bucket_policy": {**BUCKET, "Policy": POLICY},
    "get_bucket_policy": BUCKET,
    "delete_bucket_policy": BUCKET,
    "get_bucket_policy_status": BUCKET,
    "put_bucket_acl": {**BUCKET, **ACL},
    "get_bucket_acl": BUCKET,
    "put_object_acl": {**OBJECT, **ACL},
    "get_object_acl": OBJECT,
    "put_object_tagging": {**OBJECT, **TAGS},
    "delete_object_tagging": OBJECT,
    "put_bucket_tagging": {**BUCKET, **TAGS},
    "get_bucket_tagging": BUCKET,
    "delete_bucket_tagging": BUCKET,
    "put_bucket_versioning": {**BUCKET, "VersioningConfiguration": {"Status": "Enabled"}},
    "list_object_versions": BUCKET,
    "put_bucket_cors": {
        **BUCKET,
        "CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
    },
    "get_bucket_cors": BUCKET,
    "delete_bucket_cors": BUCKET,
    "put_bucket_lifecycle_configuration": {
        **BUCKET,
        "LifecycleConfiguration": {
            "Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    },
    "get_bucket_lifecycle_configuration": BUCKET,
    "delete_bucket_lifecycle": BUCKET,
    "put_bucket_encryption": {
        **BUCKET,
        "ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    },
    "get_bucket_encryption": BUCKET,
    "delete_bucket_encryption": BUCKET,
    "put_bucket_website": {**BUCKET, "WebsiteConfiguration": {"IndexDocument": {"Suffix": "i"}}},
    "get_bucket_website": BUCKET,
    "delete_bucket_website": BUCKET,
    "put_bucket_logging": {**BUCKET, "BucketLoggingStatus": {}},
    "get_bucket_logging": BUCKET,
    "put_bucket_notification_configuration": {**BUCKET, "NotificationConfiguration": {}},
    "get_bucket_notification_configuration": BUCKET,
    "get_bucket_replication": BUCKET,
    "delete_bucket_replication": BUCKET,
    "put_bucket_request_payment": {**BUCKET, "RequestPaymentConfiguration": {"Payer": "Requester"}},
    "get_bucket_request_payment": BUCKET,
    "put_public_access_block": {**BUCKET, "PublicAccessBlockConfiguration": {"BlockPublicAcls": False}},
    "get_public_access_block": BUCKET,
    "delete_public_access_block": BUCKET,
    "put_bucket_ownership_controls": {
        **BUCKET,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    },
    "get_bucket_ownership_controls": BUCKET,
    "delete_bucket_ownership_controls": BUCKET,
    "get_bucket_accelerate_configuration": BUCKET,
    "put_bucket_accelerate_configuration": {**BUCKET, "AccelerateConfiguration": {"Status": "Enabled"}},
    "list_bucket_analytics_configurations": BUCKET,
    "list_bucket_inventory_configurations": BUCKET,
    "list_bucket_metrics_configurations": BUCKET,
    "list_bucket_intelligent_tiering_configurations": BUCKET,
    "get_object_lock_configuration": BUCKET,
    "put_object_lock_configuration": BUCKET,
    "get_object_legal_hold": OBJECT,
    "put_object_legal_hold": {**OBJECT, "LegalHold": {"Status": "ON"}},
    "get_object_retention": OBJECT,
    "put_object_retention": {
        **OBJECT,
        "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2100, 1, 1, tzinfo=timezone.utc)},
    },
    "get_object_torrent": OBJECT,
    "restore_object": {**OBJECT, "RestoreRequest": {"Days": 1}},
    "select_object_content": {
        **OBJECT,
        "Expression": "SELECT * FROM s3object",
        "ExpressionType": "SQL",
        "InputSerialization": {"CSV": {}},
        "OutputSerialization": {"CSV": {}},
    },
}


def ask(keys_or_client, operation, arguments):
    """The error code, or None if it worked."""
    client = keys_or_client if hasattr(keys_or_client, "meta") else keys_or_client.client()
    try:
        getattr(client, operation)(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        # HEAD has no body, so botocore makes the status the code.
        return "AccessDenied" if code == "403" and status == 403 else code
    return None


def nobody(sky):
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=sky.s3,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def before(curator, published):
    """What the bucket holds; at the end it must be the same."""

    def content():
        listing = curator.client().list_objects_v2(Bucket="m13")["Contents"]
        return {item["Key"]: (item["Size"], item["ETag"]) for item in listing}

    before = content()
    yield before
    assert content() == before, "a refused request changed something"


@pytest.fixture(scope="module")
def other_reader(sky):
    """A token of another survey."""
    return sky.person("bob").lease(survey="other", method="gateway")


@pytest.fixture(scope="module")
def revoked(sky, published):
    """bob's credentials for m13, given back."""
    bob = sky.person("bob")
    keys = bob.lease(method="gateway")
    answer = requests.delete(bob.portal(f"api/v1/leases/{keys.lease['id']}"), headers=bob.bearer)
    assert answer.status_code == 204, answer.text
    return keys


@pytest.mark.parametrize("operation", READS)
def test_reads(sky, ways, before, curator, other_reader, revoked, operation):
    arguments = READS[operation]
    for way, keys in ways.items():
        assert ask(keys, operation, arguments) is None, way
    assert ask(curator, operation, arguments) is None
    assert ask(nobody(sky), operation, arguments) == "AccessDenied"
    assert ask(revoked, operation, arguments) == "AccessDenied"
    if operation != "list_buckets":
        assert ask(other_reader, operation, arguments) == "AccessDenied"


@pytest.mark.parametrize("operation", WRITES)
def test_a_reader_writes_nothing(sky, ways, before, other_reader, revoked, operation):
    arguments = WRITES[operation]
    for way, keys in ways.items():
        assert ask(keys, operation, arguments) == "AccessDenied", way
    assert ask(nobody(sky), operation, arguments) == "AccessDenied"
    assert ask(revoked, operation, arguments) == "AccessDenied"
    assert ask(other_reader, operation, arguments) == "AccessDenied"


@pytest.mark.parametrize("operation", NEVER)
def test_what_nobody_may_do(sky, ways, before, curator, revoked, operation):
    arguments = NEVER[operation]
    refusals = ("AccessDenied", "MethodNotAllowed", "NotImplemented")
    for way, keys in ways.items():
        assert ask(keys, operation, arguments) in refusals, way
    assert ask(curator, operation, arguments) in refusals
    assert ask(nobody(sky), operation, arguments) in refusals
    assert ask(revoked, operation, arguments) in refusals


def test_the_named_refusals_are_access_denied(ways, before):
    for way, keys in ways.items():
        for operation in ("put_bucket_policy", "create_bucket"):
            assert ask(keys, operation, NEVER[operation]) == "AccessDenied", (way, operation)


def test_a_curator_writes_and_takes_back(curator, published):
    s3 = curator.client()
    for operation in ("put_object", "copy_object"):
        arguments = {**WRITES[operation], "Key": f"try-{operation}.fits"}
        assert ask(s3, operation, arguments) is None
        assert ask(s3, "delete_object", {"Bucket": "m13", "Key": arguments["Key"]}) is None
    upload = s3.create_multipart_upload(Bucket="m13", Key="parts.bin")["UploadId"]
    pieces = [b"a" * (5 << 20), b"b" * 100]
    parts = []
    for number, piece in enumerate(pieces, 1):
        etag = s3.upload_part(Bucket="m13", Key="parts.bin", UploadId=upload, PartNumber=number, Body=piece)["ETag"]
        parts.append({"ETag": etag, "PartNumber": number})
    assert len(s3.list_parts(Bucket="m13", Key="parts.bin", UploadId=upload)["Parts"]) == 2
    assert s3.list_multipart_uploads(Bucket="m13")["Uploads"][0]["UploadId"] == upload
    s3.complete_multipart_upload(
        Bucket="m13", Key="parts.bin", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert s3.get_object(Bucket="m13", Key="parts.bin")["Body"].read() == b"".join(pieces)
    assert s3.delete_objects(Bucket="m13", Delete={"Objects": [{"Key": "parts.bin"}]})["Deleted"]
    assert ask(s3, "get_object", {"Bucket": "m13", "Key": "parts.bin"}) == "NoSuchKey"


def test_a_curator_of_one_survey_has_no_other(sky, curator):
    assert ask(curator, "list_objects_v2", {"Bucket": "other"}) == "AccessDenied"
    assert ask(curator, "put_object", {"Bucket": "other", "Key": "k", "Body": b"x"}) == "AccessDenied"
    copy = {"Bucket": "m13", "Key": "stolen", "CopySource": "other/secret.fits"}
    assert ask(curator, "copy_object", copy) == "AccessDenied"


def test_only_ones_own_buckets_are_listed(ways, other_reader):
    names = [bucket["Name"] for bucket in ways["way 3, gateway"].client().list_buckets()["Buckets"]]
    assert names == ["m13"]
    assert [bucket["Name"] for bucket in other_reader.client().list_buckets()["Buckets"]] == ["other"]


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", "SHA1"])
def test_checksums_are_verified(curator, published, algorithm):
    s3 = curator.client()
    assert ask(s3, "put_object", {"Bucket": "m13", "Key": "sum", "Body": b"x", "ChecksumAlgorithm": algorithm}) is None
    wrong = {"Bucket": "m13", "Key": "sum2", "Body": b"x", f"Checksum{algorithm}": base64.b64encode(b"\0" * 4).decode()}
    assert ask(s3, "put_object", wrong) == "BadDigest"
    assert ask(s3, "put_object", {"Bucket": "m13", "Key": "sum2", "Body": b"x", "ContentMD5": "A" * 22 + "=="}) == "BadDigest"
    assert ask(s3, "head_object", {"Bucket": "m13", "Key": "sum2"}) == "404"
    s3.delete_object(Bucket="m13", Key="sum")


# Session tokens --------------------------------------------------------------------------------
def sts_error(keys, **arguments):
    with pytest.raises(ClientError) as caught:
        keys.client("sts").get_session_token(**arguments)
    return caught.value.response["Error"]


def test_a_session_token_cannot_renew_itself(ways):
    for way in ("way 2, GetSessionToken", "way 3, sts-lite", "way 3, gateway"):
        error = sts_error(ways[way])
        assert error["Code"] == "AccessDenied" and "EC2 credential" in error["Message"], (way, error)


def test_an_altered_or_swapped_token_is_invalid(sky, ways):
    good, other = ways["way 3, gateway"], ways["way 3, sts-lite"]
    flipped = good.token[:-9] + ("A" if good.token[-9] != "A" else "B") + good.token[-8:]
    for token in (flipped, good.token[:40], "garbage", other.token, good.token + "AAAA"):
        keys = Keys(sky, good.access, good.secret, token)
        assert ask(keys, "get_object", OBJECT) == "InvalidToken"
        assert sts_error(keys)["Code"] == "InvalidClientTokenId"
    assert ask(Keys(sky, good.access, good.secret), "get_object", OBJECT) == "InvalidAccessKeyId"
    assert ask(Keys(sky, good.access, "wrong", good.token), "get_object", OBJECT) == "SignatureDoesNotMatch"
    assert sts_error(Keys(sky, "0" * 32, "1" * 32))["Code"] == "InvalidClientTokenId"


def test_get_session_token_takes_900_to_43200_seconds(sky, ways):
    ec2 = ways["way 1, EC2"]
    now = datetime.now(timezone.utc)
    for seconds in (900, 3600, 43200):
        lasts = (ec2.session_token(DurationSeconds=seconds).expiration - now).total_seconds()
        assert abs(lasts - seconds) < 10
    assert abs((ec2.session_token().expiration - now).total_seconds() - 3600) < 10
    for bad in ("899", "43201", "1e3", "-900", "3600abc", "%20900", ""):
        answer = raw_sts(sky, ec2, f"Action=GetSessionToken&Version=2011-06-15&DurationSeconds={bad}")
        assert answer.status_code == 400 and "ValidationError" in answer.text, (bad, answer.text)
    assert "900 to 43200" in raw_sts(sky, ec2, "Action=GetSessionToken&DurationSeconds=899").text


@pytest.mark.parametrize("service", ["sts", "s3"])
def test_sts_is_signed_for_sts_or_s3(sky, ways, service):
    answer = raw_sts(sky, ways["way 1, EC2"], "Action=GetSessionToken&Version=2011-06-15", service)
    assert answer.status_code == 200, answer.text


def raw_sts(sky, keys, body, service="sts"):
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("POST", sky.s3, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(keys.access, keys.secret, keys.token), service, "us-east-1").add_auth(request)
    return requests.post(sky.s3, data=body, headers=dict(request.headers))


def test_sts_refuses_nobody_and_unknown_actions(sky, ways):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(sky.s3, data="Action=GetSessionToken", headers=form)
    assert answer.status_code == 403 and "<ErrorResponse" in answer.text and "AccessDenied" in answer.text
    answer = raw_sts(sky, ways["way 1, EC2"], "Action=AssumeRoleWithSAML")
    assert answer.status_code == 400 and "InvalidAction" in answer.text


def test_a_web_identity_that_is_nobodys_is_refused(sky, alice):
    """With every field, and without each of those that must be there."""
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "RoleArn": ROLE,
        "RoleSessionName": "test",
        "WebIdentityToken": alice.token,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for wrong in ("garbage", alice.token + "x", alice.token.rsplit(".", 1)[0] + "."):
        answer = requests.post(sky.s3, data={**form, "WebIdentityToken": wrong}, headers=headers)
        assert answer.status_code == 400 and "InvalidIdentityToken" in answer.text, answer.text
    for missing in ("RoleArn", "RoleSessionName", "WebIdentityToken"):
        less = {name: value for name, value in form.items() if name != missing}
        answer = requests.post(sky.s3, data=less, headers=headers)
        assert answer.status_code == 400 and "ValidationError" in answer.text and missing in answer.text, answer.text
    for role in ("arn:aws:iam:::role/skykey-other-readers", "arn:aws:iam:::role/skykey-m13-curators", "m13"):
        answer = requests.post(sky.s3, data={**form, "RoleArn": role}, headers=headers)
        assert answer.status_code == 403 and "AccessDenied" in answer.text, answer.text
    answer = requests.post(sky.s3, data={**form, "DurationSeconds": "43201"}, headers=headers)
    assert answer.status_code == 400 and "3600 to 43200" in answer.text, answer.text


ROLE = "arn:aws:iam:::role/skykey-m13-readers"


def assume(keys, role=ROLE, **arguments):
    """The role's credentials, or the error's code."""
    try:
        given = keys.client("sts").assume_role(RoleArn=role, RoleSessionName="test", **arguments)["Credentials"]
    except ClientError as error:
        return error.response["Error"]["Code"]
    return Keys(keys.sky, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def test_a_role_is_assumed_by_its_readers_and_by_nobody_else(sky, ways, other_reader, curator, revoked):
    ec2 = ways["way 1, EC2"]
    assert ask(assume(ec2), "get_object", OBJECT) is None
    assert ask(assume(ec2), "put_object", {"Bucket": "m13", "Key": "k", "Body": b"x"}) == "AccessDenied"
    narrow = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::m13/nothing/*"]},
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": ["arn:aws:s3:::m13"],
                "Condition": {"StringLike": {"s3:prefix": ["nothing/*"]}},
            },
        ],
    }
    assert ask(assume(ec2, Policy=json.dumps(narrow)), "get_object", OBJECT) == "AccessDenied"
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    assert assume(ec2, Policy=json.dumps(anything)) == "MalformedPolicyDocument"
    for role in ("arn:aws:iam:::role/skykey-other-readers", "arn:aws:iam:::role/skykey-m13-curators"):
        assert assume(ec2, role) == "AccessDenied"
    assert assume(ec2, DurationSeconds=43201) == "ValidationError"
    for keys in (ways["way 2, GetSessionToken"], ways["way 3, gateway"], other_reader, curator):
        assert assume(keys) == "AccessDenied"
    assert assume(revoked) == "AccessDenied"


def test_signature_2_is_refused(sky):
    answer = requests.get(sky.s3 + "m13/x", headers={"Authorization": "AWS AKIA:c2ln"})
    assert answer.status_code == 400 and "AWS4-HMAC-SHA256" in answer.text


# The API -----------------------------------------------------------------------------------------
ROUTES = [("GET", "me"), ("GET", "surveys"), ("POST", "leases"), ("GET", "leases"), ("DELETE", "leases/lease-00")]


@pytest.mark.parametrize("method,path", ROUTES)
def test_the_api_refuses_a_request_without_a_valid_token(sky, method, path):
    person = sky.person("bob")
    url = person.portal(f"api/v1/{path}")
    header, payload, signature = person.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))

    def forged(alg, changes=None, sign=signature):
        encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
        head = json.loads(base64.urlsafe_b64decode(header + "=="))
        return f"{encode({**head, 'alg': alg})}.{encode({**claims, **(changes or {})})}.{sign}"

    tokens = {
        "none": None,
        "empty": "",
        "garbage": "garbage",
        "altered": forged("RS256", {"sub": sky.person("carol").sub}),
        "unsigned": forged("none", sign=""),
        "symmetric": forged("HS256"),
    }
    for name, token in tokens.items():
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, url, headers=headers, json={"survey": "m13"})
        assert answer.status_code == 401, (name, answer.text)
        assert answer.json()["error"]["code"] == "unauthorized"
        assert "hint" in answer.json()["error"]


@pytest.fixture(scope="module")
def federated(sky):
    """bob's token of Keystone, from a login by the IAM."""
    token = openstack(sky.person("bob"), "m13-ro", "token", "issue")["id"]
    PRODUCED.add(token)
    return token


@pytest.mark.parametrize("method,path", ROUTES)
def test_the_api_refuses_a_token_of_keystone_that_no_application_credential_made(sky, federated, method, path):
    """What can be wrong with one, one by one, is tried in crates/skykey/tests/it/machines.rs."""
    bob = sky.person("bob")
    url = bob.portal(f"api/v1/{path}")
    refused = 401 if method == "DELETE" else 403
    for token, status in ((federated, refused), ("garbage", 401), ("", 401), (bob.token, 401)):
        answer = requests.request(method, url, headers={"X-Auth-Token": token}, json={"survey": "m13"})
        assert answer.status_code == status, answer.text
        code = "unauthorized" if method == "DELETE" else "bad_keystone_token"
        assert answer.json()["error"]["code"] == code and answer.json()["error"]["hint"]
    if method != "DELETE":
        both = {"X-Auth-Token": federated, **bob.bearer}
        assert requests.request(method, url, headers=both, json={"survey": "m13"}).status_code == 400


def test_nobody_ends_somebody_elses_lease(sky, ways, alice):
    bob = sky.person("bob")
    lease = ways["way 3, gateway"].lease["id"]
    answer = requests.delete(bob.portal(f"api/v1/leases/{lease}"), headers=bob.bearer)
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "no_such_lease"
    assert ask(ways["way 3, gateway"], "get_object", OBJECT) is None
    assert lease not in requests.get(bob.portal("api/v1/leases"), headers=bob.bearer).text
    assert lease in requests.get(bob.portal("api/v1/leases"), headers=alice.bearer).text


def test_a_reader_gets_no_write_lease(alice):
    answer = alice.ask_lease(access="write")
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "not_a_member"


LIFETIMES = [3599, 43201, 1e9, -1, "", "3600abc", "1e9", "-1", "3599", "43201", 3600.5]


@pytest.mark.parametrize("lifetime", LIFETIMES)
def test_a_lifetime_that_cannot_be_had_is_a_clear_error(alice, ways, lifetime):
    answer = alice.ask_lease(lifetime=lifetime)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "bad_lifetime" and error["hint"], error
    if str(lifetime) in ("3599", "43201"):
        assert "3600 to 43200" in error["message"]
    page = alice.portal_lease(lifetime=str(lifetime))
    assert page.status_code == 400 and "AWS_ACCESS_KEY_ID" not in page.text


@pytest.mark.parametrize("lifetime", [3600, 43200, "3600", "43200"])
@pytest.mark.parametrize("method", ["gateway", "sts-lite", "ec2"])
def test_the_edges_of_the_range_end_then(alice, ways, lifetime, method):
    before = datetime.now(timezone.utc)
    keys = alice.lease(lifetime=lifetime, method=method)
    lasts = (datetime.fromisoformat(keys.expiration) - before).total_seconds()
    assert abs(lasts - int(lifetime)) < 10
    assert keys.lease["asked"] == int(lifetime) and keys.lease["limit"] == "asked"


def test_a_body_that_is_not_understood_is_a_clear_error(alice):
    url, headers = alice.portal("api/v1/leases"), alice.bearer
    for body in ("", "{", "[]", '{"survey":"m13","colour":1}', '{"lifetime":3600}', '{"survey":"m13","lifetime":true}'):
        answer = requests.post(url, headers=headers, data=body)
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "bad_request", (body, answer.text)
    assert alice.ask_lease(survey="nowhere").json()["error"]["code"] == "no_such_survey"
    assert alice.ask_lease(method="magic").json()["error"]["code"] == "bad_method"


# Notebook servers ------------------------------------------------------------------------------
def notebook(sky, authorization, query="?survey=m13"):
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.get(sky.up["portal"] + "jupyter/credentials" + query, headers=headers)


def test_notebook_servers_are_refused_with_one_sentence(sky, hub, published):
    scopes = ["access:servers!server=bob/"]
    hub.users["by-hand"] = {"name": "bob", "kind": "user", "scopes": ["inherit"]}
    hub.users["of-another"] = {"name": "carol", "kind": "user", "scopes": scopes}
    hub.users["of-a-service"] = {"name": "bob", "kind": "service", "scopes": scopes}
    bob, nobody = hub.start_server("bob"), hub.start_server("nobody")
    table = {
        None: (401, "unauthorized"),
        "": (401, "unauthorized"),
        "Bearer": (401, "unauthorized"),
        "Bearer wrong": (401, "unauthorized"),
        f"Bearer {sky.person('bob').token}": (401, "unauthorized"),
        f"Basic {bob}": (401, "unauthorized"),
        "Bearer by-hand": (403, "not_a_server"),
        "Bearer of-another": (403, "not_a_server"),
        "Bearer of-a-service": (403, "not_a_server"),
        f"Bearer {nobody}": (403, "account_inactive"),
    }
    for authorization, (status, code) in table.items():
        answer = notebook(sky, authorization)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (authorization, answer.text)
        assert set(answer.json()) == {"code", "message"} and "\n" not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
    assert notebook(sky, f"Bearer {bob}", "?survey=nowhere").json()["code"] == "no_such_survey"
    assert notebook(sky, f"Bearer {bob}", "").json()["code"] == "bad_request"
    assert requests.post(sky.up["portal"] + "jupyter/credentials").json()["code"] == "method_not_allowed"


def test_a_notebook_servers_client_reads_and_shows_the_sentence_when_it_may_not(sky, hub, published, monkeypatch):
    import boto3
    from botocore.exceptions import CredentialRetrievalError

    def client(token):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", sky.up["portal"] + "jupyter/credentials?survey=m13")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", f"Bearer {token}")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", sky.s3)
        monkeypatch.setenv("AWS_DEFAULT_REGION", sky.up["region"])
        return boto3.session.Session().client("s3")

    carol = client(hub.start_server("carol"))
    assert carol.head_object(**OBJECT)["ContentLength"] > 0
    with pytest.raises(ClientError):
        carol.put_object(**OBJECT, Body=b"x")
    with pytest.raises(CredentialRetrievalError) as caught:
        client(hub.start_server("olive")).head_object(**OBJECT)
    assert "may not read the survey m13" in str(caught.value) and "ask to join m13/readers at" in str(caught.value)
