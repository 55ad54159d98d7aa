"""What `up` seeds, step by step. Each step may be repeated: what is there already stays as it is.

    seed.py keystone KEYSTONE RGW     projects, users, roles, and the federation with an IAM
    seed.py rgw KEYSTONE RGW          the operator's user at the gateway, and the surveys' buckets
    seed.py describe KEYSTONE RGW     stack.json
"""

import json
import os
import subprocess
import sys
import urllib.parse

import layout
from rest import Keystone, Refused, Signed

RADOSGW_ADMIN = ["radosgw-admin", "-c", str(layout.FOLDER / "ceph/ceph.conf"), "-n", "client.rgw"]


class Seeder:
    def __init__(self, keystone_url):
        self.keystone = Keystone(keystone_url, "admin", layout.secret("admin"), "admin")

    def id_of(self, plural, name):
        found = self.keystone.ask("GET", f"/{plural}?{urllib.parse.urlencode({'name': name})}")[plural]
        return found[0]["id"] if found else None

    def ensure(self, kind, name, **fields):
        """The id of the thing with this name, which is made if it is not there."""
        plural = f"{kind}s"
        return self.id_of(plural, name) or self.keystone.ask("POST", f"/{plural}", {kind: {"name": name, **fields}})[kind]["id"]

    def put_new(self, path, kind, **fields):
        try:
            self.keystone.ask("PUT", path, {kind: fields})
        except Refused as refused:
            if refused.status != 409:
                raise

    def grant(self, role, project, kind, who):
        self.keystone.ask("PUT", f"/projects/{project}/{kind}/{who}/roles/{role}")


def seed_keystone(keystone_url, rgw_url):
    seeder = Seeder(keystone_url)
    roles = {name: seeder.ensure("role", name) for name in ("admin", "member", "reader", "service")}
    projects = {name: seeder.ensure("project", name, domain_id="default") for name in layout.projects()}

    def user(name):
        return seeder.ensure("user", name, domain_id="default", password=layout.secret(name))

    for name, places in layout.members().items():
        who = user(name)
        for project in places:
            seeder.grant(roles["member"], projects[project], "users", who)
    seeder.grant(roles["admin"], projects["service"], "users", user("skykey-admin"))
    for role in os.environ["REALSTACK_RGW_ROLES"].split(","):
        seeder.grant(roles[role], projects["service"], "users", user("rgw"))

    for group, places in layout.iam_groups().values():
        who = seeder.ensure("group", group, domain_id="default")
        for project in places:
            seeder.grant(roles["member"], projects[project], "groups", who)
    provider = f"/OS-FEDERATION/identity_providers/{layout.IDENTITY_PROVIDER}"
    seeder.put_new(provider, "identity_provider", enabled=True, remote_ids=[])
    seeder.put_new(f"/OS-FEDERATION/mappings/{layout.IDENTITY_PROVIDER}", "mapping", rules=layout.mapping())
    seeder.put_new(f"{provider}/protocols/{layout.PROTOCOL}", "protocol", mapping_id=layout.IDENTITY_PROVIDER)

    service = seeder.ensure("service", "swift", type="object-store")
    if not seeder.keystone.ask("GET", f"/endpoints?service_id={service}")["endpoints"]:
        endpoint = {"service_id": service, "interface": "public", "region_id": "RegionOne", "url": f"{rgw_url}/swift/v1"}
        seeder.keystone.ask("POST", "/endpoints", {"endpoint": endpoint})


def seed_rgw(keystone_url, rgw_url):
    if subprocess.run([*RADOSGW_ADMIN, "user", "info", "--uid", layout.OPERATOR], capture_output=True).returncode != 0:
        subprocess.run(
            [
                *RADOSGW_ADMIN, "user", "create", "--uid", layout.OPERATOR, "--display-name", layout.OPERATOR,
                "--access-key", layout.secret("rgw-admin-access"), "--secret-key", layout.secret("rgw-admin-secret"),
                "--caps", layout.OPERATOR_CAPS,
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    for survey in layout.SURVEYS:
        # Carol makes the bucket, so its owner is the data's project; her credential goes again.
        carol = Keystone(keystone_url, "carol", layout.secret("carol"), survey)
        project = Seeder(keystone_url).id_of("projects", survey)
        key = carol.ec2_credential(project)
        client = Signed(rgw_url, key["access"], key["secret"])
        client.must(f"making the bucket {survey}", client.ask("PUT", f"/{survey}"), accept=(200, 409))
        carol.forget_ec2_credential(key["access"])


def describe(keystone_url, rgw_url):
    seeder = Seeder(keystone_url)
    listed = seeder.keystone.ask("GET", "/projects")["projects"]
    projects = {project["name"]: project["id"] for project in listed if project["name"] in layout.projects()}
    users = {
        name: {"id": seeder.id_of("users", name), "password_file": str(layout.secret_file(name))}
        for name in ("admin", "rgw", "skykey", "skykey-admin", "carol", "alice", "bob")
    }
    keys = layout.FOLDER / "secrets/rgw-admin.json"
    write_private(
        keys,
        {"access": layout.secret("rgw-admin-access"), "secret": layout.secret("rgw-admin-secret")},
    )
    stack = {
        "keystone": keystone_url,
        "rgw": rgw_url + "/",
        "region": "us-east-1",
        "domain": "default",
        "projects": projects,
        "users": users,
        "surveys": [
            {
                "name": survey,
                "bucket": survey,
                "data_project": {"name": survey, "id": projects[survey]},
                "readers_project": {
                    "name": layout.readers_project(survey),
                    "id": projects[layout.readers_project(survey)],
                },
                "role": f"arn:aws:iam:::role/skykey-{survey}-readers",
            }
            for survey in layout.SURVEYS
        ],
        "rgw_admin": {"uid": layout.OPERATOR, "caps": layout.OPERATOR_CAPS, "keys_file": str(keys)},
        "sts": {
            "key": layout.secret("sts-key"),
            "min": int(os.environ["REALSTACK_STS_MIN"]),
            "max": int(os.environ["REALSTACK_STS_MAX"]),
        },
        "federation": {
            "identity_provider": layout.IDENTITY_PROVIDER,
            "protocol": layout.PROTOCOL,
            "issuer_file": str(layout.FOLDER / "issuer"),
            "authorization_ttl": 60 * int(os.environ["REALSTACK_AUTHORIZATION_TTL"]),
        },
        "ceph_conf": str(layout.FOLDER / "ceph/ceph.conf"),
        "radosgw_admin": RADOSGW_ADMIN,
        "logs": str(layout.FOLDER / "log"),
    }
    write_private(layout.FOLDER / "stack.json", stack)


def write_private(path, value):
    """As JSON, readable by its owner only, complete or not at all."""
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
    new.replace(path)


if __name__ == "__main__":
    step, *urls = sys.argv[1:]
    {"keystone": seed_keystone, "rgw": seed_rgw, "describe": describe}[step](*urls)
