"""`skykey doctor` at a real Keystone and a real Ceph: all well when all is, and each wrong configuration named."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import doctoring
from doctoring import another_gateway, backend_credentials, bucket_policy, configuration, doctor, without_role
from sky import BIN

FAKETIME = [
    path
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib")
    for path in [Path(folder) / "faketime/libfaketimeMT.so.1"]
    if path.exists()
]


@pytest.fixture(scope="module")
def stack_file():
    if not os.environ.get("SKYKEY_REALSTACK"):
        pytest.skip("SKYKEY_REALSTACK does not name the stack.json of a real Keystone and Ceph")
    return Path(os.environ["SKYKEY_REALSTACK"])


@pytest.fixture(scope="module")
def stack(stack_file):
    doctoring.script(stack_file, "wire", "--role")
    return json.loads(stack_file.read_text())


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    with doctoring.embedded_iam(tmp_path_factory.mktemp("doctor")) as sky:
        yield sky


@pytest.fixture(scope="module")
def in_order(tmp_path_factory, stack, sky):
    """The stack after `skykey survey apply`, with something to read in it."""
    config = configuration(tmp_path_factory.mktemp("in-order"), stack, doctoring.iam_of(sky))
    doctoring.apply(config)
    curator = doctoring.keystone(stack, "carol", "m13")
    made = curator.ec2_credential(stack["projects"]["m13"])
    s3 = doctoring.Signed(stack["rgw"], made["access"], made["secret"], region=stack["region"])
    s3.must("uploading", s3.ask("PUT", "/m13/doctor.fits", body=b"SIMPLE"))
    yield config
    s3.must("deleting", s3.ask("DELETE", "/m13/doctor.fits"))
    curator.forget_ec2_credential(made["access"])


@pytest.fixture
def site_config(tmp_path, stack, sky, in_order):
    """A skykey.toml with something wrong in it."""
    return lambda **wrong: configuration(tmp_path, stack, doctoring.iam_of(sky), **wrong)


def first(found, name, says, remedy):
    """The first thing that is wrong is this."""
    assert found.failed, found
    check = next(iter(found.failed.values()))
    assert check["name"] == name, json.dumps(list(found.values()), indent=1)
    assert says in check["found"], check
    assert remedy in check["remedy"], check


def test_all_is_well_and_nothing_stays_behind(in_order, stack):
    before = backend_credentials(stack)
    found = doctor(in_order)
    assert not found.failed and not found.skipped, json.dumps(list(found.values()), indent=1)
    assert backend_credentials(stack) == before
    assert "Keystone" not in found["keystone-s3tokens"]["found"]
    assert found["survey-m13-policy"]["found"] == "as 'skykey survey apply' leaves it"
    assert found["survey-m13-readable"]["found"].startswith("m13/")
    for way in ("way-1-ec2", "way-2-session-token", "way-3-sts-lite", "way-3-assume-role", "way-4-renewal"):
        assert found[way]["found"].startswith("m13"), found[way]
    assert "899 s is refused, 900 s is accepted" in found["echo-sts-shortest"]["found"]
    assert "43200 s is accepted, 43201 s is refused" in found["echo-sts-longest"]["found"]
    assert "300 s" in found["echo-ec2-deleted"]["found"]


def test_the_table_is_for_people(in_order):
    run = subprocess.run([BIN, "doctor", "--config", in_order], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].startswith("✔ iam-reachable ") and lines[-1] == "Every check passed."
    assert "\x1b" not in run.stdout


def test_another_provider_without_scim_is_looked_at_too(site_config, sky):
    found = doctor(site_config(iam='membership = "userinfo"'))
    assert not found.failed and not found.skipped, found.failed
    assert "userinfo" in found["iam-scim"]["found"] and "without SCIM" in found["iam-groups"]["found"]


def test_a_wrong_client_secret(site_config):
    found = doctor(site_config(client_secret="not-the-secret"))
    first(found, "iam-client", "401", "[iam] client_id")
    assert set(found.failed) == {"iam-client"} and set(found.skipped) == {"iam-scim", "iam-groups"}


def test_a_wrong_issuer(site_config, sky):
    first(doctor(site_config(issuer=sky.up["iam"].rstrip("/"))), "iam-discovery", "issuer", "to the letter")


def test_a_wrong_key_of_the_operator(site_config):
    found = doctor(site_config(operator_secret="not-the-secret"))
    first(found, "echo-admin", "InvalidAccessKeyId", "[echo.admin]")
    assert set(found.failed) == {"echo-admin"}, "the rest can be seen without"


def test_a_wrong_password_of_the_backend_user(site_config, tmp_path):
    wrong = doctoring.secret(tmp_path, "backend", "not-the-password")
    found = doctor(site_config(backend_user=wrong))
    first(found, "keystone-backend-login", "401", "[keystone.backend_user]")
    assert set(found.failed) == {"keystone-backend-login"}
    assert found["way-1-ec2"]["found"] == "skipped: the backend user cannot log in"


def test_a_wrong_project(site_config):
    found = doctor(site_config(readers_project="nowhere"))
    first(found, "keystone-backend-roles", "there is no project nowhere-m13", "correct the survey's project")
    assert found["survey-m13-listed"]["found"].startswith("skipped: ")


def test_a_backend_user_without_a_role(in_order, stack):
    with without_role(stack, "m13-ro"):
        found = doctor(in_order)
    first(
        found,
        "keystone-backend-roles",
        "skykey has no role in the project m13-ro",
        "openstack role add --user skykey --project m13-ro member",
    )
    assert set(found.failed) == {"keystone-backend-roles"}
    assert found["survey-other-read-only"]["ok"], "the other survey is not concerned"


@pytest.fixture(scope="module")
def port(stack):
    return int(stack["rgw"].rstrip("/").rsplit(":", 1)[1]) + 8


def test_sts_is_off_though_it_gives_tokens(site_config, stack_file, port):
    with another_gateway(stack_file, "doctor-no-sts", port, "rgw_s3_auth_use_sts=false") as rgw:
        found = doctor(site_config(rgw=rgw))
    first(found, "echo-sts", "STS is off", "rgw_s3_auth_use_sts = true")
    assert found["way-1-ec2"]["ok"] and found["way-2-session-token"]["found"].startswith("skipped")


@pytest.mark.parametrize("key", ["fifteen-letters", ""])
def test_an_sts_key_of_the_wrong_length(site_config, stack_file, port, key):
    with another_gateway(stack_file, f"doctor-key-{len(key)}", port, f"rgw_sts_key={key}") as rgw:
        found = doctor(site_config(rgw=rgw))
    first(found, "echo-sts", "InvalidArgument", "rgw_sts_key")


def test_the_apis_of_sts_are_not_served(site_config, stack_file, port):
    with another_gateway(stack_file, "doctor-no-api", port, "rgw_enable_apis=s3, s3website, admin") as rgw:
        found = doctor(site_config(rgw=rgw))
    assert "rgw_enable_apis" in found["echo-sts"]["remedy"], found["echo-sts"]


def test_the_longest_lifetime_is_too_short(site_config, stack_file, port):
    with another_gateway(stack_file, "doctor-short", port, "rgw_sts_max_session_duration=7200") as rgw:
        found = doctor(site_config(rgw=rgw))
    first(found, "echo-sts-longest", "43200 s is refused", "rgw_sts_max_session_duration = 43200")


def test_a_gateway_that_does_not_accept_the_role(site_config, stack_file, port):
    with another_gateway(stack_file, "doctor-roles", port, "rgw_keystone_accepted_roles=curator") as rgw:
        found = doctor(site_config(rgw=rgw))
    first(found, "echo-ec2", "AccessDenied", "rgw_keystone_accepted_roles")
    assert set(found.failed) == {"echo-ec2"}


def test_a_gateway_that_is_not_there(site_config, port):
    found = doctor(site_config(rgw=f"http://127.0.0.1:{port}/"))
    first(found, "echo-reachable", "no connection", "[echo] endpoint")
    assert set(found.failed) == {"echo-reachable"}
    assert found["echo-sts"]["found"] == "skipped: Echo cannot be reached"


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed")
@pytest.mark.parametrize(("minutes", "says"), [("-20m", "20 min ahead"), ("+20m", "20 min behind")])
def test_the_clock_is_twenty_minutes_off(in_order, stack, minutes, says):
    before = backend_credentials(stack)
    found = doctor(
        in_order, LD_PRELOAD=str(FAKETIME[0]), FAKETIME=minutes, FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1"
    )
    first(found, "iam-clock", says, "timedatectl")
    assert set(found.failed) == {"iam-clock", "keystone-clock", "echo-clock"}, found.failed
    assert "clocks of Echo and of this machine are 20 min apart" in found["echo-ec2"]["found"]
    assert backend_credentials(stack) == before


def everybody(*actions):
    return {
        "Sid": "somebody-else",
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": list(actions),
        "Resource": ["arn:aws:s3:::m13", "arn:aws:s3:::m13/*"],
    }


def test_a_bucket_policy_that_is_too_wide(in_order, stack):
    with bucket_policy(stack, "m13", doctoring.with_statement(everybody("s3:PutObject"))):
        found = doctor(in_order)
    first(found, "survey-m13-policy", "bucket m13", "skykey never changes that")
    assert found["survey-other-policy"]["ok"]


def test_a_bucket_without_a_policy(in_order, stack):
    with bucket_policy(stack, "m13", lambda _: None):
        found = doctor(in_order)
    first(found, "survey-m13-policy", "the policy of bucket m13", "skykey survey apply m13")
    assert "refused with AccessDenied" in found["survey-m13-listed"]["found"]
    assert found["way-1-ec2"]["found"] == "skipped: the readers of m13 cannot list it"
    assert found["survey-other-read-only"]["ok"]


def test_interrupted_it_deletes_what_it_made(in_order, stack):
    before = backend_credentials(stack)
    for wait in (1.5, 3):
        process = subprocess.Popen(
            [BIN, "doctor", "--patient", "--config", in_order],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1 and "interrupted" in err, out + err
        assert "✔ nothing-left-behind" in out, out
        assert backend_credentials(stack) == before


@pytest.mark.skipif("SKYKEY_PATIENT" not in os.environ, reason="takes five minutes; set SKYKEY_PATIENT")
def test_patience_sees_a_deleted_credential_refused(in_order):
    check = doctor(in_order, "--patient")["echo-ec2-deleted"]
    assert check["ok"] and check["found"].startswith("refused after"), check
    assert 200 < float(check["found"].split()[2]) < 330, check
