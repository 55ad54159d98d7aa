"""A bucket policy becomes too wide. The proof finds it, issuing stops, and resumes after the repair."""

import json

import pytest

from test_refusals import ask

OOPS = "everybody may write"


@pytest.fixture
def widened(site, stack, curator, published):
    """carol lets everybody put objects, and an operator has lifted the limit of the readers' project."""
    s3 = curator.client()
    before = s3.get_bucket_policy(Bucket="m13")["Policy"]
    policy = json.loads(before)
    policy["Statement"].append(
        {
            "Sid": OOPS,
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "Resource": ["arn:aws:s3:::m13/*"],
        }
    )
    s3.put_bucket_policy(Bucket="m13", Policy=json.dumps(policy))
    yield s3, before
    s3.put_bucket_policy(Bucket="m13", Policy=before)
    site.command("survey", "apply", "m13")


def error_of(person, **fields):
    answer = person.ask_lease(**fields)
    return answer.json().get("error", {}).get("code")


def test_a_policy_that_lets_everybody_write_stops_issuing(in_order, alice, stack, widened, readyz, eventually):
    s3, before = widened
    keys = sorted(item["Key"] for item in s3.list_objects_v2(Bucket="m13")["Contents"])
    # The project's own limit still holds; it takes both to be wrong for session tokens and EC2 credentials.
    assert ask(alice.lease(method="sts-lite"), "put_object", {"Bucket": "m13", "Key": "x", "Body": b"x"}) == "AccessDenied"
    stack.limit("m13-ro", "read,write,delete")
    reader = alice.lease(method="ec2")
    assert ask(reader, "put_object", {"Bucket": "m13", "Key": "oops", "Body": b"x"}) is None
    assert ask(reader, "delete_object", {"Bucket": "m13", "Key": "oops"}) is None

    # Every minute it is proved anew.
    took = eventually(lambda: error_of(alice, method="ec2") == "not_read_only", 75, "issuing stops")
    print(f"issuing stopped after {took:.0f} s")
    error = alice.ask_lease(method="ec2").json()["error"]
    assert "PutObject" in error["message"] and "DeleteObject" in error["message"]
    ready, systems = readyz()
    assert not ready and "readers can write" in systems["survey m13 by ec2"]["why"]
    assert "PutObject" in systems["survey m13 by ec2"]["why"]
    # The other survey still issues leases.
    assert in_order.person("bob").ask_lease("other", method="ec2").status_code == 201
    # The proof left nothing behind.
    assert sorted(item["Key"] for item in s3.list_objects_v2(Bucket="m13")["Contents"]) == keys

    told = in_order.command("survey", "apply", "--dry-run", "m13").stdout
    assert OOPS in told and "everybody" in told, told
    assert json.loads(s3.get_bucket_policy(Bucket="m13")["Policy"])["Statement"][-1]["Sid"] == OOPS
    # skykey reports what others made and never changes it; restoring the limit is enough.
    told = in_order.command("survey", "apply", "m13").stdout
    assert OOPS in told and "done" in told, told
    assert stack.user("m13-ro")["op_mask"] == "read"
    s3.put_bucket_policy(Bucket="m13", Policy=before)
    for method in ("sts-lite", "ec2", "assume-role"):
        eventually(lambda: alice.ask_lease(method=method).status_code == 201, 45, f"{method} resumes")
    eventually(lambda: readyz()[0], 45, "ready again")
    assert OOPS not in in_order.command("survey", "apply", "--dry-run", "m13").stdout
