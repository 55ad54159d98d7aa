"""A site with a real Keystone and a real Ceph, as `tests/realstack/up` starts them, and a skykey for it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from sky import BIN, PRODUCED, Keys, Sky, free_base_port

REALSTACK = Path(__file__).resolve().parents[2] / "realstack"
sys.path.append(str(REALSTACK))
from rest import Keystone, Refused, Signed  # noqa: E402

WATCH_EVERY = 2

SITE = """
[portal]
health = "127.0.0.1:{health}"
{portal}
{iam}
[keystone]
url = "{keystone}"
identity_provider = "{provider}"
protocol = "{protocol}"
accept_application_credentials = true

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

[watch]
every = "{watch}s"

[proof]
every = "1m"
"""

SURVEY = """
[[survey]]
name = "{name}"
title = "{name}, by the real systems"
project = "{readers_project[name]}"
data_project = "{data_project[name]}"
lifetime = {{ min = "15m", max = "12h" }}
methods = ["sts-lite", "ec2", "assume-role"]
roles = {{ read = "{role}" }}
"""


class Stack:
    """The real systems, and what their operators do with them."""

    def __init__(self, file):
        self.file = Path(file)
        self.read()

    def read(self):
        self.told = json.loads(self.file.read_text())
        self.rgw, self.region = self.told["rgw"], self.told["region"]
        self.keystone = self.told["keystone"]
        self.surveys = {survey["name"]: survey for survey in self.told["surveys"]}
        keys = json.loads(Path(self.told["rgw_admin"]["keys_file"]).read_text())
        self.operator = Signed(self.rgw, keys["access"], keys["secret"], region=self.region)
        PRODUCED.add(keys["secret"])
        PRODUCED.update(self.password(user) for user in self.told["users"])

    def password(self, user):
        return Path(self.told["users"][user]["password_file"]).read_text()

    def run(self, script, *args):
        """A script of tests/realstack, for this stack."""
        env = {**os.environ, "REALSTACK_DIR": str(self.file.parent)}
        run = subprocess.run([REALSTACK / script, *args], env=env, capture_output=True, text=True, timeout=180)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def login(self, user, project):
        return Keystone(self.keystone, user, self.password(user), project)

    def ec2(self, user, project):
        """An EC2 credential of somebody with a password, whom no IAM knows."""
        made = self.login(user, project).ec2_credential(self.told["projects"][project])
        return Keys(self, made["access"], made["secret"])

    def ec2_of(self, user_id):
        """Which EC2 credentials Keystone has of anybody: access keys, each with its project's id."""
        found = self.login("skykey-admin", "service").ask("GET", f"/users/{user_id}/credentials/OS-EC2")
        return {key["access"]: key["tenant_id"] for key in found["credentials"]}

    # What `Keys` wants to know of where it is used.
    @property
    def s3(self):
        return self.rgw

    @property
    def up(self):
        return {"region": self.region}

    @property
    def state(self):
        return self.file

    # The gateway's operator ---------------------------------------------------------------------
    def limit(self, project, op_mask="read", max_buckets=-1):
        """What a project may do at all. The gateway forgets its user policies over it."""
        query = f"max-buckets={max_buckets}&op-mask={quote(op_mask, safe='')}&uid={self.told['projects'][project]}"
        self.operator.must("limiting a project", self.operator.ask("POST", "/admin/user", query))

    def user(self, project):
        answer = self.operator.ask("GET", "/admin/user", f"uid={self.told['projects'][project]}")
        return json.loads(self.operator.must("looking at a project", answer))

    def user_policies(self, project):
        user = self.told["projects"][project]
        answer = self.operator.form(Action="ListUserPolicies", UserName=user)
        if answer[0] == 404:
            return []
        return re.findall(r"<member>([^<]+)", self.operator.must("listing user policies", answer).decode())

    def forget_user_policies(self, project):
        user = self.told["projects"][project]
        for policy in self.user_policies(project):
            answer = self.operator.form(Action="DeleteUserPolicy", UserName=user, PolicyName=policy)
            self.operator.must("deleting a user policy", answer)

    def make_raw(self):
        """As a site is before anybody brought it into order: roles, but no policies and no limits. Empty buckets."""
        self.run("wire", "--role")
        self.read()
        for survey in self.surveys.values():
            data = self.ec2("carol", survey["data_project"]["name"])
            s3 = data.client()
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=survey["bucket"]):
                for item in page.get("Contents", []):
                    s3.delete_object(Bucket=survey["bucket"], Key=item["Key"])
            s3.delete_bucket_policy(Bucket=survey["bucket"])
            self.login("carol", survey["data_project"]["name"]).forget_ec2_credential(data.access)
            for project in ("data_project", "readers_project"):
                name = survey[project]["name"]
                self.limit(name, "read,write,delete", 1000)
                self.forget_user_policies(name)


class Site(Sky):
    """`skykey up` for a real site, whose IAM is the embedded one unless there is an `[iam]`."""

    def __init__(self, folder, stack, iam="", portal="", base_port=None, surveys=None):
        folder.mkdir(exist_ok=True)
        self.stack, self.folder = stack, folder
        self.identity_provider = stack.told["federation"]["identity_provider"]
        self.health = f"http://127.0.0.1:{(base := free_base_port())}/"
        secret = folder / "operator-secret"
        secret.touch(0o600)
        secret.write_text(stack.operator.secret)
        text = SITE.format(
            health=base,
            portal=portal,
            iam=iam,
            keystone=stack.keystone,
            provider=self.identity_provider,
            protocol=stack.told["federation"]["protocol"],
            backend_user=stack.told["users"]["skykey"]["password_file"],
            admin_user=stack.told["users"]["skykey-admin"]["password_file"],
            rgw=stack.rgw,
            region=stack.region,
            operator=stack.operator.access,
            operator_secret=secret,
            watch=WATCH_EVERY,
        )
        for survey in stack.surveys.values():
            if surveys is None or survey["name"] in surveys:
                text += SURVEY.format(**survey)
        self.config = folder / "skykey.toml"
        self.config.write_text(text)
        super().__init__(folder / "state", "--config", self.config, base_port=base_port)

    def command(self, *words, check=True):
        """Another command of skykey, on the same configuration. What it printed is kept, to be searched for secrets."""
        run = subprocess.run(
            [BIN, *words, "--config", self.config], capture_output=True, text=True, timeout=120, env=self.env
        )
        with open(self.folder / "commands.log", "a") as log:
            log.write(run.stdout + run.stderr)
        if check:
            assert run.returncode == 0, run.stdout + run.stderr
        return run

    def revoke(self, project, *words, check=True):
        return self.command("revoke", "--project", project, "--state", self.state, *words, check=check)
