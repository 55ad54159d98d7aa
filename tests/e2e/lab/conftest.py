"""The demo survey, the environment that `skykey jupyter config` gives to a notebook server, and JupyterLab in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import BINARIES, EXAMPLES, NOTEBOOK, PROJECT, Browser, Lab, hub_environment
from sky import Sky

CONFIG = """
[watch]
every = "2s"

[jupyterhub]
url = "{hub}"

[[survey]]
name = "demo"
images = "{images}"
"""


@pytest.fixture(scope="session")
def demo_images(tmp_path_factory):
    """The star fields that a skykey without a configuration renders."""
    folder = tmp_path_factory.mktemp("demo")
    images = folder / "images"
    (images / "fields").mkdir(parents=True)
    with Sky(folder / "state") as sky:
        s3 = sky.person("bob").lease("demo").client()
        for found in s3.list_objects_v2(Bucket="demo", Prefix="fields/")["Contents"]:
            s3.download_file("demo", found["Key"], str(images / found["Key"]))
    return images


@pytest.fixture(scope="session")
def demo_sky(tmp_path_factory, hub, demo_images):
    """The demo survey beside a hub, which only a configuration can name."""
    folder = tmp_path_factory.mktemp("lab")
    config = folder / "skykey.toml"
    config.write_text(CONFIG.format(hub=hub.url, images=demo_images))
    with Sky(folder / "state", "--config", config) as sky:
        yield sky


@pytest.fixture(scope="session")
def server_environment(demo_sky, hub):
    """What the notebook server of somebody has."""

    def of(name):
        return hub_environment(demo_sky, hub.start_server(name))

    return of


@pytest.fixture(scope="session")
def butler(demo_sky):
    """carol publishes the Butler repository."""
    curator = demo_sky.person("carol").lease("demo", access="write", lifetime=43200)
    run = subprocess.run(
        [NOTEBOOK / "python", EXAMPLES / "publish_butler.py", "s3://demo/fields/", "s3://demo/butler/"],
        env={**curator.env(), "PYTHONPATH": str(EXAMPLES)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "12 images in s3://demo/butler/\n"
    return curator


@pytest.fixture(scope="session")
def extension(tmp_path_factory):
    """The extension, built and installed as pip does it, beside the environment of JupyterLab."""
    folder = tmp_path_factory.mktemp("extension")
    source = folder / "source"
    shutil.copytree(PROJECT / "python" / "skykey_jupyterlab", source)
    pip = ["-m", "pip", "--disable-pip-version-check", "-q"]
    build = [NOTEBOOK / "python", *pip, "wheel", "--no-build-isolation", "--no-deps", "-w", folder, source]
    subprocess.run(build, check=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    prefix = folder / "prefix"
    install = [BINARIES / "python", *pip, "install", "--no-deps", "--ignore-installed", "--prefix", prefix, wheel]
    subprocess.run(install, check=True, timeout=120)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "PYTHONPATH": str(prefix / "lib" / version / "site-packages"),
        "JUPYTER_PATH": str(prefix / "share" / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(prefix / "etc" / "jupyter"),
    }


@pytest.fixture(scope="session")
def lab(tmp_path_factory, server_environment, extension):
    """bob's JupyterLab."""
    with Lab(tmp_path_factory.mktemp("home"), {**server_environment("bob"), **extension}) as lab:
        yield lab


@pytest.fixture(scope="session")
def browser(lab, tmp_path_factory):
    shots = Path(os.environ.get("SKYKEY_SCREENSHOTS") or tmp_path_factory.mktemp("shots"))
    with Browser(lab, shots) as browser:
        yield browser
