"""One site for the whole run. The files tell one story, so their order matters: see ORDER."""

import json
import os
import time

import pytest
import requests

from realsite import Site, Stack

ORDER = [
    "test_into_order",
    "test_four_ways",
    "test_real_command",
    "test_machines",
    "test_real_refusals",
    "test_expiry",
    "test_too_wide",
    "test_real_removal",
    "test_suspension",
    "test_tls_and_health",
    "test_another_provider",
    "test_real_secrets",
]


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.path.stem
        return ORDER.index(name) if name in ORDER else -1

    items.sort(key=place)


@pytest.fixture(scope="session")
def stack():
    file = os.environ.get("SKYKEY_REALSTACK")
    if not file:
        why = "SKYKEY_REALSTACK does not name the stack.json of a real Keystone and Ceph; tests/run real starts them"
        assert os.environ.get("CI") != "true", why
        pytest.skip(why)
    return Stack(file)


@pytest.fixture(scope="session")
def site(tmp_path_factory, stack):
    """skykey for the real systems as they come: nobody has brought them into order. Keystone trusts its IAM."""
    stack.make_raw()
    with Site(tmp_path_factory.mktemp("site"), stack) as site:
        stack.run("trust", site.up["iam"])
        yield site
        assert site.process.poll() is None, f"skykey died:\n{site.log.read_text()[-4000:]}"


@pytest.fixture(scope="session")
def in_order(site):
    """The site, brought into order by skykey."""
    site.command("survey", "apply")
    return site


@pytest.fixture(scope="session")
def carol(site):
    return site.person("carol")


@pytest.fixture(scope="session")
def curator(site, carol):
    """carol's EC2 credential of the data's project, made by the real `openstack` command."""
    return carol.ec2_from_openstack("m13")


@pytest.fixture(scope="session")
def published(curator, images, carol):
    """carol uploads the images with the aws command line, and something into the other survey."""
    curator.aws("s3", "cp", "--recursive", "--quiet", images, "s3://m13/")
    other = carol.ec2_from_openstack("other")
    other.client().put_object(Bucket="other", Key="secret.fits", Body=b"SIMPLE  =                    T".ljust(2880))
    return images


@pytest.fixture(scope="session")
def alice(in_order):
    """alice, who has asked to join and whom olive has accepted."""
    alice = in_order.person("alice")
    denied = alice.ask_lease()
    assert denied.status_code == 403 and denied.json()["error"]["code"] == "not_a_member", denied.text
    alice.ask_to_join()
    in_order.person("olive").approve("alice")
    return alice


@pytest.fixture(scope="session")
def ways(in_order, alice, published):
    """alice's credentials by each way; for an hour and for twelve."""
    from test_portal import keys_of_page

    made = alice.ec2_from_openstack("m13-ro")
    exchanged = json.loads(made.aws("sts", "get-session-token", "--duration-seconds", "3600").stdout)
    ways = {
        "way 1, EC2 by openstack": made,
        "way 1, EC2 by skykey": alice.lease(method="ec2"),
        "way 2, aws sts get-session-token": type(made).of_sts(in_order, exchanged),
        "way 2, by skykey": alice.lease(method="sts-lite", key="own"),
        "way 2, by skykey, assume-role": alice.lease(method="assume-role", key="own"),
    }
    for method in ("sts-lite", "assume-role"):
        for lifetime in (3600, 43200):
            ways[f"way 3, API, {method}, {lifetime} s"] = alice.lease(method=method, lifetime=lifetime)
        page = alice.portal_lease(method=method, lifetime="3600")
        assert page.status_code == 200, page.text
        ways[f"way 3, portal, {method}"] = keys_of_page(in_order, page)
    return ways


@pytest.fixture
def readyz(site):
    """Return what /readyz says: whether all systems work, and each system by its name."""

    def ask(site=site):
        answer = requests.get(site.health + "readyz")
        systems = {system["name"]: system for system in answer.json()["systems"]}
        # Not ready in part, it still serves: 503 is for when nothing can be leased.
        assert answer.status_code == 200 or not answer.json()["ready"]
        return answer.json()["ready"], systems

    return ask


def wait_until(so, seconds, what):
    """Waits until something is so; for what happens in its own time at a real system. How long it took."""
    begun = time.monotonic()
    while not so():
        assert time.monotonic() - begun < seconds, f"{what}: not so after {seconds} s"
        time.sleep(0.5)
    return time.monotonic() - begun


@pytest.fixture(scope="session")
def eventually():
    return wait_until
