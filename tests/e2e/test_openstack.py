"""The real `openstack` command against the embedded Keystone."""

from sky import openstack


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
