"""A lease ends. The shortest that Ceph gives is 900 s, and nobody waits for it: a second gateway over the same data,
with the same key for session tokens, has a clock that is 901 s ahead."""

import datetime
import json

import pytest

from realsite import free_base_port
from rest import Signed

AHEAD = 901


def signed(url, keys, ahead):
    """The status of a list of the bucket, signed by a clock that is ahead as well."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead)
    return Signed(url, keys.access, keys.secret, keys.token).ask("GET", "/m13", "max-keys=1", at=at)


@pytest.fixture(scope="module")
def later(stack):
    port = str(free_base_port())
    url = stack.run("gateway", "later", port, f"clock=+{AHEAD}s").split()[-1]
    yield url
    stack.run("gateway", "later", "stop")


@pytest.mark.parametrize("method", ["sts-lite", "assume-role"])
def test_a_lease_of_900_s_is_refused_a_second_after_its_end(in_order, stack, alice, published, later, method):
    short, long = alice.lease(method=method, lifetime=900), alice.lease(method=method, lifetime=3600)
    end = datetime.datetime.fromisoformat(short.expiration)
    left = (end - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 890 < left <= 900
    assert signed(stack.rgw, short, 0)[0] == 200
    status, body = signed(later, short, AHEAD)
    assert status == 403 and b"<Code>AccessDenied</Code>" in body, body
    # It is the time that decides: what lasts longer is good there.
    assert signed(later, long, AHEAD)[0] == 200
    # And the lease itself is not one to be lengthened: a new one has other keys.
    assert alice.lease(method=method, lifetime=900).access != short.access


def test_way_2_ends_likewise(stack, ways, later):
    made = ways["way 1, EC2 by openstack"]
    answer = json.loads(made.aws("sts", "get-session-token", "--duration-seconds", "900").stdout)
    keys = type(made).of_sts(made.sky, answer)
    assert signed(stack.rgw, keys, 0)[0] == 200
    assert signed(later, keys, AHEAD)[0] == 403
