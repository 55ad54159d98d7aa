"""`skykey doctor` on a real stack: a configuration for it, one thing wrong in it or in the stack, and what is said."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from sky import BIN, Sky

REALSTACK = Path(__file__).resolve().parents[2] / "realstack"
sys.path.append(str(REALSTACK))
from rest import Keystone, Signed  # noqa: E402

BACKEND = "skykey"

SITE = """
[iam]
issuer = "{issuer}"
client_id = "{client}"
client_secret = {{ file = "{client_secret}" }}
{iam}

[keystone]
url = "{keystone}"

[keystone.backend_user]
name = "skykey"
password = {{ file = "{backend_user}" }}

[keystone.admin_user]
name = "skykey-admin"
password = {{ file = "{admin_user}" }}
project = "service"

[echo]
endpoint = "{rgw}"
region = "{region}"

[echo.admin]
access_key_id = "{operator}"
secret_access_key = {{ file = "{operator_secret}" }}
"""

SURVEY = """
[[survey]]
name = "{name}"
project = "{project}"
data_project = "{data_project}"
methods = ["sts-lite", "ec2", "assume-role"]
roles = {{ read = "{role}" }}
"""


def secret(folder, name, text):
    """A secret in a file for its owner's eyes."""
    path = folder / name
    path.touch(0o600)
    path.write_text(text)
    return path


def embedded_iam(folder):
    """A running `skykey up` with the stack's surveys, for the sake of its IAM alone."""
    config = folder / "iam.toml"
    config.write_text('[[survey]]\nname = "m13"\n[[survey]]\nname = "other"\n')
    return Sky(folder / "iam", "--config", config)


def iam_of(sky):
    """What a site's `[iam]` says about that IAM."""
    secrets = dict(json.loads((sky.state / "secrets.json").read_text()))
    return {"issuer": sky.up["iam"], "client": "skykey-portal", "client_secret": secrets["portal-client"]}


def configuration(folder, stack, known_iam, **wrong):
    """A skykey.toml for the stack; `wrong` takes the place of what would be right."""
    keys = json.loads(Path(stack["rgw_admin"]["keys_file"]).read_text())
    right = {
        "keystone": stack["keystone"],
        "backend_user": stack["users"][BACKEND]["password_file"],
        "admin_user": stack["users"]["skykey-admin"]["password_file"],
        "rgw": stack["rgw"],
        "region": stack["region"],
        "operator": keys["access"],
        "operator_secret": keys["secret"],
        "iam": "",
        "readers_project": None,
        **known_iam,
    }
    said = {**right, **wrong}
    for name in ("client_secret", "operator_secret"):
        said[name] = secret(folder, name, said[name])
    text = SITE.format(**said)
    for survey in stack["surveys"]:
        text += SURVEY.format(
            name=survey["name"],
            # Each survey has its own, also of the wrong ones.
            project="-".join((said["readers_project"], survey["name"]))
            if said["readers_project"]
            else survey["readers_project"]["name"],
            data_project=survey["data_project"]["name"],
            role=survey["role"],
        )
    path = folder / "skykey.toml"
    path.write_text(text)
    return path


class Findings(dict):
    """Each check by its name, and how doctor ended."""

    def __init__(self, run):
        self.run = run
        assert run.stdout, run.stderr
        super().__init__((check["name"], check) for check in json.loads(run.stdout)["checks"])

    @property
    def failed(self):
        """What is wrong, without what something else was in the way of."""
        return {name: check for name, check in self.items() if not check["ok"] and check["remedy"]}

    @property
    def skipped(self):
        return {name: check for name, check in self.items() if not check["ok"] and not check["remedy"]}


def doctor(config, *args, **env):
    run = subprocess.run(
        [BIN, "doctor", "--config", config, "--json", *args],
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, **env},
    )
    found = Findings(run)
    well = all(check["ok"] for check in found.values())
    assert (run.returncode == 0) == well, run.stderr
    return found


def keystone(stack, user, project):
    return Keystone(stack["keystone"], user, Path(stack["users"][user]["password_file"]).read_text(), project)


def backend_credentials(stack):
    """The access keys of the backend user's EC2 credentials."""
    backend = stack["users"][BACKEND]["id"]
    found = keystone(stack, "skykey-admin", "service").ask("GET", f"/users/{backend}/credentials/OS-EC2")
    return {key["access"] for key in found["credentials"]}


def script(stack_file, name, *args):
    """A script of tests/realstack, for this stack."""
    env = {**os.environ, "REALSTACK_DIR": str(stack_file.parent)}
    run = subprocess.run([REALSTACK / name, *args], env=env, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.strip()


def apply(config):
    run = subprocess.run([BIN, "survey", "apply", "--config", config], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


@contextmanager
def another_gateway(stack_file, name, port, *options):
    """One more gateway over the same data, with other settings."""
    try:
        yield script(stack_file, "gateway", name, str(port), *options).splitlines()[-1] + "/"
    finally:
        script(stack_file, "gateway", name, "stop")


@contextmanager
def without_role(stack, project):
    """The backend user is nothing in a project."""
    admin = keystone(stack, "skykey-admin", "service")
    roles = {role["name"]: role["id"] for role in admin.ask("GET", "/roles")["roles"]}
    path = f"/projects/{stack['projects'][project]}/users/{stack['users'][BACKEND]['id']}/roles/{roles['member']}"
    admin.ask("DELETE", path)
    try:
        yield
    finally:
        admin.ask("PUT", path)


@contextmanager
def bucket_policy(stack, bucket, change):
    """A bucket whose policy is what `change` makes of it (None: no policy), and after that what it was."""
    curator = keystone(stack, "carol", bucket)
    made = curator.ec2_credential(stack["projects"][bucket])
    s3 = Signed(stack["rgw"], made["access"], made["secret"], region=stack["region"])

    def put(document):
        if document is None:
            answer = s3.ask("DELETE", f"/{bucket}", "policy=")
        else:
            answer = s3.ask("PUT", f"/{bucket}", "policy=", document)
        s3.must("setting the policy", answer)

    try:
        before = s3.must("reading the policy", s3.ask("GET", f"/{bucket}", "policy="))
        put(change(json.loads(before)))
        try:
            yield
        finally:
            put(before)
    finally:
        curator.forget_ec2_credential(made["access"])


def with_statement(statement):
    def change(policy):
        policy["Statement"].append(statement)
        return json.dumps(policy).encode()

    return change
