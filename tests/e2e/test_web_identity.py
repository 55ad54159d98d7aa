"""A token file, as oidc-agent, htgettoken or Kubernetes write it, and clients that lease with it by themselves."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from sky import AWS, PRODUCED, Keys, Sky

S5CMD = Path(sys.executable).parent / "s5cmd"
ROLE = "arn:aws:iam:::role/skykey-m13-readers"
FORM = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleSessionName": "a-job"}
WATCH_EVERY = 1
CUT = 5

CONFIG = f"""
[watch]
every = "{WATCH_EVERY}s"

[[survey]]
name = "m13"
methods = ["gateway"]
cut = "{CUT}s"
"""


@pytest.fixture(scope="module")
def brief(tmp_path_factory):
    """A skykey whose leases end after a few seconds."""
    folder = tmp_path_factory.mktemp("brief")
    (folder / "skykey.toml").write_text(CONFIG)
    with Sky(folder / "state", "--config", folder / "skykey.toml") as sky:
        carol = sky.person("carol").lease(access="write")
        carol.client().put_object(Bucket="m13", Key="M13_blue_0001.fits", Body=b"SIMPLE  =                    T".ljust(2880))
        yield sky
        assert sky.process.poll() is None, f"skykey died:\n{sky.log.read_text()[-4000:]}"


class Job:
    """Somebody's job: a token file, and the environment that a scheduler would give it."""

    def __init__(self, sky, person, folder, role=ROLE):
        self.sky, self.person, self.file = sky, person, folder / "token"
        self.write()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(self.file),
            "AWS_ROLE_ARN": role,
            "AWS_ROLE_SESSION_NAME": "a-job",
            "AWS_ENDPOINT_URL_STS": sky.s3,
            "AWS_ENDPOINT_URL_S3": sky.s3,
            "AWS_DEFAULT_REGION": sky.up["region"],
            "AWS_REGION": sky.up["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def write(self):
        """Another token, in the place of the one before at once."""
        new = self.file.with_suffix(".new")
        new.write_text(self.person.login_for_token()["access_token"] + "\n")
        new.rename(self.file)

    def run(self, *words, check=True, **env):
        run = subprocess.run(
            list(map(str, words)), env={**self.env, **env}, capture_output=True, text=True, timeout=60
        )
        if check:
            assert run.returncode == 0, run.stderr
        return run

    def session(self, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in self.env.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        return boto3.session.Session()


@pytest.fixture
def job(brief, tmp_path):
    return Job(brief, brief.person("bob"), tmp_path)


def test_one_boto3_client_reads_across_expiries_while_the_file_is_rewritten(brief, job, monkeypatch):
    session = job.session(monkeypatch)
    s3 = session.client("s3", config=Config(retries={"total_max_attempts": 1}))
    first = session.get_credentials().get_frozen_credentials()
    PRODUCED.update((first.secret_key, first.token))
    seen, begun = set(), time.monotonic()
    while time.monotonic() - begun < 3 * CUT + 1:
        assert s3.list_objects_v2(Bucket="m13")["KeyCount"] == 1
        seen.add(session.get_credentials().access_key)
        job.write()
        time.sleep(1)
    assert len(seen) > 3, "it was given others in time"
    spent = Keys(brief, first.access_key, first.secret_key, first.token)
    with pytest.raises(ClientError) as caught:
        spent.client().list_objects_v2(Bucket="m13")
    assert caught.value.response["Error"]["Code"] == "ExpiredToken"


@pytest.mark.parametrize("what", ["aws", "s5cmd", "rclone"])
def test_command_lines_read_with_nothing_but_the_environment(brief, job, what):
    words = {
        "aws": [AWS, "s3", "ls", "s3://m13/"],
        # The first version of Go's SDK sends STS to the S3 endpoint.
        "s5cmd": [S5CMD, "--endpoint-url", brief.s3, "ls", "s3://m13/"],
        "rclone": [
            shutil.which("rclone"),
            "lsf",
            f":s3,provider=Ceph,env_auth=true,region={brief.up['region']},endpoint='{brief.s3}':m13/",
        ],
    }[what]
    if words[0] is None:
        pytest.skip("there is no rclone here")
    assert "M13_blue_0001.fits" in job.run(*words).stdout
    time.sleep(CUT + 0.5)
    job.write()
    assert "M13_blue_0001.fits" in job.run(*words).stdout


def test_a_removed_person_sees_the_reason_and_the_same_client_works_again_when_back(brief, job, monkeypatch):
    s3 = job.session(monkeypatch).client("s3", config=Config(retries={"total_max_attempts": 1}))
    s3.list_objects_v2(Bucket="m13")
    olive, bob = brief.person("olive"), job.person
    olive.remove(bob)
    time.sleep(CUT + 0.5)
    with pytest.raises(ClientError) as caught:
        s3.list_objects_v2(Bucket="m13")
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDenied" and "ask to join m13/readers at" in error["Message"], error
    said = job.run(AWS, "s3", "ls", "s3://m13/", check=False)
    assert said.returncode != 0 and "ask to join m13/readers at" in said.stderr
    bob.ask_to_join()
    olive.approve("bob")
    assert s3.list_objects_v2(Bucket="m13")["KeyCount"] == 1


def ask(sky, token, role=ROLE, **fields):
    return requests.post(sky.s3, data={**FORM, "RoleArn": role, "WebIdentityToken": token, **fields})


def test_tokens_that_are_no_access_token_of_this_iam_are_refused(brief, sky):
    """What can be wrong with a token one by one is tried in crates/skykey/tests/it/web_identity.rs."""
    tokens = brief.person("bob").login_for_token()
    head, claims, signature = tokens["access_token"].split(".")
    of_carol = brief.person("carol").token.split(".")[1]
    wrong = {
        "of another IAM": sky.person("bob").token,
        "an id token": tokens["id_token"],
        "a refresh token": tokens["refresh_token"],
        "altered": f"{head}.{of_carol}.{signature}",
        "unsigned": f"eyJhbGciOiJub25lIn0.{claims}.",
        "garbage": "garbage",
        "empty": "",
    }
    for name, token in wrong.items():
        answer = ask(brief, token)
        assert (answer.status_code, "<ErrorResponse" in answer.text) == (400, True), (name, answer.text)
        assert "<Code>InvalidIdentityToken</Code>" in answer.text, (name, answer.text)
        assert not token or token not in answer.text
    assert ask(brief, tokens["access_token"]).status_code == 200
    # It is no key to anything else.
    form = {"Action": "GetSessionToken", "WebIdentityToken": tokens["access_token"]}
    answer = requests.post(brief.s3, data=form)
    assert answer.status_code == 403 and "AccessDenied" in answer.text
    answer = requests.get(brief.s3 + "m13", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code in (400, 403)


def test_neither_the_token_nor_what_it_brought_is_in_the_log(brief):
    log = brief.log.read_text()
    assert not [secret for secret in PRODUCED if secret and secret in log]
