"""skykey ls, cat and cp, against a running skykey: what arrives is what was stored, whole or not at all."""

import json
import os
import signal
import stat
import subprocess
import time

import numpy
import pytest
import requests

from sky import BIN
from test_command import Machine

STAMPS = 300
LARGE = 192 << 20


@pytest.fixture(scope="module")
def reader(sky, published, tmp_path_factory):
    machine = Machine(sky, tmp_path_factory.mktemp("reader"))
    machine.login(sky.person("bob"))
    return machine


@pytest.fixture(scope="module")
def objects(curator, published):
    """Below s3://m13/tools/: many stamps, a large object, and keys that are hard to name; gone afterwards."""
    s3 = curator.client()
    random = numpy.random.default_rng(2026)
    held = {f"tools/stamps/{number:03}.fits": random.bytes(20_160) for number in range(STAMPS)}
    held["tools/large.bin"] = random.bytes(1 << 20) * (LARGE >> 20)
    held["tools/odd/a b+c%20&é.txt"] = b"odd"
    held["tools/odd/empty"] = b""
    for key, body in held.items():
        s3.put_object(Bucket="m13", Key=key, Body=body)
    yield held
    for key in held:
        s3.delete_object(Bucket="m13", Key=key)


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def end(sky, lease):
    """Ended from elsewhere: this machine does not know it."""
    answer = requests.delete(sky.up["portal"] + f"api/v1/leases/{lease}", headers=sky.person("bob").bearer)
    assert answer.status_code < 300, answer.text


def start(machine, *words, cwd):
    return subprocess.Popen(
        [BIN, *map(str, words)], env=machine.env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_until(condition, timeout=30):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_ls_shows_surveys_folders_and_objects(reader, objects, images):
    said = reader.run("ls").stdout
    assert "s3://m13/    m13    The globular cluster M13" in said and "s3://other/" in said
    said = reader.run("ls", "s3://m13/").stdout.splitlines()
    assert any(line.split() == ["folder", "tools/"] for line in said), said
    size = (images / "M13_blue_0001.fits").stat().st_size
    exact = reader.run("ls", "--bytes", "s3://m13/M13_blue_0001").stdout
    assert exact.split()[-2:] == [str(size), "M13_blue_0001.fits"] and exact.count("\n") == 1
    human = reader.run("ls", "s3://m13/tools/stamps/000.fits").stdout
    assert human.split()[-3:] == ["19.6", "KiB", "000.fits"]
    said = reader.run("ls", "-r", "s3://m13/tools/").stdout
    assert said.count("stamps/") == STAMPS and "odd/a b+c%20&é.txt" in said
    # Nobody has to read to the end.
    run = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {BIN} ls -r s3://m13/tools/ | head -1"], env=reader.env, capture_output=True
    )
    assert run.returncode == 0 and run.stderr == b""


def test_what_is_not_there_is_said(reader, objects, tmp_path):
    for words, sentence in [
        (["ls", "s3://m13/nothing"], "there is nothing at s3://m13/nothing; 'skykey ls s3://m13/'"),
        (["ls", "s3://nowhere/"], "s3://nowhere/ belongs to no survey; they are at s3://m13/, s3://other/"),
        (["cat", "s3://m13/tools/gone"], "there is no object s3://m13/tools/gone; 'skykey ls s3://m13/tools/'"),
        (["cat", "s3://m13/tools/"], "is a folder; 'skykey ls s3://m13/tools/' lists it"),
        (["cp", "s3://m13/tools/gone", tmp_path], "there is no object"),
        (["cp", "s3://m13/tools/", tmp_path], "is a folder; 'skykey cp --recursive"),
        (["cp", "-r", "s3://m13/gone/", tmp_path], "there is nothing below s3://m13/gone/"),
        (["cp", "s3://m13/tools/large.bin", tmp_path / "no" / "folder"], "No such file or directory"),
        (["cp", "a", "b"], "both are on this machine"),
        (["ls", "--survey", "other", "s3://m13/"], "cannot list s3://m13/: the object store refuses it"),
    ]:
        assert sentence in reader.refused(*words), words
    run = reader.run("ls", "m13/", check=False)
    assert run.returncode == 2 and "write s3://bucket/key" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_cat_gives_the_bytes_and_no_more_than_are_wanted(reader, objects, images):
    name = "M13_blue_0001.fits"
    whole = (images / name).read_bytes()
    run = subprocess.run([BIN, "cat", f"s3://m13/{name}", "s3://m13/tools/odd/a b+c%20&é.txt"], env=reader.env, capture_output=True)
    assert run.returncode == 0 and run.stdout == whole + b"odd" and run.stderr == b""
    script = f"set -o pipefail; {BIN} cat s3://m13/{name} | head -c 2880"
    run = subprocess.run(["bash", "-c", script], env=reader.env, capture_output=True)
    assert run.stdout == whole[:2880] and run.stderr == b""


