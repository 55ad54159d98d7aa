"""`skykey agent`: one process that keeps credentials fresh for everything on a machine, and other identities than
a login."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from sky import AWS, BIN, PRODUCED
from test_command import GROUP, S5CMD, Machine

LIST = """
import os, sys, boto3
s3 = boto3.client("s3", config=__import__("botocore").config.Config(retries={"total_max_attempts": 1}))
for line in sys.stdin:
    try:
        print(s3.list_objects_v2(Bucket=line.strip())["KeyCount"], s3._request_signer._credentials.access_key, flush=True)
    except Exception as error:
        print("no:", " ".join(str(error).split()), flush=True)
    # Nearly spent, as far as boto3 knows: the next request asks for others.
    s3._request_signer._credentials._expiry_time = s3._request_signer._credentials._time_fetcher()
"""


class Agent:
    """A running `skykey agent`, and the environment of a shell that uses it."""

    def __init__(self, machine, *args, survey="m13", env=None, wait=True):
        self.machine = machine
        survey = ["--survey", survey] if survey else []
        self.log = machine.home / "agent.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [BIN, "agent", *survey, *map(str, args)], env={**machine.env, **(env or {})}, stdout=log, stderr=log
            )
        self.folder = machine.home / ".local/state/skykey/agent" / os.uname().nodename
        if wait:
            machine.run("agent", "env", "--wait", "30s")
            self.env = shell(machine)
            self.url = self.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
            self.bearer = self.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
            PRODUCED.add(self.bearer.removeprefix("Bearer "))

    def ask(self, path="credentials", **headers):
        return requests.get(self.url.replace("credentials", path), headers=headers, timeout=10)

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def shell(machine):
    """The environment of a shell that has taken the agent's lines, among keys of another place."""
    mine = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_PROFILE": "mine"}
    script = f'eval "$({BIN} agent env)" && env -0'
    run = subprocess.run(["sh", "-ec", script], env={**machine.env, **mine}, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    env = dict(line.split("=", 1) for line in run.stdout.split("\0") if line)
    assert not mine.keys() & env.keys()
    return env


@contextmanager
def job(env):
    """A process with one boto3 client; `ask(bucket)` lists with it."""
    with subprocess.Popen(
        [sys.executable, "-c", LIST], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:

        def ask(bucket):
            run.stdin.write(f"{bucket}\n")
            run.stdin.flush()
            return run.stdout.readline().strip()

        yield ask
        run.stdin.close()
        assert run.wait(30) == 0


def tool(env, *command):
    return subprocess.run([*map(str, command)], env=env, capture_output=True, text=True, timeout=60)


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def bob(sky, published, tmp_path_factory):
    machine = Machine(sky, tmp_path_factory.mktemp("bob"))
    machine.login(sky.person("bob"))
    return machine


def test_every_kind_of_tool_reads_by_a_shells_lines(bob):
    with Agent(bob) as agent:
        by_variable = {k: v for k, v in agent.env.items() if k != "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}
        by_file = {k: v for k, v in agent.env.items() if k != "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
        for env in (agent.env, by_variable, by_file):
            with job(env) as ask:
                assert int(ask("m13").split()[0]) > 0
        for env in (agent.env, by_file):
            assert "M13_blue_0001.fits" in tool(env, AWS, "s3", "ls", "s3://m13/").stdout
        assert "M13_blue_0001.fits" in tool(agent.env, S5CMD, "ls", "s3://m13/").stdout
        said = bob.run("agent", "status").stdout
        assert re.match(r"m13: ready, \d+ min left\n", said), said
        health = agent.ask("health")
        assert health.status_code == 200 and health.json().keys() == {"state", "survey", "seconds_left", "error"}
        for path in agent.folder.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(agent.folder.stat().st_mode) == 0o700
        # One agent a folder.
        assert f"an agent (process {agent.process.pid})" in bob.refused("agent", "--survey", "m13")
        # What it says, and its command line, hold no secret.
        secret = agent.bearer.removeprefix("Bearer ")
        said = agent.log.read_text() + open(f"/proc/{agent.process.pid}/cmdline").read() + health.text
        assert secret not in said and "eval" in said
        assert agent.stop() == 0
    assert not (agent.folder / "agent.env").exists()
    assert "no agent is running" in bob.refused("agent", "env")
    assert "no agent is running" in bob.refused("agent", "status")


def test_a_wrong_bearer_and_a_foreign_name_are_refused(bob):
    with Agent(bob) as agent:
        assert agent.ask(Authorization=agent.bearer).status_code == 200
        for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": agent.bearer[:-1]}):
            answer = agent.ask(**wrong)
            assert answer.status_code == 401 and answer.json()["code"] == "unauthorized"
        port = urlsplit(agent.url).port
        for path in ("credentials", "health"):
            answer = agent.ask(path, Authorization=agent.bearer, Host=f"rebound.example:{port}")
            assert answer.status_code == 421 and "AccessKeyId" not in answer.text
    run = bob.run("agent", "--listen", "0.0.0.0:0", check=False)
    assert run.returncode == 2 and "this machine only" in run.stderr


def test_a_restart_goes_unnoticed_by_running_tools_even_after_kill_9(bob):
    file = bob.home / "killed"
    with Agent(bob, "--credentials-file", file) as agent, job(agent.env) as ask:
        assert int(ask("m13").split()[0]) > 0
        agent.stop(signal.SIGKILL)
        # What it leaves is for one pair of eyes: a bearer that opens nothing, and credentials that end.
        for path in [file, *agent.folder.iterdir()]:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert "AWS_SECRET_ACCESS_KEY=" not in (agent.folder / "agent.env").read_text()
        assert ask("m13").startswith("no:")
        assert "no agent is running" in bob.refused("agent", "env")
        with Agent(bob, "--credentials-file", file) as again:
            assert again.env == {**agent.env, "SKYKEY_AGENT_PID": str(again.process.pid)}
            assert int(ask("m13").split()[0]) > 0
            again.stop(signal.SIGINT)
        assert not file.exists()
        with Agent(bob, "--new-bearer") as third:
            assert third.url == agent.url and third.bearer != agent.bearer
            # boto3 reads the file again; a client with only the variable gets a message what to do.
            assert int(ask("m13").split()[0]) > 0
            answer = third.ask(Authorization=agent.bearer)
            assert answer.status_code == 401 and "skykey agent env" in answer.json()["message"]


def test_a_port_that_somebody_took_brings_a_new_bearer(bob):
    with Agent(bob) as first:
        first.stop()
    with socket.create_server(("127.0.0.1", urlsplit(first.url).port)), Agent(bob) as second:
        assert second.url != first.url and second.bearer != first.bearer
        assert "another program listens" in second.log.read_text()


def test_a_credentials_file_for_tools_that_read_nothing_else(bob, tmp_path):
    file = tmp_path / "credentials"
    mine = "[mine]\naws_access_key_id = MINE\n"
    file.write_text(mine)
    file.chmod(0o644)
    with Agent(bob, "--credentials-file", file, "--profile", "images") as agent:
        env = {**bob.env, "AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "images"}
        assert "M13_blue_0001.fits" in tool(env, AWS, "s3", "ls", "s3://m13/").stdout
        assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.read_text().startswith(mine)
        # Somebody who wrote the file at the same time has lost it; it is there again soon.
        file.write_text(mine)
        until(lambda: "[images]" in file.read_text())
        assert agent.stop() == 0
    assert file.read_text() == mine
    said = bob.refused("agent", "--survey", "m13", "--credentials-file", file, "--profile", "mine")
    assert "section [mine] that skykey did not write" in said.replace("\n", " ")


def test_a_removal_is_shown_and_readmission_recovers_the_same_client(sky, published, tmp_path):
    """alice joins the group, reads, is removed, sees the reason, and is admitted again."""
    alice, olive = sky.person("alice"), sky.person("olive")
    machine = Machine(sky, tmp_path)
    machine.login(alice)
    refused = machine.run("agent", "--survey", "other", "--on-refused", "exit", check=False)
    assert refused.returncode == 77 and f"not a member of {GROUP}" in refused.stderr
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").touch()
    assert "not an agent's folder" in machine.refused("agent", "--survey", "other", "--folder", full)
    assert [path.name for path in full.iterdir()] == ["mine"]
    # Waiting from the start: somebody is let in later.
    file = tmp_path / "credentials"
    with Agent(machine, "--credentials-file", file, survey="other", wait=False) as waiting:
        until(lambda: "not a member" in waiting.log.read_text())
        assert f"not a member of {GROUP}" in machine.refused("agent", "env", "--wait", "1s")
        assert machine.run("agent", "status", check=False).returncode == 77
        alice.ask_to_join(GROUP)
        olive.approve("alice", GROUP)
        waiting.process.send_signal(signal.SIGUSR1)
        machine.run("agent", "env", "--wait", "60s")
        env = shell(machine)
        with job(env) as ask:
            assert ask("other").startswith("1 ")
            assert "[other]" in file.read_text()
            olive.remove(alice, GROUP)
            until(lambda: not file.exists())
            said = ask("other")
            assert said.startswith("no:") and f"not a member of {GROUP}" in said, said
            alice.ask_to_join(GROUP)
            olive.approve("alice", GROUP)
            waiting.process.send_signal(signal.SIGUSR1)
            until(lambda: ask("other").startswith("1 "), 60)
            assert "[other]" in file.read_text()
        olive.remove(alice, GROUP)
        until(lambda: not file.exists())
        waiting.stop()


def test_a_notebook_server_needs_no_login(sky, hub, published, tmp_path):
    server = Machine(sky, tmp_path)
    hubs = {"JUPYTERHUB_API_TOKEN": hub.start_server("bob")}
    # As the hub says it; the portal is found by it.
    del server.env["SKYKEY_PORTAL"]
    hubs["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = sky.up["portal"] + "jupyter/credentials?survey=m13"
    server.env.update(hubs)
    answer = json.loads(server.run("credentials", "--survey", "m13").stdout)
    assert answer["Version"] == 1
    assert "M13_blue_0001.fits" in server.run("exec", "--survey", "m13", "--", AWS, "s3", "ls", "s3://m13/").stdout
    with Agent(server) as agent, job(agent.env) as ask:
        count, key = ask("m13").split()
        assert int(count) > 0 and key == answer["AccessKeyId"]
    assert "gets credentials and nothing else" in server.refused("whoami")
    assert "M13_blue_0001.fits" in server.run("ls", "--survey", "m13", "s3://m13/").stdout
    checks = json.loads(server.run("doctor", "--me", "--survey", "m13", "--json", check=False).stdout)["checks"]
    found = {check["name"]: check for check in checks}
    assert found["login"]["found"] == "a notebook server, by its own token of the hub"
    assert found["group"]["found"] == "this notebook server reads m13"
    assert "of s3://m13/" in found["survey-m13-readable"]["found"]
    assert found["survey-m13-read-only"]["found"] == "writing is refused"
    assert "several surveys" in server.refused("agent")
    stopped = {"JUPYTERHUB_API_TOKEN": "of-a-stopped-server"}
    assert "JupyterHub does not know this token" in server.refused("credentials", "--survey", "m13", env=stopped)
    refused = server.run("agent", "--survey", "m13", "--on-refused", "exit", env=stopped, check=False)
    assert refused.returncode == 77 and "start the server again" in refused.stderr
    assert "portal's choice" in server.refused("credentials", "--survey", "m13", "--lifetime", "2h")
    assert "for notebook servers" in server.refused(
        "credentials", "--survey", "m13", "--identity", "hub", env={"JUPYTERHUB_API_TOKEN": ""}
    )


def test_a_token_file_needs_no_login(sky, published, tmp_path):
    node = Machine(sky, tmp_path)
    file = tmp_path / "token"
    identity = ["--identity", f"token-file={file}"]
    assert "there is no such file" in node.refused("credentials", "--survey", "m13", *identity)
    file.write_text(sky.person("bob").token + "\n")
    # Nobody named a portal, and anybody may listen on this machine.
    portal = node.env.pop("SKYKEY_PORTAL")
    assert "only to a portal that is named" in node.refused("credentials", "--survey", "m13", *identity)
    node.env["SKYKEY_PORTAL"] = portal
    assert json.loads(node.run("credentials", "--survey", "m13", *identity).stdout)["Version"] == 1
    assert node.run("whoami", env={"SKYKEY_IDENTITY": f"token-file={file}"}).stdout.startswith("bob at")
    assert "M13_blue_0001.fits" in node.run("ls", *identity, "s3://m13/").stdout
    said = node.run("doctor", "--me", "--survey", "m13", *identity, check=False).stdout
    assert f"bob, by the token in {file}" in " ".join(said.split()) and "writing is refused" in said, said
    # What is written asks in the same name, wherever it is run.
    node.run("setup", "--survey", "m13", *identity)
    env = {**node.env, "AWS_PROFILE": "m13"}
    listed = subprocess.run([AWS, "s3", "ls", "s3://m13/"], cwd="/", env=env, capture_output=True, text=True, timeout=60)
    assert "M13_blue_0001.fits" in listed.stdout, listed.stderr
    listed = node.run("exec", "--survey", "m13", *identity, "--", S5CMD, "ls", "s3://m13/")
    assert "M13_blue_0001.fits" in listed.stdout
    with Agent(node, *identity) as agent:
        # Read anew: another person's token gets nothing of bob's.
        file.write_text(sky.person("dave").token if has(sky, "dave") else "no.such.token")
        until(lambda: agent.ask(Authorization=agent.bearer).status_code == 403)
    file.write_text("no.such.token")
    said = node.refused("credentials", "--survey", "m13", *identity)
    assert "does not take the access token in" in said and "no.such.token" not in said
    run = node.run("credentials", "--survey", "m13", "--identity", "me", check=False)
    assert run.returncode == 2 and "token-file=FILE" in run.stderr
    assert "not logged in" in node.refused("credentials", "--survey", "m13", "--identity", "login")


def has(sky, username):
    return any(person["username"] == username for person in sky.up["people"])
