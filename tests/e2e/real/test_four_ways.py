"""An astronomer reads real images from a real Ceph, by each way, with boto3 and the aws command line."""

import io
import json

import numpy
import pytest
from astropy.io import fits

from test_first_light import IMAGE
from test_refusals import ask

WAYS = [
    "way 1, EC2 by openstack",
    "way 1, EC2 by skykey",
    "way 2, aws sts get-session-token",
    "way 2, by skykey",
    "way 2, by skykey, assume-role",
    "way 3, API, sts-lite, 3600 s",
    "way 3, API, sts-lite, 43200 s",
    "way 3, portal, sts-lite",
    "way 3, API, assume-role, 3600 s",
    "way 3, API, assume-role, 43200 s",
    "way 3, portal, assume-role",
]


def test_there_is_no_other_way(ways):
    assert set(ways) == set(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_boto3_reads_the_image_and_a_header_block_of_it(ways, published, way):
    original = (published / IMAGE).read_bytes()
    s3 = ways[way].client()
    body = s3.get_object(Bucket="m13", Key=IMAGE)["Body"].read()
    same = body == original  # pytest would print a megabyte of difference
    assert same
    with fits.open(io.BytesIO(body)) as got, fits.open(published / IMAGE) as wanted:
        assert numpy.array_equal(got[0].data, wanted[0].data)
    part = s3.get_object(Bucket="m13", Key=IMAGE, Range="bytes=0-2879")
    assert part["Body"].read() == original[:2880]
    assert part["ContentRange"] == f"bytes 0-2879/{len(original)}"
    listed = {item["Key"]: item["Size"] for item in s3.list_objects_v2(Bucket="m13")["Contents"]}
    for path in published.iterdir():
        assert listed[path.name] == path.stat().st_size


@pytest.mark.parametrize("way", WAYS)
def test_the_aws_command_line_reads_the_image(ways, published, tmp_path, way):
    ways[way].aws("s3", "cp", "--quiet", f"s3://m13/{IMAGE}", tmp_path / "got.fits")
    with fits.open(tmp_path / "got.fits") as got, fits.open(published / IMAGE) as wanted:
        assert numpy.array_equal(got[0].data, wanted[0].data)
    assert IMAGE in ways[way].aws("s3", "ls", "s3://m13/").stdout.decode()


def test_astropy_opens_the_image_in_place(in_order, ways, published):
    keys = ways["way 3, API, sts-lite, 3600 s"]
    options = {
        "key": keys.access,
        "secret": keys.secret,
        "token": keys.token,
        "client_kwargs": {"endpoint_url": in_order.s3, "region_name": in_order.up["region"]},
    }
    with (
        fits.open(f"s3://m13/{IMAGE}", use_fsspec=True, fsspec_kwargs=options) as got,
        fits.open(published / IMAGE) as wanted,
    ):
        assert numpy.array_equal(got[0].section[:40, :50], wanted[0].data[:40, :50])


@pytest.mark.parametrize("method", ["sts-lite", "assume-role"])
def test_renewed_twice_each_lease_has_keys_of_its_own(alice, ways, method):
    """What a notebook's helper does before its credentials end."""
    keys = [ways[f"way 3, API, {method}, 3600 s"], alice.lease(method=method), alice.lease(method=method)]
    for part in ("access", "secret", "token"):
        assert len({getattr(key, part) for key in keys}) == 3
    for key in keys:
        assert ask(key, "list_objects_v2", {"Bucket": "m13"}) is None
        assert key.lease["state"] == "live"


def test_a_lease_says_what_it_can_still_do_after_a_removal(alice, ways):
    told = {method: alice.lease(method=method).lease["after_removal"] for method in ("sts-lite", "assume-role", "ec2")}
    assert told["sts-lite"]["code"] == told["assume-role"]["code"] == "works-until-expiry"
    assert (told["ec2"]["code"], told["ec2"]["seconds"]) == ("works-for-seconds", 300)
    # She has an EC2 credential, and may have made tokens of 43,200 s from it at Echo itself.
    assert all(part["own_tokens_seconds"] == 43_500 for part in told.values())
    assert all(part["seen_within"] == 2 for part in told.values())


def test_the_backend_users_credential_is_one_for_each_project_and_never_shown(stack, in_order, ways):
    projects = sorted(stack.ec2_of(stack.told["users"]["skykey"]["id"]).values())
    assert len(projects) == len(set(projects)), projects
    backend = set(stack.ec2_of(stack.told["users"]["skykey"]["id"]))
    assert backend.isdisjoint(keys.access for keys in ways.values())


def test_a_reader_has_no_way_into_the_data_project(in_order, alice):
    from sky import openstack

    assert openstack(alice, "m13", "ec2", "credentials", "create", check=False).returncode != 0
    listed = openstack(alice, "m13-ro", "ec2", "credentials", "list")
    assert json.dumps(listed).count("Access") >= 1