def test_cp_copies_once_and_loses_nothing_of_the_persons(reader, objects, images, tmp_path):
    name = "M13_blue_0002.fits"
    whole = (images / name).read_bytes()
    assert "copied 1 object, 2.7 MiB" in reader.run("cp", f"s3://m13/{name}", ".", cwd=tmp_path).stderr
    assert (tmp_path / name).read_bytes() == whole
    assert "1 object the same already there" in reader.run("cp", f"s3://m13/{name}", tmp_path).stderr
    (tmp_path / name).write_bytes(b"mine")
    said = reader.refused("cp", f"s3://m13/{name}", tmp_path)
    assert "is there already, and is not the same; --force replaces it" in said
    assert (tmp_path / name).read_bytes() == b"mine"
    assert reader.run("cp", "--force", "--quiet", f"s3://m13/{name}", tmp_path / name).stderr == ""
    assert files_below(tmp_path) == {name: whole}


def test_cp_copies_a_folder_byte_by_byte_and_is_taken_up(reader, objects, tmp_path):
    below = {key.removeprefix("tools/"): body for key, body in objects.items()}
    reader.run("cp", "--recursive", "s3://m13/tools", tmp_path / "copy")
    assert files_below(tmp_path / "copy") == below
    (tmp_path / "copy" / "stamps" / "007.fits").unlink()
    (tmp_path / "copy" / "stamps" / "008.fits").write_bytes(b"mine")
    run = reader.run("cp", "--recursive", "s3://m13/tools/", tmp_path / "copy", check=False)
    assert run.returncode == 1 and f"1 of {len(below)} objects were not copied" in run.stderr
    assert "stamps/008.fits is there already" in run.stderr
    assert (tmp_path / "copy" / "stamps" / "007.fits").read_bytes() == objects["tools/stamps/007.fits"]
    reader.run("cp", "--recursive", "--force", "s3://m13/tools/", tmp_path / "copy")
    assert files_below(tmp_path / "copy") == below


def test_killed_in_the_middle_there_is_no_half_file(reader, objects, tmp_path):
    parts = lambda: [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    with start(reader, "cp", "s3://m13/tools/large.bin", "large.bin", cwd=tmp_path) as run:
        wait_until(lambda: any(part.stat().st_size > 1 << 20 for part in parts()))
        run.kill()
    assert run.returncode == -signal.SIGKILL
    [part] = parts()
    assert 0 < part.stat().st_size < LARGE and not (tmp_path / "large.bin").exists()
    reader.run("cp", "s3://m13/tools/large.bin", tmp_path)
    assert files_below(tmp_path) == {"large.bin": objects["tools/large.bin"]}


def interrupted(reader, words, folder):
    """What it says when it is stopped in the middle; where it was faster than that, it is done once more."""
    for attempt in range(20):
        cwd = folder / str(attempt)
        cwd.mkdir(parents=True)
        with start(reader, *words, cwd=cwd) as run:
            wait_until(lambda: any(path.suffix == ".part" for path in cwd.rglob("*")))
            run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=30)
        if run.returncode != 0:
            return run.returncode, err, files_below(cwd)
    raise AssertionError("twenty copies ended before they could be stopped")


def test_interrupted_it_says_so_and_leaves_nothing(reader, objects, tmp_path):
    for words in (["cp", "s3://m13/tools/large.bin", "."], ["cp", "-r", "s3://m13/tools/", "."]):
        code, err, left = interrupted(reader, words, tmp_path / words[1].strip("-")[:2])
        assert code == 130 and "interrupted; " in err, err
        assert not any(name.endswith(".part") for name in left)
        # Of a folder, what was whole by then stays.
        assert "large.bin" not in left or "-r" in words
        for name, body in left.items():
            assert body == objects[f"tools/{name}"]


