"""What a reader may not is refused by the real Ceph, whatever the kind of credential, and nothing is changed."""

import pytest
from botocore.exceptions import ClientError

from test_four_ways import WAYS
from test_refusals import ACL, BUCKET, NEVER, OBJECT, WRITES, ask

TRIED = {
    **{name: WRITES[name] for name in ("put_object", "delete_object", "delete_objects", "copy_object")},
    **{name: WRITES[name] for name in ("create_multipart_upload", "upload_part", "abort_multipart_upload")},
    **{name: NEVER[name] for name in ("create_bucket", "delete_bucket", "put_bucket_policy", "delete_bucket_policy")},
    **{name: NEVER[name] for name in ("get_bucket_policy", "put_object_tagging", "put_bucket_versioning")},
    "put_object_acl": {**OBJECT, **ACL},
    "put_bucket_acl": {**BUCKET, **ACL},
    "put_bucket_lifecycle_configuration": NEVER["put_bucket_lifecycle_configuration"],
    "put_bucket_cors": NEVER["put_bucket_cors"],
}
OTHERS = {
    "get_object": {"Bucket": "other", "Key": "secret.fits"},
    "head_object": {"Bucket": "other", "Key": "secret.fits"},
    "list_objects_v2": {"Bucket": "other"},
    "put_object": {"Bucket": "other", "Key": "x", "Body": b"x"},
}
SESSIONS = [way for way in WAYS if "EC2" not in way]


@pytest.fixture(scope="module", autouse=True)
def unchanged(curator, carol, published):
    """All that the bucket is: at the end it must be the same."""

    def content():
        s3 = curator.client()
        listing = s3.list_objects_v2(Bucket="m13")["Contents"]
        return (
            {item["Key"]: (item["Size"], item["ETag"]) for item in listing},
            s3.get_bucket_policy(Bucket="m13")["Policy"],
            s3.get_bucket_acl(Bucket="m13")["Grants"],
            s3.get_object_acl(**OBJECT)["Grants"],
            s3.list_multipart_uploads(Bucket="m13").get("Uploads"),
            s3.get_bucket_versioning(Bucket="m13").get("Status"),
            [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        )

    before = content()
    yield
    assert content() == before, "a refused request changed something"


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_writes_nothing(ways, way):
    s3 = ways[way].client()
    got = {operation: ask(s3, operation, arguments) for operation, arguments in TRIED.items()}
    assert got == dict.fromkeys(TRIED, "AccessDenied")


@pytest.mark.parametrize("way", WAYS)
def test_another_survey_is_closed(ways, way):
    s3 = ways[way].client()
    got = {operation: ask(s3, operation, arguments) for operation, arguments in OTHERS.items()}
    assert got == dict.fromkeys(OTHERS, "AccessDenied")
    copy = {"Bucket": "m13", "Key": "stolen", "CopySource": "other/secret.fits"}
    assert ask(s3, "copy_object", copy) == "AccessDenied"


def test_the_owner_could(curator):
    """So what was refused was refused to readers, and not because it cannot be done."""
    s3 = curator.client()
    assert ask(s3, "copy_object", TRIED["copy_object"]) is None
    assert ask(s3, "delete_object", {"Bucket": "m13", "Key": "copy.fits"}) is None


@pytest.mark.parametrize("way", WAYS)
def test_the_aws_command_line_is_refused_too(ways, tmp_path, way):
    (tmp_path / "x").write_text("x")
    keys = ways[way]
    assert keys.aws("s3", "cp", tmp_path / "x", "s3://m13/x", check=False).returncode != 0
    assert keys.aws("s3", "rm", f"s3://m13/{OBJECT['Key']}", check=False).returncode != 0


@pytest.mark.parametrize("way", SESSIONS)
def test_session_credentials_lengthen_themselves_by_no_action(stack, ways, way):
    sts = ways[way].client("sts")
    role = stack.surveys["m13"]["role"]
    for ask_for in (
        sts.get_session_token,
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="alice", DurationSeconds=43200),
    ):
        with pytest.raises(ClientError) as caught:
            ask_for()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_ec2_credential_for_one_survey_assumes_no_other_surveys_role(stack, ways):
    sts = ways["way 1, EC2 by openstack"].client("sts")
    with pytest.raises(ClientError) as caught:
        sts.assume_role(RoleArn=stack.surveys["other"]["role"], RoleSessionName="alice")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("lifetime", ["899", "43201", "3600.5", "1e3", "-900", "", True])
@pytest.mark.parametrize("method", ["sts-lite", "assume-role", "ec2"])
def test_a_lifetime_that_cannot_be_had_is_refused(alice, lifetime, method):
    answer = alice.ask_lease(method=method, lifetime=lifetime)
    assert answer.status_code == 400, answer.text


def test_a_person_in_no_group_gets_nothing(in_order):
    olive = in_order.person("olive")
    for method in ("sts-lite", "assume-role", "ec2"):
        answer = olive.ask_lease(method=method)
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "not_a_member"
    from sky import openstack

    assert openstack(olive, "m13-ro", "ec2", "credentials", "create", check=False).returncode != 0
