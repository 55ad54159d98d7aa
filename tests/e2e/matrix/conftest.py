"""A skykey whose leases end after seconds, images, a Butler repository of them, and somebody who is logged in."""

import subprocess

import numpy
import pytest
from astropy.io import fits

from sky import Sky
from test_command import Machine
from ways import EXAMPLES, LASTS, NOTEBOOK, WATCH_EVERY

CONFIG = """
[watch]
every = "{every}s"

[[survey]]
name = "m13"
images = "{images}"
# The second is for who publishes: its leases are not cut.
methods = ["gateway", "sts-lite"]
cut = "{lasts}s"
"""


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Two exposures as the example's Butler expects them."""
    folder = tmp_path_factory.mktemp("images")
    random = numpy.random.default_rng(13)
    for number, band in enumerate("gr", start=1):
        image = fits.PrimaryHDU(random.normal(200, 9, (128, 128)).astype(numpy.float32))
        image.header.update({
            "OBJECT": "M13", "FILTER": band, "DATE-OBS": f"2026-05-0{number}T22:00:00", "EXPTIME": 30.0, "BUNIT": "adu",
        })
        image.writeto(folder / f"m13-{band}.fits")
    return folder


@pytest.fixture(scope="session")
def sky(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("sky")
    config = folder / "skykey.toml"
    config.write_text(CONFIG.format(every=WATCH_EVERY, images=images, lasts=LASTS))
    with Sky(folder / "state", "--config", config) as sky:
        yield sky


@pytest.fixture(scope="session")
def bob(sky, tmp_path_factory):
    """bob's machine, logged in."""
    machine = Machine(sky, tmp_path_factory.mktemp("bob"))
    machine.login(sky.person("bob"))
    return machine


@pytest.fixture(scope="session")
def butler(sky):
    """carol publishes the Butler repository; the folder with its registry, from which readers use it."""
    curator = sky.person("carol").lease("m13", access="write", method="sts-lite", lifetime=3600)
    run = subprocess.run(
        [NOTEBOOK / "python", EXAMPLES / "publish_butler.py", "s3://m13/", "s3://m13/butler/"],
        env={**curator.env(), "PYTHONPATH": str(EXAMPLES)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    folder = sky.state.parent / "butler"
    folder.mkdir()
    curator.client().download_file("m13", "butler/registry.sqlite3", str(folder / "registry.sqlite3"))
    return folder
