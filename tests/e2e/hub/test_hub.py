"""What somebody with a notebook sees, who does nothing for it: one client in one kernel, for as long as they may."""

import json
import time

import requests

from hub import LASTS, WATCH_EVERY

BEGIN = """
import json, os, time
import boto3
from botocore.config import Config

s3 = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))

def look():
    try:
        s3.get_object(Bucket="m13", Key="a.fits")["Body"].read()
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def key():
    return s3._request_signer._credentials.access_key
"""


def test_one_client_reads_across_expiries(kernel):
    kernel.run(BEGIN)
    seconds = 3 * LASTS
    watched = kernel.run(
        f"""
keys, wrong, reads, slowest = [], [], 0, 0
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    begun = time.monotonic()
    error = look()
    slowest = max(slowest, time.monotonic() - begun)
    reads += 1
    if error: wrong.append(error)
    if key() not in keys: keys.append(key())
    time.sleep(0.2)
print(json.dumps([keys, wrong, reads, slowest]))
"""
    )
    keys, wrong, reads, slowest = json.loads(watched)
    print(f"\n{reads} reads in {seconds} s with {len(keys)} sets of credentials, the slowest took {slowest:.2f} s")
    assert not wrong, wrong
    # Three have expired, and one works.
    assert len(keys) >= 4, keys


def test_a_removal_stops_it_with_a_sentence_and_readmission_recovers(hub_sky, bob, kernel):
    olive = hub_sky.sky.person("olive")
    olive.remove(bob)
    seen = kernel.run(
        f"""
begun = time.monotonic()
while time.monotonic() < begun + 60 and (error := look()) is None:
    time.sleep(0.1)
stopped = time.monotonic() - begun
time.sleep({LASTS})
print(json.dumps([stopped, error, look()]))
"""
    )
    stopped, first, later = json.loads(seen)
    print(f"\nthe first refusal after {stopped:.1f} s: {first}\nlater: {later}")
    # Asking in vain takes botocore three tries and two seconds.
    assert stopped < WATCH_EVERY + 6
    assert later.startswith("CredentialRetrievalError"), later
    for words in ("removed from m13/readers at ", "ask to join again at http"):
        assert words in later, later
    bob.ask_to_join()
    olive.approve("bob")
    again = kernel.run(
        """
end = time.monotonic() + 30
while time.monotonic() < end and (error := look()) is not None:
    time.sleep(0.5)
print(json.dumps(error))
"""
    )
    assert json.loads(again) is None, "the same client works again"


def credentials(hub, token):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(hub.sky.up["portal"] + "jupyter/credentials?survey=m13", headers=headers)


def test_only_a_live_servers_own_token_counts(hub_sky, bob, kernel):
    token = kernel.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
    assert credentials(hub_sky, token).status_code == 200
    # A wrong one, and the service's, which may do much more at the hub.
    assert credentials(hub_sky, token[::-1]).status_code == 401
    service = credentials(hub_sky, hub_sky.token)
    assert service.status_code == 403 and service.json()["code"] == "not_a_server", service.text
    hub_sky.stop_server("bob")
    # A yes of the hub is believed for 30 s.
    deadline = time.monotonic() + 35
    while (answer := credentials(hub_sky, token)).status_code == 200:
        assert time.monotonic() < deadline, "a stopped server's token still counts"
        time.sleep(1)
    assert answer.status_code == 401 and "start the server again" in answer.json()["message"], answer.text
