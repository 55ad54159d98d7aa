"""The same with a hub whose people log in at a certified OpenID provider without SCIM, and with a hub of the line
before that stops the servers of people who were removed."""

import json
import sqlite3
import time

import pytest
import requests

from hub import WATCH_EVERY
from other_hubs import ASKS_AGAIN, LASTS, hub_at_the_provider, hub_that_stops, log_in_at_the_provider
from test_hub import BEGIN, credentials

# Asking in vain takes botocore three tries and two seconds.
IN_VAIN = 6
READ_ACROSS = """
keys, wrong = [], []
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    error = look()
    if error: wrong.append(error)
    if key() not in keys: keys.append(key())
    time.sleep(0.2)
print(json.dumps([keys, wrong]))
"""
# What is said instead of a client.
FIRST_TRY = """
import boto3, json, time
end = time.monotonic() + {seconds}
while True:
    try:
        boto3.client("s3").get_object(Bucket="m13", Key="a.fits")
        error = None
    except Exception as no:
        error = f"{{type(no).__name__}}: {{no}}"
    if error is None or time.monotonic() >= end: break
    time.sleep(0.5)
print(json.dumps(error))
"""
# What is said once it reads, or reads no more.
UNTIL = """
end = time.monotonic() + {seconds}
while time.monotonic() < end and ((error := look()) is None) != {reads}:
    time.sleep(0.1)
print(json.dumps(error))
"""
TOKEN = "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])"


def reads_across(kernel, expiries):
    keys, wrong = json.loads(kernel.run(READ_ACROSS.format(seconds=(expiries + 0.5) * LASTS)))
    assert not wrong, wrong
    assert len(keys) > expiries, keys


def ends_with(kernel, reads, seconds):
    error = json.loads(kernel.run(UNTIL.format(reads=reads, seconds=seconds)))
    assert (error is None) == reads, error
    return error


def who_has(hub, token):
    """What the hub says to a token."""
    return requests.get(hub.url + "hub/api/user", headers={"Authorization": f"token {token}"}).status_code


def eventually(what, seconds):
    deadline = time.monotonic() + seconds
    while not (seen := what()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
    return seen


@pytest.fixture(scope="module")
def at_provider(tmp_path_factory, hub_sky):
    with hub_at_the_provider(tmp_path_factory.mktemp("at-provider"), hub_sky.sky) as hub:
        yield hub


@pytest.fixture(scope="module")
def ada(at_provider):
    """ada's browser, logged in at the hub and not at the portal."""
    browser = requests.Session()
    log_in_at_the_provider(at_provider, browser, "ada")
    at_provider.start_server("ada")
    return browser


@pytest.fixture(scope="module")
def adas_kernel(at_provider, ada):
    return at_provider.kernel("ada")


def test_without_scim_a_person_new_to_the_portal_is_sent_there_once(at_provider, ada, adas_kernel):
    portal = at_provider.sky.up["portal"]
    # Without credentials boto3 does not even make a client.
    error = json.loads(adas_kernel.run(FIRST_TRY.format(seconds=0)))
    assert error.startswith("CredentialRetrievalError") and f"log in once at {portal}, then continue here" in error, error
    at_provider.provider.log_in_at_portal(portal, "ada", ada)
    assert json.loads(adas_kernel.run(FIRST_TRY.format(seconds=20))) is None
    adas_kernel.run(BEGIN)
    ends_with(adas_kernel, True, 1)


def test_at_the_provider_one_client_reads_across_three_expiries(adas_kernel):
    reads_across(adas_kernel, 3)


def test_at_the_provider_a_removal_stops_it_and_readmission_recovers(at_provider, adas_kernel):
    at_provider.provider.put_in("ada", "some/thing")
    ends_with(adas_kernel, False, WATCH_EVERY + IN_VAIN)
    # By now the keys have ended, and botocore says why there are none.
    time.sleep(LASTS)
    assert "removed from m13/readers at " in ends_with(adas_kernel, False, 1)
    at_provider.provider.put_in("ada", "m13/readers")
    ends_with(adas_kernel, True, 20)


def test_a_person_deleted_at_the_provider_is_refused_by_skykey_and_by_the_hub(at_provider, adas_kernel):
    token = adas_kernel.run(TOKEN).strip()
    assert (credentials(at_provider, token).status_code, who_has(at_provider, token)) == (200, 200)
    at_provider.provider.delete("ada")
    # skykey asks by itself: the hub's word of a moment ago, or a hub that never asks again, changes nothing.
    eventually(lambda: credentials(at_provider, token).status_code == 403, WATCH_EVERY + 4)
    refused = credentials(at_provider, token)
    # Without the account there is no login either that could tell.
    assert refused.json()["code"] in ("account_inactive", "needs_login"), refused.text
    # The hub, which is strict, asks the provider again when its last answer is old.
    eventually(lambda: who_has(at_provider, token) == 403, ASKS_AGAIN + 10)
    assert credentials(at_provider, token).status_code in (401, 403)
    assert not at_provider.api("POST", "hub/api/users/ada/server").ok, "no new server either"


@pytest.fixture(scope="module")
def stopping(tmp_path_factory):
    with hub_that_stops(tmp_path_factory.mktemp("stopping")) as hub:
        yield hub


@pytest.fixture(scope="module")
def bob_there(stopping):
    bob = stopping.sky.person("bob")
    stopping.log_in(bob)
    stopping.start_server("bob")
    return bob


def servers_of(hub, name):
    return hub.api("GET", f"hub/api/users/{name}").json()["servers"]


def test_a_hub_of_the_line_before_reads_across_an_expiry(stopping, bob_there):
    kernel = stopping.kernel("bob")
    kernel.run(BEGIN)
    reads_across(kernel, 1)


def test_a_removed_persons_server_is_stopped_and_starts_again_when_they_are_back(stopping, bob_there):
    kernel = stopping.kernel("bob")
    token = kernel.run(TOKEN).strip()
    assert (credentials(stopping, token).status_code, who_has(stopping, token)) == (200, 200)
    olive = stopping.sky.person("olive")
    olive.remove(bob_there)
    begun = time.monotonic()
    eventually(lambda: not servers_of(stopping, "bob"), WATCH_EVERY + 20)
    print(f"\nthe server was gone after {time.monotonic() - begun:.1f} s")
    assert who_has(stopping, token) == 403
    assert credentials(stopping, token).status_code in (401, 403)
    with sqlite3.connect(f"file:{stopping.sky.state}/broker.db?mode=ro", uri=True) as database:
        asked = "select username, outcome, reason from audit where action = 'stop-servers'"
        rows = eventually(lambda: database.execute(asked).fetchall(), 10)
    assert rows == [("bob", "yes", "no longer in a group that may read m13; 1 notebook server stopped")]
    bob_there.ask_to_join()
    olive.approve("bob")
    stopping.start_server("bob")
    again = stopping.kernel("bob")
    again.run(BEGIN)
    ends_with(again, True, 20)
