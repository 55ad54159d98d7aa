"""The ways in which credentials reach a client, each as an environment; and what runs meanwhile."""

import os
import re
import shlex
import signal
import subprocess
import threading
import time
from pathlib import Path

from sky import BIN

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "notebook"
NOTEBOOK = Path(os.environ["SKYKEY_NOTEBOOK"])
# Seconds between two rounds of the watch, and that a lease lasts.
WATCH_EVERY = 2
LASTS = 30
ONCE = "printed once"


class Agent:
    """`skykey agent`, which keeps a credentials file too."""

    def __init__(self, machine):
        self.machine = machine
        self.file = machine.home / "credentials"
        self.process = subprocess.Popen(
            [BIN, "agent", "--survey", "m13", "--credentials-file", self.file],
            env=machine.env,
            stderr=open(machine.home / "agent.log", "wb"),
        )
        self.variables = dict(
            line.removeprefix("export ").split("=", 1)
            for line in map(unquoted, machine.run("agent", "env", "--wait", "20s").stdout.splitlines())
            if line.startswith("export ")
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def unquoted(line):
    return " ".join(shlex.split(line))


class TokenFile:
    """The IAM's token of somebody, which something renews, as oidc-agent does on a real machine."""

    def __init__(self, person, folder):
        self.person, self.path = person, folder / "token"
        self.over = threading.Event()
        self.write()
        threading.Thread(target=self.keep, daemon=True).start()

    def write(self):
        beside = self.path.with_suffix(".new")
        beside.write_text(self.person.login_for_token()["access_token"])
        beside.chmod(0o600)
        beside.rename(self.path)

    def keep(self):
        while not self.over.wait(15):
            self.write()

    def stop(self):
        self.over.set()


def place(sky, home):
    """What a client has to know in any way."""
    s3 = sky.s3.rstrip("/")
    return {
        "HOME": str(home),
        "AWS_ENDPOINT_URL": s3,
        "AWS_ENDPOINT_URL_S3": s3,
        "S3_ENDPOINT_URL": s3,
        "RCLONE_S3_ENDPOINT": s3,
        "AWS_DEFAULT_REGION": sky.up["region"],
        "AWS_REGION": sky.up["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
        # Only for the older of Go's SDKs, which else reads no profile.
        "AWS_SDK_LOAD_CONFIG": "1",
    }


def printed(machine):
    """Variables of a shell, once."""
    lines = machine.run("credentials", "--survey", "m13", "--format", "env").stdout
    return {name: value for name, value in re.findall(r"^export (AWS_\w+)='?([^'\n]*)'?$", lines, re.M)}


def of(sky, bob, person, folder):
    """Each way's name in the table, with its variables (what is printed once comes later); and what must be stopped."""
    bob.run("setup", "--survey", "m13")
    agent = Agent(bob)
    token = TokenFile(person, folder)
    container = {name: agent.variables[name] for name in agent.variables if name.startswith("AWS_CONTAINER")}
    bearer = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
    nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    ways = {
        "profile": {"AWS_PROFILE": "m13"},
        "container, variable": {**nothing, **{name: container[name] for name in container if name != f"{bearer}_FILE"}},
        "container, file": {**nothing, **{name: container[name] for name in container if name != bearer}},
        "web identity": {
            **nothing,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token.path),
            "AWS_ROLE_ARN": "arn:aws:iam:::role/skykey-m13-readers",
            "AWS_ROLE_SESSION_NAME": "bob",
            "AWS_ENDPOINT_URL_STS": sky.s3.rstrip("/"),
        },
        "agent's file": {
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": str(agent.file),
            "AWS_PROFILE": "m13",
        },
        ONCE: nothing,
    }
    base = place(sky, bob.home)
    return {name: {**base, **variables} for name, variables in ways.items()}, [agent, token]


def soon(what, there, seconds):
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, f"{what} in {seconds} s"
        time.sleep(0.2)
