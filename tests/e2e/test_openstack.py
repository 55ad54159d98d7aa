"""The real `openstack` command against the embedded Keystone."""

import os
import subprocess

import requests

from sky import OPENSTACK, PRODUCED, Keys, openstack


def test_a_reader_creates_lists_and_deletes_ec2_credentials(sky):
    bob = sky.person("bob")
    made = openstack(bob, "m13-ro", "ec2", "credentials", "create")
    listed = openstack(bob, "m13-ro", "ec2", "credentials", "list")
    assert made["access"] in [entry["Access"] for entry in listed]
    gone = openstack(bob, "m13-ro", "ec2", "credentials", "show", made["access"])
    assert gone["secret"] == made["secret"]


def test_a_reader_has_no_way_into_the_data_project(sky):
    refused = openstack(sky.person("bob"), "m13", "ec2", "credentials", "create", check=False)
    assert refused.returncode != 0


def test_a_curator_has_both_projects(sky):
    carol = sky.person("carol")
    names = [project["Name"] for project in openstack(carol, "m13", "federation", "project", "list")]
    assert {"m13", "m13-ro"} <= set(names)


def test_a_machine_leases_with_an_application_credential(sky, published, tmp_path):
    """bob makes one with the real command; the machine has nothing else, and reads."""
    bob = sky.person("bob")
    made = openstack(bob, "m13-ro", "application", "credential", "create", "--role", "reader", "my-vm")
    made = {name.lower(): value for name, value in made.items()}
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": sky.up["keystone"],
        "OS_APPLICATION_CREDENTIAL_ID": made["id"],
        "OS_APPLICATION_CREDENTIAL_SECRET": made["secret"],
    }
    command = [OPENSTACK, "token", "issue", "-f", "value", "-c", "id"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    token = run.stdout.strip()
    PRODUCED.update((made["secret"], token))
    answer = requests.post(bob.portal("api/v1/leases"), headers={"X-Auth-Token": token}, json={"survey": "m13"})
    assert answer.status_code == 201, answer.text
    keys = Keys.of_api(sky, answer.json())
    assert keys.client().list_objects_v2(Bucket="m13")["KeyCount"] > 0
    answer = requests.post(
        bob.portal("api/v1/leases"), headers={"X-Auth-Token": token}, json={"survey": "m13", "access": "write"}
    )
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "machines_read"
