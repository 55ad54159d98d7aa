"""docs/batch.md: its scripts, taken from the page and run as Slurm, HTCondor and Kubernetes would run them."""

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sky import AWS, BIN
from test_command import S5CMD, Machine

PAGE = (Path(__file__).parents[2] / "docs" / "batch.md").read_text()


def snippet(name):
    """What stands behind `<!-- test: NAME -->`."""
    [text] = re.findall(rf"^<!-- test: {name} -->\n```\w+\n(.*?)^```$", PAGE, re.M | re.S)
    return text


@pytest.fixture(scope="module")
def bob(sky, published, tmp_path_factory):
    """A home that the nodes see, with a login."""
    machine = Machine(sky, tmp_path_factory.mktemp("bob"))
    machine.login(sky.person("bob"))
    return machine


@pytest.fixture
def node(tmp_path):
    """What a node has in its path, and a `srun` that runs one task."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, path in {"skykey": BIN, "aws": AWS, "s5cmd": S5CMD}.items():
        (programs / name).symlink_to(Path(path).absolute())
    srun = programs / "srun"
    srun.write_text('#!/bin/sh\nexec "$@"\n')
    srun.chmod(0o755)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch, {"PATH": f"{programs}:/usr/bin:/bin", "TMPDIR": str(scratch)}


def run(script, env, cwd, *args):
    path = cwd / "script"
    path.write_text(script)
    path.chmod(0o755)
    return subprocess.run(
        [str(path), *args], env=env, cwd=cwd, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )


def test_a_slurm_array(bob, node):
    scratch, env = node
    for task in ("1", "2"):
        slurm = {"SLURM_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": task}
        done = run(snippet("slurm-exec"), {**bob.env, **env, **slurm}, scratch)
        assert done.returncode == 0, done.stderr
        assert (scratch / f"M13_blue_000{task}.fits").stat().st_size > 2880


def test_a_slurm_script_with_an_agent(bob, node):
    scratch, env = node
    done = run(snippet("slurm-agent"), {**bob.env, **env, "SLURM_JOB_ID": "17"}, scratch)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("M13_blue_0001.fits") == 2
    # The agent went with the script.
    assert not (scratch / "skykey-17" / "agent.env").exists()
    # Refused, the script ends instead of going on without credentials.
    nobody = {**bob.env, **env, "HOME": str(scratch), "SLURM_JOB_ID": "18"}
    done = run(snippet("slurm-agent").replace("60s", "1s"), nobody, scratch)
    assert done.returncode != 0 and "not logged in" in done.stderr and done.stdout == ""


def test_an_htcondor_job(sky, published, node):
    scratch, env = node
    creds = scratch / ".condor_creds"
    creds.mkdir()
    (creds / "iam.use").write_text(json.dumps({"access_token": sky.person("bob").token, "expires_in": 3600}))
    shutil.copy(BIN, scratch / "skykey")
    condor = {
        "_CONDOR_CREDS": str(creds),
        "_CONDOR_SCRATCH_DIR": str(scratch),
        "SKYKEY_PORTAL": sky.up["portal"],
    }
    done = run(snippet("htcondor"), {**env, **condor}, scratch, "0")
    assert done.returncode == 0, done.stderr
    assert (scratch / "M13_blue_0001.fits").stat().st_size > 2880


def test_a_kubernetes_sidecar(sky, published, tmp_path):
    """The sidecar's arguments and the job's variables, without the containers."""
    manifest = snippet("kubernetes")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for there, here in {"/run/": f"{tmp_path}/", "8980": str(port)}.items():
        manifest = manifest.replace(there, here)
    args = json.loads(re.search(r"args: (\[.*\])", manifest).group(1))
    probe = json.loads(re.search(r"exec: \{ command: (\[.*\]) \}", manifest).group(1))
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "token").write_text(sky.person("bob").token)
    (tmp_path / "skykey").mkdir()
    env = {"HOME": str(tmp_path / "skykey"), "SKYKEY_PORTAL": sky.up["portal"]}
    with subprocess.Popen([BIN, *args], env=env, stderr=subprocess.DEVNULL) as agent:
        try:
            for _ in range(600):
                if subprocess.run([BIN, *probe[1:]], env=env, capture_output=True, timeout=20).returncode == 0:
                    break
                assert agent.poll() is None
            variables = dict(re.findall(r'\{ name: (AWS_\w+), value: "?([^" ]+)"? \}', manifest))
            assert variables.keys() >= {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}
            variables["AWS_ENDPOINT_URL_S3"] = sky.s3
            program = "import boto3; print(boto3.client('s3').list_objects_v2(Bucket='m13')['KeyCount'])"
            job = subprocess.run(
                [sys.executable, "-c", program],
                env={"HOME": str(tmp_path), **variables},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert job.returncode == 0 and int(job.stdout) > 0, job.stderr
            line = f'. "{tmp_path}/skykey/agent/agent.env" && "{S5CMD}" ls s3://m13/'
            listed = subprocess.run(["sh", "-ec", line], env={"HOME": str(tmp_path)}, capture_output=True, timeout=60)
            assert b"M13_blue_0001.fits" in listed.stdout, listed.stderr
            with pytest.raises(requests.ConnectionError):
                requests.get(f"http://{other_address()}:{port}/health", timeout=5)
        finally:
            agent.terminate()
            assert agent.wait(20) == 0


def other_address():
    """An address of this machine that is not the one listened on."""
    return "127.0.0.2"


def test_every_script_of_the_page_is_run_here():
    named = set(re.findall(r"<!-- test: (\S+) -->", PAGE))
    assert named == {"slurm-exec", "slurm-agent", "htcondor", "kubernetes"}
