"""What `wire` does, with radosgw-admin and, for the roles, requests signed by the operator's user."""

import json
import shlex
import subprocess
import sys
import xml.etree.ElementTree as xml

import layout
from rest import Keystone, Signed

STACK = json.loads((layout.FOLDER / "stack.json").read_text())


def meet(survey):
    """The gateway makes a project's user when it first meets the project, so skykey's user goes there once."""
    project = survey["readers_project"]
    skykey = Keystone(STACK["keystone"], "skykey", layout.secret("skykey"), project["name"])
    key = skykey.ec2_credential(project["id"])
    client = Signed(STACK["rgw"], key["access"], key["secret"])
    client.must("listing buckets", client.ask("GET", "/"))
    skykey.forget_ec2_credential(key["access"])


def run(*command):
    print(shlex.join(command), flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr[-1000:]}")


def make_role(survey):
    """The role that a survey's readers' project may assume, and which may read the survey's bucket. Its ARN."""
    operator = Signed(STACK["rgw"], layout.secret("rgw-admin-access"), layout.secret("rgw-admin-secret"))
    name, project, bucket = f"skykey-{survey['name']}-readers", survey["readers_project"]["id"], survey["bucket"]
    found = operator.form(Action="GetRole", RoleName=name)
    if found[0] == 404:
        found = operator.form(
            Action="CreateRole",
            RoleName=name,
            MaxSessionDuration=STACK["sts"]["max"],
            AssumeRolePolicyDocument=policy(
                Effect="Allow",
                Principal={"AWS": [f"arn:aws:iam::{project}:user/{project}"]},
                Action=["sts:AssumeRole"],
                # Without it a session token could lengthen itself once, by assuming the role.
                Condition={"BoolIfExists": {"sts:authentication": "false"}},
            ),
        )
    answer = operator.must(f"making the role {name}", found)
    permissions = policy(
        Effect="Allow",
        Action=["s3:GetObject", "s3:ListBucket"],
        Resource=[f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    )
    operator.must(
        f"giving the role {name} its permissions",
        operator.form(Action="PutRolePolicy", RoleName=name, PolicyName="read", PolicyDocument=permissions),
    )
    return xml.fromstring(answer).find(".//{*}Arn").text


def policy(**statement):
    """A policy of one statement, without blanks: CreateRole refuses them."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


if __name__ == "__main__":
    for survey in STACK["surveys"]:
        meet(survey)
        run(
            *STACK["radosgw_admin"],
            "user", "modify", "--uid", survey["readers_project"]["id"], "--op-mask=read", "--max-buckets=-1",
        )  # fmt: skip
        if "--role" in sys.argv:
            print(make_role(survey))
