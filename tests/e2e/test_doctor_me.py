"""skykey doctor --me: what stands between a person and the objects, from their own machine."""

import json

import pytest

from test_command import Machine

PORTAL = ["portal-reachable", "portal-tls", "portal-clock"]
PERSON = ["login", "account", "group"]
STORE = ["s3-reachable", "s3-tls", "s3-clock"]


def survey(name):
    return [f"survey-{name}-{what}" for what in ("lease", "listed", "readable", "read-only", "time-left")]


def examined(machine, *words, env=None):
    """Return the checks by name, in their order, and whether all passed."""
    run = machine.run("doctor", "--me", "--json", *words, check=False, env=env)
    checks = json.loads(run.stdout)["checks"]
    for check in checks:
        assert set(check) == {"name", "ok", "took_ms", "found", "remedy"}
        assert check["remedy"] is None or not check["ok"]
    well = all(check["ok"] for check in checks)
    assert run.returncode == (0 if well else 1), run
    assert (run.stderr == "") == well, run.stderr
    return {check["name"]: check for check in checks}


def failed(checks):
    return [name for name, check in checks.items() if not check["ok"] and not check["found"].startswith("skipped: ")]


@pytest.fixture(scope="module")
def reader(sky, published, tmp_path_factory):
    machine = Machine(sky, tmp_path_factory.mktemp("reader"))
    machine.login(sky.person("bob"))
    return machine


def test_all_is_well_and_nothing_is_left_behind(sky, reader, curator):
    keys = lambda: [found["Key"] for found in curator.client().list_objects_v2(Bucket="m13")["Contents"]]
    before = keys()
    checks = examined(reader)
    assert list(checks) == [*PORTAL, *PERSON, *STORE, *survey("m13"), *survey("other"), "environment"]
    assert failed(checks) == []
    assert "bob, renews itself" in checks["login"]["found"]
    assert "m13: you may read" in checks["group"]["found"]
    assert "of s3://m13/" in checks["survey-m13-readable"]["found"]
    assert checks["survey-m13-read-only"]["found"] == "writing is refused"
    assert checks["survey-other-lease"]["found"].startswith("lease-")
    assert keys() == before
    said = reader.run("doctor", "--me", "--survey", "m13").stdout
    assert "survey-other" not in said and said.endswith("\nEvery check passed.\n")
    assert said.count("✔") == len(PORTAL + PERSON + STORE + survey("m13")) + 1


def test_before_a_login_it_says_to_log_in(sky, tmp_path):
    checks = examined(Machine(sky, tmp_path))
    assert failed(checks) == ["login"]
    assert checks["login"]["remedy"] == f"run 'skykey login --portal {sky.up['portal']}'"
    assert checks["account"]["found"] == "skipped: there is no login"
    assert checks["s3-reachable"]["ok"] and list(tmp_path.rglob("*")) == []


def test_a_portal_that_is_not_there(sky, reader):
    checks = examined(reader, env={"SKYKEY_PORTAL": "http://127.0.0.1:1/"})
    assert failed(checks)[0] == "portal-reachable"
    assert "no connection to http://127.0.0.1:1" in checks["portal-reachable"]["found"]
    assert "firewall" in checks["portal-reachable"]["remedy"]


def test_somebody_who_is_in_no_group_is_told_how_to_ask(sky, published, tmp_path):
    machine = Machine(sky, tmp_path)
    machine.login(sky.person("alice"))
    checks = examined(machine, "--survey", "other")
    assert failed(checks) == ["group"]
    assert "skykey request other/readers" in checks["group"]["remedy"]
    assert checks["lease"]["found"].startswith("skipped: ")
    checks = examined(machine, "--survey", "nowhere")
    assert "there is no survey called 'nowhere'" in checks["group"]["found"]


def test_what_is_in_the_way_is_named_and_never_shown(sky, reader):
    env = {
        "AWS_ACCESS_KEY_ID": "AKhunter2",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_ENDPOINT_URL": "https://hunter2.example/",
        "AWS_PROFILE": "work",
    }
    run = reader.run("doctor", "--me", "--json", "--survey", "m13", check=False, env=env)
    assert "hunter2" not in run.stdout + run.stderr
    checks = examined(reader, "--survey", "m13", env=env)
    assert failed(checks) == ["environment"]
    for name in env:
        assert name in checks["environment"]["found"]
    # skykey's own keys disturb no other tool.
    keys = json.loads(reader.run("credentials", "--survey", "m13").stdout)
    env = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    checks = examined(reader, "--survey", "m13", env=env)
    assert failed(checks) == [] and "skykey's" in checks["environment"]["found"]
    # A profile that setup wrote is one too, until the credentials file has keys of that name.
    reader.run("setup", "--survey", "m13")
    assert failed(examined(reader, "--survey", "m13", env={"AWS_PROFILE": "m13"})) == []
    credentials = reader.home / ".aws" / "credentials"
    credentials.write_text("[m13]\naws_access_key_id = AKhunter2\naws_secret_access_key = hunter2\n")
    checks = examined(reader, "--survey", "m13")
    assert failed(checks) == ["environment"] and "has keys for m13" in checks["environment"]["found"]
    credentials.unlink()
    reader.run("setup", "--remove")
