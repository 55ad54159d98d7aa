"""`--identity openstack`: bob's virtual machine with an application credential and without a login."""

import json

import pytest
import requests

from sky import AWS, PRODUCED, openstack
from test_agent import Agent, job, until
from test_command import Machine

VARIABLES = ("OS_AUTH_URL", "OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_SECRET")
WHO = ("--survey", "m13", "--identity", "openstack")


def delete(person, credential):
    mine = openstack(person, "m13-ro", "token", "issue")
    PRODUCED.add(mine["id"])
    url = f"{person.sky.up['keystone']}/users/{mine['user_id']}/application_credentials/{credential}"
    return requests.delete(url, headers={"X-Auth-Token": mine["id"]}).status_code


@pytest.fixture
def vm(sky, published, tmp_path):
    """A machine with an application credential that bob made with the real command, which is deleted in the end."""
    bob = sky.person("bob")
    words = ("application", "credential", "create", "--role", "reader", "an-identity")
    made = {name.lower(): value for name, value in openstack(bob, "m13-ro", *words).items()}
    PRODUCED.add(made["secret"])
    machine = Machine(sky, tmp_path)
    machine.env |= dict(zip(VARIABLES, (sky.up["keystone"], made["id"], made["secret"]), strict=True))
    yield machine
    assert delete(bob, made["id"]) in (204, 404)


def test_it_reads_without_a_login_and_is_told_when_its_owner_leaves(sky, vm, tmp_path):
    bob, olive = sky.person("bob"), sky.person("olive")
    image = tmp_path / "image.fits"
    vm.run("exec", *WHO, "--", AWS, "s3", "cp", "--quiet", "s3://m13/M13_blue_0001.fits", image)
    assert image.read_bytes().startswith(b"SIMPLE")
    assert json.loads(vm.run("credentials", *WHO).stdout)["Version"] == 1
    assert vm.run("whoami", env={"SKYKEY_IDENTITY": "openstack"}).stdout.startswith("bob at")
    assert "M13_blue_0001.fits" in vm.run("ls", "--identity", "openstack", "s3://m13/").stdout
    checks = json.loads(vm.run("doctor", "--me", *WHO, "--json", check=False).stdout)["checks"]
    found = {check["name"]: check for check in checks}
    assert found["login"]["found"] == "bob, by an application credential of OpenStack"
    assert "of s3://m13/" in found["survey-m13-readable"]["found"]
    with Agent(vm, "--identity", "openstack") as agent, job(agent.env) as ask:
        assert int(ask("m13").split()[0]) > 0
        olive.remove(bob)
        until(lambda: agent.ask(Authorization=agent.bearer).status_code == 403)
        assert "not a member of m13/readers" in ask("m13")
        assert "not a member of m13/readers" in vm.refused("credentials", *WHO)
        assert "not a member of m13/readers" in vm.refused("exec", *WHO, "--", "true")
        bob.ask_to_join()
        olive.approve("bob")
        until(lambda: vm.run("credentials", *WHO, check=False).returncode == 0)
    # Neither what logs in nor a token of Keystone is kept.
    secret = vm.env["OS_APPLICATION_CREDENTIAL_SECRET"]
    assert vm.kept() and all(secret not in path.read_text() for path in vm.kept())
    assert not any("gAAAA" in path.read_text() for path in vm.kept())


def test_an_application_credential_that_is_deleted_is_refused(sky, vm):
    vm.run("credentials", *WHO)
    assert delete(sky.person("bob"), vm.env["OS_APPLICATION_CREDENTIAL_ID"]) == 204
    # What is kept is handed out until it is due to be looked at.
    until(lambda: vm.run("credentials", *WHO, check=False).returncode != 0)
    said = vm.refused("credentials", *WHO)
    assert "Keystone does not take the application credential" in said and "make another" in said
    assert vm.env["OS_APPLICATION_CREDENTIAL_SECRET"] not in said
    run = vm.run("agent", *WHO, "--on-refused", "exit", check=False)
    assert run.returncode == 77 and "application credential" in run.stderr


def test_what_is_not_there_is_named(vm):
    for name in VARIABLES:
        said = vm.refused("credentials", *WHO, env={name: ""})
        assert f": {name} missing" in said and "openstack application credential create" in said
    said = vm.refused("credentials", *WHO, env={"OS_AUTH_URL": "http://keystone.example:5000/v3"})
    assert "OS_AUTH_URL is not encrypted" in said
    assert vm.kept() == []
