"""The portal goes away in the middle of things, and comes back: with a signal, and without one."""

import sqlite3
import threading
import time

import boto3
import pytest
import requests
from botocore.credentials import ContainerProvider, CredentialResolver
from botocore.session import Session

from scripted_hub import ScriptedHub
from sky import Keys, Sky

CONFIG = """
[watch]
every = "2s"

[jupyterhub]
url = "{hub}"
survey = "m13"

[[survey]]
name = "m13"
images = "{images}"
"""
REQUESTS = 100


@pytest.fixture
def hub_sky(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.fits").write_bytes(b"SIMPLE  =                    T".ljust(2880))
    config = tmp_path / "skykey.toml"
    with ScriptedHub() as hub:
        config.write_text(CONFIG.format(hub=hub.url, images=images))
        with Sky(tmp_path / "state", "--config", config) as sky:
            yield sky, hub


def notebook(sky, token):
    """A client as a kernel makes it, with the variables of its notebook server."""
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": sky.up["portal"] + "jupyter/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": f"Bearer {token}",
    }
    session = Session()
    session.register_component("credential_provider", CredentialResolver([ContainerProvider(environ=environ)]))
    return boto3.Session(botocore_session=session).client(
        "s3", endpoint_url=sky.s3, region_name=sky.up["region"]
    )


def key_of(client):
    return client._request_signer._credentials.get_frozen_credentials().access_key


def read(client):
    return client.get_object(Bucket="m13", Key="a.fits")["Body"].read()


def leases_on_disk(sky):
    """The access key ids of all leases, as a process that was killed left them."""
    with sqlite3.connect(f"file:{sky.state / 'broker.db'}?mode=ro", uri=True) as database:
        return {key for (key,) in database.execute("SELECT access_key_id FROM lease")}


def test_a_kernel_goes_on_over_two_restarts_in_a_row(hub_sky):
    sky, hub = hub_sky
    token = hub.start_server("bob")
    client = notebook(sky, token)
    image = read(client)
    first = key_of(client)
    for _ in range(2):
        assert sky.stop() == 0
        sky.start()
    # What it holds works, and needs nobody.
    assert read(client) == image and key_of(client) == first
    # The next kernel gets new ones, since the portal kept none in clear; the one after it the same.
    others = [notebook(sky, token) for _ in range(2)]
    assert [read(other) for other in others] == [image, image]
    second = {key_of(other) for other in others}
    assert len(second) == 1 and first not in second
    assert leases_on_disk(sky) == {first, *second}


def test_what_was_revoked_stays_so_over_kill_9(hub_sky):
    sky, hub = hub_sky
    client = notebook(sky, hub.start_server("bob"))
    read(client)
    sky.person("olive").remove(sky.person("bob"))
    deadline = time.monotonic() + 20
    while True:
        try:
            read(client)
        except client.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
            break
        assert time.monotonic() < deadline, "the removal is not seen"
        time.sleep(0.1)
    sky.process.kill()
    sky.process.wait()
    sky.start()
    with pytest.raises(client.exceptions.ClientError):
        read(client)


@pytest.mark.parametrize("method", ["gateway", "sts-lite"])
def test_kill_9_among_a_hundred_requests_loses_no_lease_that_was_handed_out(hub_sky, method):
    sky, _ = hub_sky
    acknowledged, hung = set(), 0
    for delay in (0.02, 0.1, 0.3):
        bob = sky.person("bob")
        assert bob.token and bob.ask_lease(method=method).status_code == 201
        handed_out, killed = [], None
        begin = threading.Barrier(REQUESTS + 1)

        def ask():
            begin.wait()
            try:
                answer = requests.post(
                    bob.portal("api/v1/leases"),
                    headers=bob.bearer,
                    json={"survey": "m13", "method": method},
                    timeout=30,
                )
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                return
            assert answer.status_code == 201, answer.text
            handed_out.append(Keys.of_api(sky, answer.json()).access)

        askers = [threading.Thread(target=ask) for _ in range(REQUESTS)]
        for asker in askers:
            asker.start()
        begin.wait()
        time.sleep(delay)
        sky.process.kill()
        killed = time.monotonic()
        sky.process.wait()
        for asker in askers:
            asker.join(max(0, killed + 10 - time.monotonic()))
            hung += asker.is_alive()
        assert set(handed_out) <= leases_on_disk(sky), "a lease was handed out that nobody wrote down"
        acknowledged |= set(handed_out)
        sky.start()
    assert hung == 0
    assert acknowledged <= leases_on_disk(sky)
    bob = sky.person("bob")
    listed = requests.get(bob.portal("api/v1/leases"), headers=bob.bearer).json()["leases"]
    assert len(acknowledged) <= len(listed)
    print(f"{len(acknowledged)} of {3 * REQUESTS} were answered before three kill -9; all are written down")
