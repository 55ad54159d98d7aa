"""An astronomer reads real images, by each way, with boto3 and the aws command line."""

import io

import numpy
import pytest
from astropy.io import fits

IMAGE = "M13_blue_0001.fits"
WAYS = ["way 1, EC2", "way 2, GetSessionToken", "way 3, sts-lite", "way 3, gateway", "way 3, ec2"]


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
    listing = ways[way].aws("s3", "ls", "s3://m13/").stdout.decode()
    assert IMAGE in listing
    ways[way].aws(
        "s3api", "get-object", "--bucket", "m13", "--key", IMAGE, "--range", "bytes=2880-5759", tmp_path / "part"
    )
    assert (tmp_path / "part").read_bytes() == (published / IMAGE).read_bytes()[2880:5760]


def test_astropy_opens_the_image_in_place(sky, ways, published):
    keys = ways["way 3, gateway"]
    options = {
        "key": keys.access,
        "secret": keys.secret,
        "token": keys.token,
        "client_kwargs": {"endpoint_url": sky.s3, "region_name": sky.up["region"]},
    }
    with (
        fits.open(f"s3://m13/{IMAGE}", use_fsspec=True, fsspec_kwargs=options) as got,
        fits.open(published / IMAGE) as wanted,
    ):
        assert numpy.array_equal(got[0].section[:40, :50], wanted[0].data[:40, :50])


def test_a_presigned_url_reads_and_ends(ways, published):
    import requests

    # boto3 presigns with Signature 2 in us-east-1 unless told otherwise.
    s3 = ways["way 3, gateway"].client(signature_version="s3v4")

    def presigned(seconds, client=s3):
        return client.generate_presigned_url("get_object", Params={"Bucket": "m13", "Key": IMAGE}, ExpiresIn=seconds)

    answer = requests.get(presigned(60))
    assert answer.status_code == 200, answer.text
    same = answer.content == (published / IMAGE).read_bytes()
    assert same
    too_long = presigned(604801)
    refused = requests.get(too_long)
    assert refused.status_code == 400 and "604800" in refused.text
    refused = requests.get(presigned(60, ways["way 3, gateway"].client(signature_version="s3")))
    assert refused.status_code == 400 and "Signature Version 2" in refused.text


def test_virtual_host_style(sky, ways, published, monkeypatch):
    import socket

    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: resolve("127.0.0.1" if str(host).endswith("localhost") else host, *rest, **more),
    )
    keys = ways["way 3, gateway"]
    port = sky.s3.rstrip("/").rsplit(":", 1)[1]
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=f"http://localhost:{port}",
        region_name=sky.up["region"],
        aws_access_key_id=keys.access,
        aws_secret_access_key=keys.secret,
        aws_session_token=keys.token,
        config=Config(s3={"addressing_style": "virtual"}),
    )
    hosts = []
    client.meta.events.register("before-send.s3", lambda request, **_: hosts.append(request.url) and None)
    assert client.head_object(Bucket="m13", Key=IMAGE)["ContentLength"] > 0
    assert hosts[0].startswith("http://m13.localhost")


def test_caller_identity_says_who(ways):
    answer = ways["way 2, GetSessionToken"].client("sts").get_caller_identity()
    assert answer["Account"] == "m13" and answer["Arn"].endswith("/read/alice")
    text = ways["way 1, EC2"].aws("sts", "get-caller-identity").stdout.decode()
    assert "alice" in text
