"""The command on alice's own machine, at the real Ceph: what she lists, reads and copies, and what she cannot."""

import json
import subprocess

import pytest

from sky import AWS, BIN
from test_command import Machine
from test_first_light import IMAGE


@pytest.fixture(scope="module")
def laptop(in_order, alice, published, tmp_path_factory):
    machine = Machine(in_order, tmp_path_factory.mktemp("laptop"))
    said = machine.login(in_order.person("alice"))
    assert "Logged in as alice." in said and "m13" in said, said
    return machine


def test_she_lists_and_reads(laptop, published):
    original = (published / IMAGE).read_bytes()
    listed = laptop.run("ls", "--bytes", "s3://m13/").stdout
    for path in published.iterdir():
        assert f"{path.stat().st_size} {path.name}" in " ".join(listed.split()), listed
    read = subprocess.run([BIN, "cat", f"s3://m13/{IMAGE}"], env=laptop.env, capture_output=True)
    assert read.returncode == 0, read.stderr
    same = read.stdout == original
    assert same
    for words, sentence in [
        (["ls", "s3://m13/nothing"], "there is nothing at s3://m13/nothing"),
        (["cat", "s3://m13/nothing"], "there is no object s3://m13/nothing"),
    ]:
        assert sentence in laptop.refused(*words), words


def test_she_copies_everything_once(laptop, published, tmp_path):
    said = laptop.run("cp", "-r", "s3://m13/", tmp_path / "all").stderr
    assert "copied" in said, said
    copied = {path.name: path.read_bytes() for path in (tmp_path / "all").rglob("*") if path.is_file()}
    for path in published.iterdir():
        same = copied[path.name] == path.read_bytes()
        assert same, path.name
    again = laptop.run("cp", "-r", "s3://m13/", tmp_path / "all").stderr
    assert "copied 0 objects" in again and "the same already there" in again, again


def test_she_cannot_write(laptop, stack, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    words = ("cp", tmp_path / "mine.txt", "s3://m13/mine.txt")
    assert "curators get with --write" in laptop.refused(*words)
    assert "m13" in laptop.refused("cp", "--write", *words[1:])
    assert "there is nothing" in laptop.refused("ls", "s3://m13/mine.txt")


def test_a_command_finds_credentials(laptop, published):
    endpoint = laptop.sky.s3
    run = laptop.run("exec", "--survey", "m13", "--", AWS, "s3", "ls", "s3://m13/", "--endpoint-url", endpoint)
    assert IMAGE in run.stdout, run
    made = json.loads(laptop.run("credentials", "--survey", "m13").stdout)
    assert made["Version"] == 1 and made["SessionToken"], sorted(made)


def test_her_doctor_finds_all_well(laptop):
    run = laptop.run("doctor", "--me", "--survey", "m13", "--json", check=False)
    wrong = [check for check in json.loads(run.stdout)["checks"] if not check["ok"]]
    assert wrong == [] and run.returncode == 0, run
