"""`skykey up`: its promises to the person who starts it."""

import json
import signal
import subprocess
import threading
import time

import pytest
import requests

from sky import BIN, Keys, Sky, free_base_port
from test_refusals import ask


def refused(*args):
    run = subprocess.run([BIN, *map(str, args)], capture_output=True, text=True, timeout=30)
    assert run.returncode != 0
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, run.stderr
    return errors[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory, images):
    """As the README says it: the demo survey, and the real images beside it."""
    folder = tmp_path_factory.mktemp("demo")
    with Sky(folder / "state", "--survey", f"m13={images}") as sky:
        yield sky


def test_the_demo_survey_holds_fields_and_stamps(demo):
    from io import BytesIO

    from astropy.io import fits
    from astropy.wcs import WCS

    keys = demo.person("bob").lease(survey="demo")
    s3 = keys.client()
    listed = s3.list_objects_v2(Bucket="demo")["Contents"]
    stamps = [item for item in listed if item["Size"] == 20160]
    fields = [item for item in listed if item["Size"] != 20160]
    assert (len(fields), len(stamps)) == (12, 300)
    for item in fields[:2]:
        with fits.open(BytesIO(s3.get_object(Bucket="demo", Key=item["Key"])["Body"].read())) as hdus:
            hdus.verify("exception")
            assert hdus[0].data.shape == (1024, 1024)
            assert WCS(hdus[0].header).wcs.ctype[0] == "RA---TAN"
            assert hdus[0].data.max() > hdus[0].data.mean() * 3
    with fits.open(BytesIO(s3.get_object(Bucket="demo", Key=stamps[0]["Key"])["Body"].read())) as hdus:
        assert hdus[0].data.shape == (63, 63) and hdus[0].data.dtype.itemsize == 4


def test_a_folder_is_published_as_it_is(demo, images):
    s3 = demo.person("bob").lease(survey="m13").client()
    listed = {item["Key"]: item["Size"] for item in s3.list_objects_v2(Bucket="m13")["Contents"]}
    assert listed == {path.name: path.stat().st_size for path in images.iterdir()}


def test_up_json_is_private_and_complete(demo):
    path = demo.state / "up.json"
    assert path.stat().st_mode & 0o777 == 0o600
    up = json.loads(path.read_text())
    assert set(up) == {"portal", "iam", "keystone", "s3", "region", "people", "surveys"}
    assert [person["username"] for person in up["people"]] == ["alice", "bob", "carol", "olive"]
    assert {"name": "demo", "bucket": "demo"} in up["surveys"]
    assert up["iam"].endswith("/")
    ports = [int(up[what].split(":")[2].split("/")[0]) for what in ("portal", "iam", "keystone", "s3")]
    assert ports == list(range(demo.base_port, demo.base_port + 4))


def test_a_second_process_a_taken_port_and_a_bad_folder_are_one_clear_line(demo, tmp_path):
    assert "another skykey is using" in refused("up", "--state", demo.state, "--base-port", free_base_port())
    assert "--base-port" in refused("up", "--state", tmp_path / "new", "--base-port", demo.base_port)
    (tmp_path / "file").write_text("")
    assert "--state DIR" in refused("up", "--state", tmp_path / "file" / "state", "--base-port", free_base_port())
    missing = refused("up", "--state", tmp_path / "s", "--base-port", free_base_port(), "--survey", "abc=/no/such/folder")
    assert "/no/such/folder" in missing
    (tmp_path / "bad.toml").write_text("[[survey]]\nname = 'm13'\ncolour = 1\n")
    assert "colour" in refused("up", "--state", tmp_path / "s", "--config", tmp_path / "bad.toml")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_five_seconds_and_goes_on_where_it_stopped(tmp_path, images, sig):
    sky = Sky(tmp_path / "state", "--survey", f"m13={images}")
    with sky:
        before = sky.up
        keys = sky.person("bob").lease(survey="m13", method="gateway")
        begun = time.monotonic()
        assert sky.stop(sig) == 0
        assert time.monotonic() - begun < 5
        assert not (sky.state / "up.json").exists()
        sky.start()
        assert sky.up == before
        assert ask(keys, "list_objects_v2", {"Bucket": "m13"}) is None
        bob = sky.person("bob")
        leases = requests.get(bob.portal("api/v1/leases"), headers=bob.bearer).json()["leases"]
        assert keys.lease["id"] in [lease["id"] for lease in leases]


def test_every_acknowledged_upload_survives_kill_9(tmp_path):
    """Eight writers, killed in the middle, three times over."""
    folder = tmp_path / "empty"
    folder.mkdir()
    acknowledged = {}
    with Sky(tmp_path / "state", "--survey", f"m13={folder}") as sky:
        carol = sky.person("carol")
        for round_number in range(3):
            keys = carol.lease(survey="m13", access="write", method="gateway")
            stop = threading.Event()

            def write(worker, keys=keys, round_number=round_number):
                s3 = keys.client()
                number = 0
                while not stop.is_set():
                    size = 20160 if number % 7 else 2_000_000
                    key = f"r{round_number}/w{worker}/{number}.fits"
                    body = bytes([round_number * 80 + worker * 10 + number % 10]) * size
                    try:
                        s3.put_object(Bucket="m13", Key=key, Body=body)
                    except Exception:
                        return
                    acknowledged[key] = body[:1], size
                    number += 1

            writers = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
            for writer in writers:
                writer.start()
            time.sleep(1.5)
            sky.process.kill()
            stop.set()
            for writer in writers:
                writer.join()
            sky.process.wait()
            sky.start()
            carol = sky.person("carol")
            s3 = Keys.client(carol.lease(survey="m13", method="gateway"))
            for key, (byte, size) in acknowledged.items():
                assert s3.get_object(Bucket="m13", Key=key)["Body"].read() == byte * size, key
    assert len(acknowledged) > 50
    print(f"{len(acknowledged)} acknowledged uploads, all there after three kill -9")


def test_a_survey_that_comes_later_has_its_readers_and_curators(tmp_path, images):
    with Sky(tmp_path / "state") as sky:
        bob, olive = sky.person("bob"), sky.person("olive")
        olive.remove(bob, "demo/readers")
        assert sky.stop() == 0
        with Sky(sky.state, "--survey", f"m13={images}", base_port=sky.base_port) as again:
            bob = again.person("bob")
            assert ask(bob.lease(survey="m13"), "list_objects_v2", {"Bucket": "m13"}) is None
            assert bob.ask_lease(survey="demo").status_code == 403  # removed is removed
            assert again.person("carol").ask_lease(survey="m13", access="write").status_code == 201


def test_help_teaches():
    text = subprocess.run([BIN, "up", "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("--state", "--base-port", "--survey", "--config", "Examples:", "Ctrl-C"):
        assert word in text
    script = subprocess.run([BIN, "completions", "bash"], capture_output=True, text=True, check=True).stdout
    assert "--base-port" in script