def test_a_lease_that_ends_in_the_middle_is_renewed(sky, reader, objects, tmp_path):
    lease = json.loads(reader.run("credentials", "--survey", "m13", "--format", "json").stdout)["lease"]["id"]
    with start(reader, "cp", "-r", "--at-once", "1", "s3://m13/tools/stamps/", "stamps", cwd=tmp_path) as run:
        wait_until(lambda: len(list(tmp_path.rglob("*.fits"))) > 10)
        end(sky, lease)
        assert len(list(tmp_path.rglob("*.fits"))) < STAMPS, "too fast to end a lease in the middle"
        _, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert len(list(tmp_path.rglob("*.fits"))) == STAMPS
    after = json.loads(reader.run("credentials", "--survey", "m13", "--format", "json").stdout)["lease"]["id"]
    assert after != lease


def test_what_is_no_file_stays(reader, objects, tmp_path):
    """As root, a file put in the place of /dev/stdout would break the machine."""
    pipe, folder, link = tmp_path / "pipe", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(pipe)
    (folder / "000.fits").mkdir(parents=True)
    assert "no file but a device or a pipe; " in reader.refused("cp", "--force", "s3://m13/tools/stamps/000.fits", pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert "is a folder; " in reader.refused("cp", "--force", "s3://m13/tools/stamps/000.fits", folder)
    # A link leads to the file that is meant.
    (tmp_path / "file").touch()
    link.symlink_to(tmp_path / "file")
    reader.run("cp", "--force", "s3://m13/tools/stamps/000.fits", link)
    assert link.is_symlink() and (tmp_path / "file").read_bytes() == objects["tools/stamps/000.fits"]
    said = reader.refused("cat", "s3://m13/tools/./stamps/000.fits")
    assert "'.' or '..' is a part of its key" in said


def test_a_reader_cannot_write_and_a_curator_can(sky, reader, curator, tmp_path):
    small, large = tmp_path / "small.txt", tmp_path / "large.bin"
    small.write_text("small")
    large.write_bytes(b"0123456789abcdef" * (3 << 20))
    assert "needs a lease that writes" in reader.refused("cp", small, "s3://m13/tools-up/")
    assert "may not write the survey m13: not a member of m13/curators" in reader.refused(
        "cp", "--write", small, "s3://m13/tools-up/"
    )
    carol = Machine(sky, tmp_path / "carol")
    carol.login(sky.person("carol"))
    before = carol.run("leases").stdout
    s3 = curator.client()
    try:
        for path in (small, large):
            assert "copied 1 object" in carol.run("cp", "--write", path, "s3://m13/tools-up/").stderr
            held = s3.get_object(Bucket="m13", Key=f"tools-up/{path.name}")["Body"].read()
            assert held == path.read_bytes()
        small.write_text("other")
        said = carol.refused("cp", "--write", small, "s3://m13/tools-up/small.txt")
        assert "s3://m13/tools-up/small.txt is there already; --force replaces it" in said
        carol.run("cp", "--write", "--force", small, "s3://m13/tools-up/small.txt")
        assert s3.get_object(Bucket="m13", Key="tools-up/small.txt")["Body"].read() == b"other"
        # What could write is given back, and is kept nowhere.
        assert carol.run("leases").stdout == before
        assert not any(path.suffix == ".json" and "leases" in path.parts for path in carol.kept())
        assert s3.list_multipart_uploads(Bucket="m13").get("Uploads", []) == []
    finally:
        for name in ("small.txt", "large.bin"):
            s3.delete_object(Bucket="m13", Key=f"tools-up/{name}")


def test_after_a_removal_every_one_of_them_says_so(sky, published, tmp_path):
    group = "other/readers"
    alice, olive = sky.person("alice"), sky.person("olive")
    machine = Machine(sky, tmp_path)
    machine.login(alice)
    said = machine.refused("cat", "s3://other/secret.fits")
    assert f"is for members of {group}; to ask, run 'skykey request {group}" in said
    machine.run("request", group, "--note", "to look at secret.fits")
    olive.approve("alice", group)
    assert machine.run("cat", "s3://other/secret.fits").stdout.startswith("SIMPLE")
    olive.remove(alice, group)
    deadline = time.monotonic() + 20
    # With the survey named, the kept lease is tried until the store or the portal says no.
    while machine.run("cat", "--survey", "other", "s3://other/secret.fits", check=False).returncode == 0:
        assert time.monotonic() < deadline, "a removed person still reads"
        time.sleep(0.2)
    for words in (
        ["cat", "--survey", "other", "s3://other/secret.fits"],
        ["ls", "--survey", "other", "s3://other/"],
        ["cp", "--survey", "other", "s3://other/secret.fits", tmp_path],
    ):
        assert f"not a member of {group}" in machine.refused(*words), words
    assert not (tmp_path / "secret.fits").exists()
