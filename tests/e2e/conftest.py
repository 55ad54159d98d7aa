"""One skykey for most tests: the survey `m13`, whose images carol uploads, and the survey `other`."""

import os
from pathlib import Path

import numpy
import pytest
from astropy.io import fits

from scripted_hub import ScriptedHub
from sky import Sky

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "sky"
WATCH_EVERY = 2
LOG_LINES = 40

CONFIG = """
[watch]
every = "{every}s"

[ec2]
kept = "2s"

[jupyterhub]
url = "{hub}"

[[survey]]
name = "m13"
title = "The globular cluster M13"

[[survey]]
name = "other"
images = "{other}"
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Adds to a failed story what each skykey that it used logged at the end, and where the log is."""
    report = yield
    if report.failed:
        for sky in (value for value in item.funcargs.values() if isinstance(value, Sky)):
            lines = sky.log.read_text(errors="replace").splitlines() if sky.log.exists() else []
            report.sections.append((f"last lines of {sky.log}", "\n".join(lines[-LOG_LINES:])))
    return report


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Real images where they lie beside the checkout, our own elsewhere."""
    if SHARED.is_dir():
        return SHARED
    assert os.environ.get("CI") != "true", f"the real images are not at {SHARED}"
    folder = tmp_path_factory.mktemp("images")
    random = numpy.random.default_rng(13)
    for number in range(1, 6):
        pixels = random.poisson(800, (1040, 1392)).astype(numpy.uint16)
        fits.PrimaryHDU(pixels).writeto(folder / f"M13_blue_{number:04}.fits")
    return folder


@pytest.fixture(scope="session")
def hub():
    """A scripted JupyterHub that knows given tokens; tests/e2e/hub has a real one."""
    with ScriptedHub() as hub:
        yield hub


@pytest.fixture(scope="session")
def sky(tmp_path_factory, hub):
    folder = tmp_path_factory.mktemp("sky")
    other = folder / "other"
    other.mkdir()
    (other / "secret.fits").write_bytes(b"SIMPLE  =                    T".ljust(2880))
    config = folder / "skykey.toml"
    config.write_text(CONFIG.format(every=WATCH_EVERY, other=other, hub=hub.url))
    with Sky(folder / "state", "--config", config) as sky:
        yield sky
        assert sky.process.poll() is None, f"skykey died:\n{sky.log.read_text()[-4000:]}"


@pytest.fixture(scope="session")
def curator(sky):
    """carol's credentials that write."""
    return sky.person("carol").lease(access="write", lifetime=43200)


@pytest.fixture(scope="session")
def published(sky, curator, images):
    """carol uploads the images with the aws command line."""
    curator.aws("s3", "cp", "--recursive", "--quiet", images, "s3://m13/")
    return images


@pytest.fixture(scope="session")
def alice(sky):
    """alice, who has asked to join and whom olive has accepted."""
    alice = sky.person("alice")
    denied = alice.ask_lease()
    assert denied.status_code == 403 and denied.json()["error"]["code"] == "not_a_member", denied.text
    alice.ask_to_join()
    sky.person("olive").approve("alice")
    return alice


@pytest.fixture(scope="session")
def ways(sky, alice, published):
    """alice's credentials by each way."""
    ec2 = alice.ec2_from_openstack("m13-ro")
    return {
        "way 1, EC2": ec2,
        "way 2, GetSessionToken": ec2.session_token(),
        "way 3, sts-lite": alice.lease(method="sts-lite"),
        "way 3, gateway": alice.lease(method="gateway"),
        "way 3, ec2": alice.lease(method="ec2"),
    }
