"""olive removes alice. What was promised about it is true: what ends at once, what within 300 s, what later."""

import hashlib
import time

import pytest
import requests

from realsite import WATCH_EVERY, Refused
from sky import openstack
from test_refusals import ask

LIST = ("list_objects_v2", {"Bucket": "m13"})


@pytest.fixture(scope="module")
def removed(in_order, stack, alice, ways, eventually):
    """alice, removed after she leased by every method: her credentials by what they are."""
    keys = {method: alice.lease(method=method) for method in ("sts-lite", "assume-role")}
    keys["warm EC2"] = alice.ec2_from_openstack("m13-ro")
    keys["cold EC2"] = alice.lease(method="ec2")
    keys["cold EC2 by openstack"] = alice.ec2_from_openstack("m13-ro")
    keys["made at Echo itself"] = keys["warm EC2"].session_token(DurationSeconds=43_200)
    for name in ("sts-lite", "assume-role", "warm EC2", "made at Echo itself"):
        assert ask(keys[name], *LIST) is None, name
    in_order.person("olive").remove(alice)
    begun = time.monotonic()
    eventually(lambda: state_of(alice, keys["cold EC2"]) == "removed", WATCH_EVERY + 5, "the watch sees it")
    print(f"seen after {time.monotonic() - begun:.1f} s (watch every {WATCH_EVERY} s)")
    return keys


def state_of(person, keys):
    leases = requests.get(person.portal("api/v1/leases"), headers=person.bearer).json()["leases"]
    return next(lease["state"] for lease in leases if lease["id"] == keys.lease["id"])


def test_every_lease_is_removed_and_renewal_is_refused_with_a_sentence(alice, removed):
    leases = requests.get(alice.portal("api/v1/leases"), headers=alice.bearer).json()["leases"]
    assert {lease["state"] for lease in leases} == {"removed"}
    for method in ("sts-lite", "assume-role", "ec2"):
        answer = alice.ask_lease(method=method)
        error = answer.json()["error"]
        assert answer.status_code == 403 and error["code"] == "not_a_member"
        assert "not a member of m13/readers" in error["message"] and "ask to join" in error["hint"]
    page = alice.portal_lease()
    assert page.status_code == 403 and "not a member of m13/readers" in page.text.replace("&#x2f;", "/")
    assert openstack(alice, "m13-ro", "ec2", "credentials", "create", check=False).returncode != 0


def test_her_ec2_credentials_are_gone_from_keystone(in_order, stack, removed, eventually):
    keystone = stack.login("skykey-admin", "service")

    def gone(keys):
        try:
            keystone.ask("GET", f"/credentials/{hashlib.sha256(keys.access.encode()).hexdigest()}")
        except Refused as refused:
            assert refused.status == 404, refused
            return True
        return False

    assert not gone(in_order.person("bob").lease(method="ec2"))
    for name in ("cold EC2", "cold EC2 by openstack", "warm EC2"):
        eventually(lambda: gone(removed[name]), WATCH_EVERY + 10, f"{name} is deleted")


def test_an_ec2_credential_that_ceph_has_not_met_is_refused_at_once(removed):
    for name in ("cold EC2", "cold EC2 by openstack"):
        assert ask(removed[name], *LIST) == "InvalidAccessKeyId", name


def test_what_is_said_of_the_others_is_true(removed, alice):
    """Ceph remembers an EC2 credential for 300 s, and session tokens for good: that is what a lease says."""
    assert removed["sts-lite"].lease["after_removal"]["code"] == "works-until-expiry"
    assert removed["assume-role"].lease["after_removal"]["code"] == "works-until-expiry"
    assert removed["cold EC2"].lease["after_removal"] == {
        "code": "works-for-seconds",
        "seconds": 300,
        "own_tokens_seconds": 43_500,
        "seen_within": WATCH_EVERY,
        "words": removed["cold EC2"].lease["after_removal"]["words"],
    }
    for name in ("sts-lite", "assume-role", "warm EC2", "made at Echo itself"):
        assert ask(removed[name], *LIST) is None, name


def test_what_the_removed_made_at_echo_itself_counts_when_the_project_is_to_be_suspended(in_order, removed):
    told = in_order.revoke("m13-ro", check=False).stdout
    assert "made at Echo's own STS" in told and "up to 43200 s" in told, told


def test_everybody_else_goes_on(in_order, curator, removed):
    assert ask(curator, *LIST) is None
    assert ask(in_order.person("bob").lease(method="sts-lite"), *LIST) is None
