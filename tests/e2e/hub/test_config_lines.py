"""The lines for the hub, as `skykey jupyter config` prints them and as docs/jupyterhub.md has them, under the spawners that
sites use. Spawners read their configuration by the names of their classes, so that is all that stands in for them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from hub import BINARIES
from sky import BIN

DOCS = Path(__file__).resolve().parents[3] / "docs" / "jupyterhub.md"
PORTAL = ["--portal", "https://skykey.example.org", "--s3", "https://s3.echo.example.org", "--survey", "lsst-dp1"]

# Loads each configuration as JupyterHub does, and prints the environment of a spawner of its class.
LOAD = """
import json, sys
from traitlets.config import Config
from jupyterhub.spawner import SimpleLocalProcessSpawner

found = []
for name, text in json.load(sys.stdin):
    c = Config()
    exec(text, {"c": c})
    spawner = type(name, (SimpleLocalProcessSpawner,), {})(config=c)
    spawner.api_token = "of-the-server"
    found.append({k: v(spawner) if callable(v) else v for k, v in spawner.environment.items()})
print(json.dumps(found))
"""
EXPECTED = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://skykey.example.org/jupyter/credentials?survey=lsst-dp1",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer of-the-server",
    "AWS_ENDPOINT_URL_S3": "https://s3.echo.example.org",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def python(program, stdin):
    run = subprocess.run([BINARIES / "python", "-c", program], input=stdin, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def printed():
    return subprocess.run([BIN, "jupyter", "config", *PORTAL], check=True, capture_output=True, text=True).stdout


def test_the_lines_reach_every_spawner_whatever_was_set_before(printed):
    assert len(printed.splitlines()) <= 6
    # Zero to JupyterHub sets an empty environment, which hides the general one.
    before = [
        f"c.{section}.environment = {value}"
        for section in ("Spawner", "KubeSpawner", "DockerSpawner")
        for value in ("{}", '{"MINE": "1"}')
    ]
    spawners = ("LocalProcessSpawner", "KubeSpawner", "DockerSpawner")
    told = [(name, f"{line}\n{printed}") for name in spawners for line in ["", *before]]
    for case, found in zip(told, python(LOAD, json.dumps(told)), strict=True):
        found.pop("MINE", None)
        assert found == EXPECTED, case


def test_the_documents_have_the_same_lines(printed):
    values = re.search(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL).group(1)
    told = python("import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))", values)
    assert told["hub"]["extraConfig"]["skykey"] == printed
    assert told["hub"]["loadRoles"]["skykey"]["scopes"] == ["read:servers", "delete:servers"]
    assert told["singleuser"]["networkPolicy"]["egress"][0]["ports"] == [{"protocol": "TCP", "port": 443}]
