"""A site as it comes is refused, and `skykey survey apply` brings it into order."""

import requests

from realsite import Keys
from test_refusals import ask

METHODS = ("sts-lite", "ec2", "assume-role")


def problem(person, **fields):
    answer = person.ask_lease(**fields)
    return answer.status_code, answer.json().get("error", {})


def test_nothing_is_issued_on_a_raw_site(site, readyz):
    bob = site.person("bob")
    status, error = problem(bob, method="ec2")
    assert (status, error["code"]) == (503, "not_read_only"), error
    assert "CreateBucket" in error["message"] and "survey apply" in error["hint"]
    status, error = problem(bob, method="sts-lite")
    assert status == 502 and error["code"] == "upstream_refused", error
    assert "survey apply" in error["message"], error
    ready, systems = readyz()
    assert not ready
    assert "readers can write (CreateBucket)" in systems["survey m13 by ec2"]["why"]
    # The public address shows the state, not the reason.
    public = requests.get(site.up["portal"] + "readyz")
    assert public.status_code == 503 and "why" not in public.text


def test_a_dry_run_shows_the_difference_and_changes_nothing(site, stack):
    def how_it_is():
        m13 = stack.surveys["m13"]
        data = stack.ec2("carol", "m13")
        code = ask(data, "get_bucket_policy", {"Bucket": m13["bucket"]})
        stack.login("carol", "m13").forget_ec2_credential(data.access)
        return code, stack.user("m13-ro"), stack.user_policies("m13-ro"), stack.user_policies("m13")

    before = how_it_is()
    assert before[0] == "NoSuchBucketPolicy" and before[1]["op_mask"] == "read, write, delete"
    told = site.command("survey", "apply", "--dry-run").stdout
    for part in ("survey m13", "survey other", "+ operations: read", "s3:GetObject", "sts:GetSessionToken"):
        assert part in told, told
    assert "  change     the policy of bucket m13" in told
    assert how_it_is() == before
    backend = stack.ec2_of(stack.told["users"]["skykey"]["id"])
    assert site.command("survey", "apply", "--dry-run", "m13").stdout.count("survey ") == 1
    after = stack.ec2_of(stack.told["users"]["skykey"]["id"])
    assert after == backend, "the EC2 credentials that it borrowed stayed behind"


def test_applied_everything_is_proved_and_leases_are_issued(in_order, stack, published, readyz, eventually):
    again = in_order.command("survey", "apply").stdout
    assert "change" not in again, again
    assert stack.user("m13-ro")["op_mask"] == "read"
    bob = in_order.person("bob")
    for survey in ("m13", "other"):
        for method in METHODS:
            eventually(lambda: bob.ask_lease(survey, method=method).status_code == 201, 60, f"{survey} by {method}")
    ready, systems = readyz()
    assert ready, systems
    for survey in ("m13", "other"):
        for method in METHODS:
            assert systems[f"survey {survey} by {method}"]["ok"]
    keys = bob.lease(method="sts-lite")
    assert isinstance(keys, Keys) and ask(keys, "list_objects_v2", {"Bucket": "m13"}) is None
