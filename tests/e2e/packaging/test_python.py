"""The wheel in an environment of its own, and the module `skykey` in it, which asks the real program."""

import json
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from sky import BIN, Sky
from test_command import GROUP, Machine, keys_of

WHEELS = os.environ.get("SKYKEY_WHEELS")
if WHEELS is None and os.environ.get("CI") != "true":
    pytest.skip("SKYKEY_WHEELS names no folder of wheels; tests/run builds them", allow_module_level=True)


class Environment:
    """A virtual environment with the wheel, and nothing that an index has."""

    def __init__(self, folder, kind):
        [self.wheel] = Path(WHEELS, kind).glob("skykey-*.whl")
        venv.create(folder)
        self.bin = folder / "bin"
        self.pip("install", "-q", "--no-index", self.wheel)

    def pip(self, *words):
        """Ours, in that environment: installing one there would take longer than all else."""
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.bin / "python"]
        return subprocess.run([*pip, *words], check=True, capture_output=True, text=True, timeout=120).stdout

    def run(self, *words):
        words = [self.bin / words[0], *words[1:]]
        return subprocess.run(words, env={"HOME": "/nowhere"}, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module", params=["usual", "static"])
def fresh(request, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp(request.param) / "venv", request.param)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python with the wheel, and with boto3, s3fs and astropy from the environment that runs the tests."""
    environment = Environment(tmp_path_factory.mktemp("python") / "venv", "static")
    [packages] = environment.bin.parent.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "clients.pth").write_text("\n".join(ours))
    return environment.bin / "python"


class User(Machine):
    """Somebody who writes Python."""

    def __init__(self, python, sky, home):
        super().__init__(sky, home)
        self.python = python

    def script(self, text):
        command = [self.python, "-c", "import skykey\n" + text]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command, env=self.env, text=True, **pipes)

    def says(self, text):
        with self.script(text) as run:
            out, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
        return out

    def nearly_spend(self, survey):
        """What the program keeps has 19 minutes left, one less than it hands out."""
        [kept] = [path for path in self.kept() if path.name == f"{survey}.json"]
        content = json.loads(kept.read_text())
        content["lease"]["expires"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1140))
        kept.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def bob(python, sky, published, tmp_path_factory):
    user = User(python, sky, tmp_path_factory.mktemp("bob"))
    user.login(sky.person("bob"))
    return user


def test_the_wheel_puts_the_program_and_the_module_into_a_fresh_environment(fresh):
    version = subprocess.run([BIN, "--version"], capture_output=True, text=True, check=True).stdout
    assert fresh.run("skykey", "--version").stdout == version
    assert fresh.run("python", "-m", "skykey", "--version").stdout == version
    said = fresh.run("python", "-c", "import skykey; print(skykey.program()); skykey.credentials('m13')")
    assert said.stdout == f"{fresh.bin / 'skykey'}\n"
    here = "http://127.0.0.1:8080/"
    sentence = f"SkykeyError: you are not logged in at {here}; run 'skykey login --portal {here}'\n"
    assert said.stderr.endswith(sentence), said.stderr
    files = fresh.pip("show", "-f", "skykey")
    assert "skykey/py.typed" in files and f"Version: {version.split()[1]}" in files
    assert not re.search(r"\.rs$|\.toml$|tests/", files, re.M), files


def test_the_tag_says_where_the_program_runs(fresh):
    """A static one runs everywhere; the usual one where glibc is as new as the symbols that it takes."""
    name = fresh.wheel.name
    if "static" in fresh.wheel.parts:
        assert "manylinux_2_17_" in name and "musllinux_1_1_" in name
        return
    needed = re.findall(rb"GLIBC_2\.(\d+)\b", (fresh.bin / "skykey").read_bytes())
    assert f"manylinux_2_{max(map(int, needed))}_" in name, name


SHOWN = """
import dataclasses, json
found = skykey.credentials("m13")
print(repr(found))
print(json.dumps(dataclasses.asdict(found), default=lambda end: end.isoformat()))
try:
    found.region = "x"
except dataclasses.FrozenInstanceError:
    print("frozen")
"""


def test_credentials_are_what_the_program_prints_and_hide_their_secrets(sky, bob):
    said = bob.says(SHOWN)
    shown, fields, frozen = said.splitlines()
    fields = json.loads(fields)
    printed = json.loads(bob.run("credentials", "--survey", "m13", "--format", "json").stdout)
    keys = printed["credentials"]
    assert fields["access_key_id"] == keys["AccessKeyId"] and fields["secret_access_key"] == keys["SecretAccessKey"]
    assert fields["session_token"] == keys["SessionToken"] and fields["lease"] == printed["lease"]["id"]
    assert fields["expires"] == keys["Expiration"].replace("Z", "+00:00") and frozen == "frozen"
    assert fields["endpoint"] == sky.s3 and fields["region"] == "us-east-1" and fields["prefixes"] == ["m13/"]
    assert keys["AccessKeyId"] in shown
    assert keys["SecretAccessKey"] not in shown and keys["SessionToken"] not in shown


REFUSED = """
for ask in (
    lambda: skykey.credentials("nowhere"),
    lambda: skykey.credentials("m13", lifetime=60),
    lambda: skykey.session("m13", portal="http://sky.example/"),
    lambda: skykey.storage_options("--help"),
):
    try:
        ask()
    except skykey.SkykeyError as error:
        print(str(error).splitlines()[0])
"""


def test_what_cannot_be_had_is_one_exception_with_the_programs_sentence(bob, tmp_path):
    said = bob.says(REFUSED).splitlines()
    words = ("there is no survey called 'nowhere'", "3600 to 43200", "is not encrypted", "--help")
    assert len(said) == len(words) and all(word in line for word, line in zip(words, said)), said


def test_without_the_program_it_says_how_to_get_it(python, tmp_path):
    [module] = python.parent.parent.glob("lib/python*/site-packages")
    alone = {"PATH": str(tmp_path), "PYTHONPATH": str(module), "HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-m", "skykey"], env=alone, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and run.stderr.startswith("error: the program skykey is neither"), run.stderr
    assert run.stderr.endswith("reinstall the wheel of this module\n") and run.stderr.count("\n") == 1


# One client. A line asks for a listing; 'due' has botocore think that its credentials are nearly spent.
ONE_CLIENT = """
import datetime, os, sys, threading
session = skykey.session({survey!r})
s3 = session.client("s3")
keys = session.get_credentials()
def due():
    keys._expiry_time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
def look():
    try:
        return f"{{s3.list_objects_v2(Bucket={survey!r})['KeyCount']}} {{keys.get_frozen_credentials().access_key}}"
    except (skykey.SkykeyError, s3.exceptions.ClientError) as error:
        return f"{{type(error).__name__}} {{error}}"
for line in sys.stdin:
    exec(line)
"""


def asked(run, line):
    run.stdin.write(line + "\n")
    run.stdin.flush()
    said = run.stdout.readline()
    assert said, run.stderr.read()
    return said.strip()


LOOK = "print(look(), flush=True)"
DUE = f"due(); {LOOK}"


def test_one_client_of_a_session_renews_and_the_old_credentials_are_gone(bob):
    with bob.script(ONE_CLIENT.format(survey="m13")) as run:
        count, first = asked(run, LOOK).split()
        assert int(count) > 0 and asked(run, DUE) == f"{count} {first}"
        lease = json.loads(bob.run("credentials", "--survey", "m13", "--format", "json").stdout)["lease"]["id"]
        bob.nearly_spend("m13")
        bob.run("revoke", lease)
        again, second = asked(run, DUE).split()
        assert again == count and second != first
        run.stdin.close()
        assert run.wait(20) == 0


def test_a_session_is_good_for_threads_for_a_resource_and_after_a_fork(bob):
    threads = (
        "from concurrent.futures import ThreadPoolExecutor as P; due(); "
        "print(*sorted(set(P(16).map(lambda _: look(), range(64)))), sep='|', flush=True)"
    )
    # Another thread is renewing at the moment of the fork.
    fork = (
        "due(); keys._refresh_lock.acquire(); child = os.fork()\n"
        "if child == 0: print(look(), flush=True); os._exit(0)\n"
        "keys._refresh_lock.release(); os.waitpid(child, 0)"
    )
    with bob.script(ONE_CLIENT.format(survey="m13")) as run:
        listed = asked(run, LOOK)
        assert asked(run, threads) == listed
        assert asked(run, f"exec({fork!r})") == listed
        key = "next(iter(session.resource('s3').Bucket('m13').objects.all())).key"
        assert asked(run, f"print({key}, session.region_name, flush=True)").endswith(".fits us-east-1")
        run.stdin.close()
        assert run.wait(20) == 0


def test_storage_options_open_an_image_and_renew(bob):
    script = """
import asyncio, datetime, s3fs
from astropy.io import fits
options = skykey.storage_options("m13", lifetime="2h")
with fits.open("s3://m13/M13_blue_0001.fits", use_fsspec=True, fsspec_kwargs=options) as image:
    print(image[0].header["NAXIS"])
s3 = s3fs.S3FileSystem(**options, skip_instance_cache=True)
print(len(s3.ls("m13")))
keys = options["session"]._credentials
keys._expiry_time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
before = keys._access_key
input()
print(len(s3.ls("m13", refresh=True)), before != keys._access_key)
"""
    with bob.script(script) as run:
        assert run.stdout.readline() == "2\n", run.stderr.read()
        count = run.stdout.readline().strip()
        bob.nearly_spend("m13.7200")
        assert asked(run, "") == f"{count} True"
        assert run.wait(20) == 0, run.stderr.read()


SHORT = """
[[survey]]
name = "short"
images = "{images}"
methods = ["gateway"]
cut = "5s"
"""


def test_clients_read_on_after_their_first_credentials_have_expired(python, tmp_path):
    images, config, home = tmp_path / "images", tmp_path / "skykey.toml", tmp_path / "home"
    images.mkdir()
    home.mkdir()
    (images / "a.fits").write_bytes(b"SIMPLE  =                    T".ljust(2880))
    config.write_text(SHORT.format(images=images))
    both = """
import sys, s3fs
s3, files = skykey.session("short").client("s3"), s3fs.S3FileSystem(**skykey.storage_options("short"))
for line in sys.stdin:
    print(s3.list_objects_v2(Bucket="short")["KeyCount"], files.info("short/a.fits", refresh=True)["size"], flush=True)
"""
    with Sky(tmp_path / "state", "--config", config) as sky:
        user = User(python, sky, home)
        user.login(sky.person("bob"))
        with user.script(both) as run:
            assert asked(run, "") == "1 2880"
            issued = json.loads(user.run("credentials", "--survey", "short").stdout)
            deadline = time.monotonic() + 20
            with pytest.raises(Exception, match="ExpiredToken"):
                while time.monotonic() < deadline:
                    keys_of(sky, issued).list_objects_v2(Bucket="short")
                    time.sleep(0.5)
            assert asked(run, "") == "1 2880"
            run.stdin.close()
            assert run.wait(20) == 0, run.stderr.read()


def test_a_removed_person_sees_the_reason_in_python_and_reads_again_when_back(python, sky, published, tmp_path):
    alice, olive = sky.person("alice"), sky.person("olive")
    user = User(python, sky, tmp_path)
    user.login(alice)
    alice.ask_to_join(GROUP)
    olive.approve("alice", GROUP)
    with user.script(ONE_CLIENT.format(survey="other")) as run:
        assert asked(run, DUE).startswith("1 ")
        olive.remove(alice, GROUP)
        deadline = time.monotonic() + 20
        # The endpoint may say so first, and the program when it next asks the portal.
        while not (said := asked(run, DUE)).startswith("SkykeyError"):
            assert time.monotonic() < deadline, said
            time.sleep(0.5)
        assert f"not a member of {GROUP}" in said and f"skykey request {GROUP}" in said, said
        alice.ask_to_join(GROUP)
        olive.approve("alice", GROUP)
        assert asked(run, LOOK).startswith("1 ")
        run.stdin.close()
        assert run.wait(20) == 0
    olive.remove(alice, GROUP)
    user.run("logout")
