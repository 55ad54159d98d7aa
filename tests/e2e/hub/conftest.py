"""A real JupyterHub whose people log in at the embedded IAM, and whose notebook servers read the survey m13."""

import pytest

from hub import LASTS, WATCH_EVERY, Hub, free_ports
from sky import Sky

CONFIG = """
[watch]
every = "{every}s"

[jupyterhub]
url = "http://127.0.0.1:{port}/base/"
method = "gateway"

[[survey]]
name = "m13"
images = "{images}"
cut = "{lasts}s"
"""


@pytest.fixture(scope="session")
def hub_sky(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    images = folder / "images"
    images.mkdir()
    (images / "a.fits").write_bytes(b"SIMPLE  =                    T".ljust(2880))
    ports = free_ports(3)
    config = folder / "skykey.toml"
    config.write_text(CONFIG.format(every=WATCH_EVERY, port=ports[0], lasts=LASTS, images=images))
    with Sky(folder / "state", "--config", config) as sky, Hub(sky, folder, ports) as hub:
        yield hub


@pytest.fixture(scope="session")
def bob(hub_sky):
    """bob, logged in at the hub by the IAM's own form, with his notebook server running."""
    bob = hub_sky.sky.person("bob")
    hub_sky.log_in(bob)
    hub_sky.start_server("bob")
    return bob


@pytest.fixture(scope="session")
def kernel(hub_sky, bob):
    """A kernel of bob's that holds one boto3 client for as long as it lives."""
    return hub_sky.kernel("bob")
