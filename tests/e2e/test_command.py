"""The command on a person's own machine: logged in by device code, credentials in the form that each tool reads."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
import requests

from sky import AWS, BIN, field

S5CMD = Path(sys.executable).parent / "s5cmd"
S3CMD = Path(sys.executable).parent / "s3cmd"
GROUP = "other/readers"


class Machine:
    """A machine of somebody's: a home of their own, and the program."""

    def __init__(self, sky, home):
        self.sky, self.home = sky, Path(home)
        self.env = {
            "PATH": f"{Path(AWS).parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "SKYKEY_PORTAL": sky.up["portal"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.said = []

    def run(self, *words, check=True, env=None, **kwargs):
        run = subprocess.run(
            [BIN, *map(str, words)], env={**self.env, **(env or {})}, capture_output=True, text=True, timeout=60, **kwargs
        )
        self.said.append(run.stderr)
        if check:
            assert run.returncode == 0, run.stderr
        return run

    def login(self, person):
        command = [BIN, "login"]
        with subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            said = ""
            while "Waiting" not in said:
                line = run.stdout.readline()
                assert line, run.stderr.read()
                said += line
            code = re.search(r"^ +([A-Z]{4}-[A-Z]{4})$", said, re.M).group(1)
            assert person.iam("device") in said
            answer_device(person, code)
            out, err = run.communicate(timeout=60)
            assert run.returncode == 0, err
        return said + out

    def refused(self, *words, **kwargs):
        """Nothing on standard output, one sentence on standard error, exit code 1."""
        run = self.run(*words, check=False, **kwargs)
        assert (run.returncode, run.stdout) == (1, ""), run
        assert run.stderr.startswith("error: ") and run.stderr.count("\n") == 1, run.stderr
        return run.stderr

    def kept(self):
        """The files that the program keeps."""
        return [path for path in (self.home / ".local/state/skykey").rglob("*") if path.is_file()]

    def login_file(self):
        [path] = [path for path in self.kept() if path.name == "login.json"]
        return path

    def change_login(self, **fields):
        path = self.login_file()
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def answer_device(person, code, decision="approve"):
    """The person opens the link, logs in, types the code and answers."""
    page = person.browser.get(person.iam("device"))
    if 'name="password"' in page.text:
        page = person.browser.get(person.fill_login(page))
    for more in ({}, {"decision": decision}):
        fields = {"csrf": field(page.text, "csrf"), "user_code": code, **more}
        page = person.browser.post(person.iam("device"), data=fields)
        assert page.status_code == 200, page.text


@pytest.fixture(scope="module")
def bob(sky, published, tmp_path_factory):
    """bob's machine, logged in; bob reads every survey."""
    machine = Machine(sky, tmp_path_factory.mktemp("bob"))
    said = machine.login(sky.person("bob"))
    assert "Logged in as bob." in said and "m13    read" in said, said
    return machine


def keys_of(sky, answer):
    return boto3.client(
        "s3",
        endpoint_url=sky.s3,
        region_name="us-east-1",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )


def test_before_a_login_every_command_says_to_log_in(sky, tmp_path):
    nobody = Machine(sky, tmp_path)
    for words in (
        ["whoami"],
        ["surveys"],
        ["leases"],
        ["credentials", "--survey", "m13"],
        ["request", GROUP, "--note", "why"],
        ["exec", "--survey", "m13", "--", "true"],
        ["setup"],
        ["revoke", "lease-00"],
    ):
        assert f"run 'skykey login --portal {sky.up['portal']}'" in nobody.refused(*words), words
    assert list(tmp_path.rglob("*")) == []
    assert "were not logged in" in nobody.run("logout").stdout


def test_a_login_that_is_refused_in_the_browser(sky, tmp_path):
    person, machine = sky.person("alice"), Machine(sky, tmp_path)
    with subprocess.Popen(
        [BIN, "login"], env=machine.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        said = ""
        while "Waiting" not in said:
            said += run.stdout.readline()
        answer_device(person, re.search(r"([A-Z]{4}-[A-Z]{4})", said).group(1), "deny")
        _, err = run.communicate(timeout=60)
    assert run.returncode == 1 and "refused in the browser" in err and "run 'skykey login' again" in err
    assert machine.kept() == []


def test_who_they_are_and_what_there_is(sky, bob):
    said = bob.run("whoami").stdout
    assert said.startswith(f"bob at {sky.up['portal']}\n") and GROUP in said
    said = bob.run("surveys").stdout
    assert "m13  The globular cluster M13" in said and "s3://m13/" in said and "3600 to 43200 s" in said


def test_what_is_kept_is_for_one_pair_of_eyes(bob):
    bob.run("credentials", "--survey", "m13")
    kept = bob.kept()
    assert {"login.json", "m13.json"} <= {path.name for path in kept}
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path.parent


def test_the_process_form_and_the_json_form(sky, bob):
    first = bob.run("credentials", "--survey", "m13")
    assert first.stderr == ""
    answer = json.loads(first.stdout)
    assert answer["Version"] == 1
    assert keys_of(sky, answer).list_objects_v2(Bucket="m13")["KeyCount"] > 0
    assert json.loads(bob.run("credentials", "--survey", "m13").stdout) == answer
    whole = json.loads(bob.run("credentials", "--survey", "m13", "--format", "json").stdout)
    assert whole["credentials"]["AccessKeyId"] == answer["AccessKeyId"]
    assert whole["s3"]["endpoint"] == sky.s3 and whole["lease"]["survey"] == "m13"
    other = json.loads(bob.run("credentials", "--survey", "m13", "--lifetime", "6h", "--format", "json").stdout)
    assert other["lease"]["id"] != whole["lease"]["id"]
    assert whole["lease"]["id"] in bob.run("leases").stdout


def test_the_env_form_in_a_shell(bob):
    script = f'eval "$({BIN} credentials --survey m13 --format env)" && aws s3 ls s3://m13/'
    run = subprocess.run(["bash", "-ec", script], env=bob.env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and "M13_blue_0001.fits" in run.stdout, run.stderr


def test_the_aws_form_as_a_profile(bob, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.write_text(bob.run("credentials", "--survey", "m13", "--format", "aws").stdout)
    run = subprocess.run(
        [AWS, "s3", "ls", "s3://m13/", "--profile", "m13"],
        env={**bob.env, "AWS_SHARED_CREDENTIALS_FILE": str(credentials)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0 and "M13_blue_0001.fits" in run.stdout, run.stderr


def test_the_forms_of_other_tools_name_everything(sky, bob):
    host = sky.s3.removeprefix("http://").rstrip("/")
    for form, words in {
        "rclone": ["[m13]", "type = s3", "session_token = ", f"endpoint = http://{host}"],
        "s3cmd": ["[default]", "access_token = ", f"host_base = {host}", "use_https = False"],
        "duckdb": ['CREATE OR REPLACE SECRET "m13"', "SESSION_TOKEN '", f"ENDPOINT '{host}'", "SCOPE ['s3://m13/"],
    }.items():
        said = bob.run("credentials", "--survey", "m13", "--format", form).stdout
        for word in words:
            assert word in said, (form, word)


def test_what_cannot_be_had_is_said(sky, bob):
    assert "there is no survey called 'nowhere'" in bob.refused("credentials", "--survey", "nowhere")
    assert "3600 to 43200" in bob.refused("credentials", "--survey", "m13", "--lifetime", "60")
    assert "you have no lease called" in bob.refused("revoke", "lease-00")
    run = bob.run("credentials", "--survey", "m13", env={"SKYKEY_PORTAL": "http://sky.example/"}, check=False)
    assert run.returncode == 2 and run.stdout == "" and "is not encrypted" in run.stderr
    nobody = {"SKYKEY_PORTAL": "http://127.0.0.1:1/"}
    assert "cannot be reached" in bob.refused("login", env=nobody)


def test_setup_writes_a_profile_and_takes_it_out_again(sky, bob):
    config = bob.home / ".aws" / "config"
    config.parent.mkdir()
    before = b"[default]\r\nregion = eu-west-2\n\n# mine\n[profile mine]\nregion = x"
    config.write_bytes(before)
    config.chmod(0o640)
    assert "[profile m13]" in bob.run("setup", "--survey", "m13", "--dry-run").stdout
    assert config.read_bytes() == before
    bob.run("setup")
    once = config.read_bytes()
    assert "already in" in bob.run("setup").stdout
    assert config.read_bytes() == once and once.startswith(before)
    assert stat.S_IMODE(config.stat().st_mode) == 0o640

    program = (
        "import boto3; s3 = boto3.Session(profile_name='m13').client('s3');"
        "print(s3.list_objects_v2(Bucket='m13')['KeyCount'])"
    )
    run = subprocess.run([sys.executable, "-c", program], env=bob.env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and int(run.stdout) > 0, run.stderr
    run = subprocess.run(
        [AWS, "s3", "ls", "s3://other/", "--profile", "other"], env=bob.env, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0 and "secret.fits" in run.stdout, run.stderr

    assert "section [profile mine] that skykey did not write" in bob.refused(
        "setup", "--survey", "m13", "--profile", "mine"
    )
    bob.run("setup", "--remove", "--survey", "m13")
    assert b"[profile other]" in config.read_bytes() and b"m13" not in config.read_bytes()
    bob.run("setup", "--remove")
    assert config.read_bytes() == before
    assert "nothing of skykey's" in bob.run("setup", "--remove").stdout


def test_setup_gives_rclone_a_remote_if_there_is_an_rclone(bob):
    rclone = bob.home / ".config" / "rclone" / "rclone.conf"
    bob.run("setup", "--survey", "m13")
    assert not rclone.exists()
    bob.run("setup", "--survey", "m13", "--rclone")
    assert "profile = m13" in rclone.read_text()
    bob.run("setup", "--remove")
    assert not rclone.exists()


def test_setup_tells_s3cmd_where_the_objects_are(bob):
    """It has no profiles and no credential_process: its keys come from the shell."""
    file = bob.home / ".s3cfg"
    assert "s3cmd written into" in bob.run("setup", "--survey", "m13", "--s3cmd").stdout
    written = file.read_text()
    assert "host_base = " in written and "access_key" not in written and "secret" not in written
    script = f'set -e; eval "$({BIN} credentials --survey m13 --format env)"; {S3CMD} ls s3://m13/'
    run = subprocess.run(["bash", "-c", script], env=bob.env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and "s3://m13/M13_blue_0001.fits" in run.stdout, run.stderr
    (bob.home / "s3cfg").write_text(bob.run("credentials", "--survey", "m13", "--format", "s3cmd").stdout)
    command = [S3CMD, "-c", bob.home / "s3cfg", "get", "s3://m13/M13_blue_0001.fits", bob.home / "got.fits"]
    run = subprocess.run(command, env=bob.env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and (bob.home / "got.fits").read_bytes().startswith(b"SIMPLE"), run.stderr
    bob.run("setup", "--remove")
    assert not file.exists()
    file.write_text("[default]\nhost_base = s3.example.org\n")
    assert "settings of yours" in bob.refused("setup", "--survey", "m13", "--s3cmd")
    assert file.read_text() == "[default]\nhost_base = s3.example.org\n"


def test_a_full_disk_leaves_no_lease_behind_and_loses_no_login(bob):
    """The IAM takes a refresh token for spent when it has answered, whatever becomes of its successor here."""
    leases = lambda: bob.run("leases").stdout
    before = leases()
    # A file of more than nothing cannot be written, as on a full disk.
    full = lambda words: ["bash", "-c", f"trap '' XFSZ; ulimit -f 0; exec {BIN} {words}"]
    run = lambda words: subprocess.run(full(words), env=bob.env, capture_output=True, text=True, timeout=60)
    for _ in range(2):
        said = run("credentials --survey m13 --lifetime 2h")
        assert (said.returncode, said.stdout) == (1, "") and "cannot write " in said.stderr, said
    assert leases() == before
    bob.change_login(expires="2026-01-01T00:00:00Z")
    for _ in range(2):
        said = run("whoami")
        assert said.returncode == 1 and "cannot write " in said.stderr and "login.json" in said.stderr, said
    assert bob.run("whoami").stdout.startswith("bob at")
    assert not [path for path in bob.kept() if path.suffix == ".new"]


def test_a_proxy_is_taken_but_not_to_this_machine(bob):
    """Many a compute node reaches the world by no other way."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(30)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        env = {**bob.env, "https_proxy": address, "http_proxy": address, "SKYKEY_PORTAL": "https://skykey.example.org/"}
        with subprocess.Popen([BIN, "login"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            asked, _ = proxy.accept()
            assert asked.recv(1000).startswith(b"CONNECT skykey.example.org:443 HTTP/1.1")
            asked.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            asked.close()
            proxy.close()
            _, said = run.communicate(timeout=60)
        assert run.returncode == 1 and "the portal cannot be reached" in said, said
    dead = {"https_proxy": address, "http_proxy": address, "all_proxy": address}
    assert bob.run("whoami", env=dead).stdout.startswith("bob at")
    assert "M13_blue_0001.fits" in bob.run("ls", "s3://m13/", env=dead).stdout


def test_setup_sees_what_would_be_in_its_way(bob):
    aws = bob.home / ".aws"
    aws.mkdir(exist_ok=True)
    (aws / "config").write_text('[ profile  "m13" ]\nregion = x\n')
    assert "section [profile m13] that skykey did not write" in bob.refused("setup", "--survey", "m13")
    (aws / "config").write_text("")
    (aws / "config.new").write_text("mine")
    (aws / "credentials").write_text("[m13]\naws_access_key_id = a\naws_secret_access_key = b\n")
    assert "has keys for [m13], and tools take those first" in bob.refused("setup", "--survey", "m13")
    (aws / "credentials").unlink()
    setups = [
        subprocess.Popen([BIN, "setup", "--survey", survey], env=bob.env, stderr=subprocess.PIPE)
        for survey in ("m13", "other") * 5
    ]
    for setup in setups:
        assert setup.wait(60) == 0, setup.stderr.read()
    written = (aws / "config").read_text()
    assert written.count("[profile m13]") == 1 and written.count("[profile other]") == 1, written
    bob.run("setup", "--remove")
    assert (aws / "config.new").read_text() == "mine"


LONG_JOB = """
import os, sys, boto3
assert not any(name in os.environ for name in ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_PROFILE"))
s3 = boto3.client("s3")
for line in sys.stdin:
    print(s3.list_objects_v2(Bucket="m13")["KeyCount"], s3._request_signer._credentials.access_key, flush=True)
    s3._request_signer._credentials._expiry_time = s3._request_signer._credentials._time_fetcher()
"""


def test_exec_renews_inside_one_boto3_client(sky, bob):
    """The client asks again when its credentials are nearly spent, and gets others when skykey's are."""
    mine = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_PROFILE": "mine"}
    command = [BIN, "exec", "--survey", "m13", "--", sys.executable, "-c", LONG_JOB]
    with subprocess.Popen(
        command, env={**bob.env, **mine}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as job:

        def ask():
            job.stdin.write("\n")
            job.stdin.flush()
            return job.stdout.readline().split()

        (count, first), (_, second) = ask(), ask()
        assert int(count) > 0 and first == second
        [kept] = [path for path in bob.kept() if path.name == "m13.json"]
        content = json.loads(kept.read_text())
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1190))
        content["lease"]["expires"] = soon
        kept.write_text(json.dumps(content))
        assert ask()[1] != first
        job.stdin.close()
        assert job.wait(30) == 0


def test_exec_with_the_aws_command_line_and_s5cmd(bob):
    listed = bob.run("exec", "--survey", "m13", "--", AWS, "s3", "ls", "s3://m13/")
    assert "M13_blue_0001.fits" in listed.stdout
    listed = bob.run("exec", "--survey", "m13", "--", S5CMD, "ls", "s3://m13/")
    assert "M13_blue_0001.fits" in listed.stdout


def test_exec_keeps_its_endpoint_to_its_command(bob):
    script = (
        'curl -s -o /dev/null -w "%{http_code} " "$AWS_CONTAINER_CREDENTIALS_FULL_URI";'
        'curl -s -o /dev/null -w "%{http_code} " -H "Authorization: Bearer x" "$AWS_CONTAINER_CREDENTIALS_FULL_URI";'
        'curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI";'
        'echo; echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI"'
    ).replace("curl", f"{sys.executable} -c '{CURL}'")
    said = bob.run("exec", "--survey", "m13", "--", "bash", "-c", script).stdout
    answers, address = said.strip().rsplit("\n", 1)
    assert answers.startswith("401 401 {"), said
    answer = json.loads(answers.removeprefix("401 401 "))
    assert set(answer) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    assert address.startswith("http://127.0.0.1:")
    with pytest.raises(requests.ConnectionError):
        requests.get(address)


# As much of curl as is wanted, since not every machine has it.
CURL = """
import sys, urllib.request as u
args = sys.argv[1:]
request = u.Request(args[-1])
if "-H" in args:
    request.add_header(*args[args.index("-H") + 1].split(": ", 1))
try:
    answer = u.urlopen(request); status, body = answer.status, answer.read().decode()
except u.HTTPError as error:
    status, body = error.code, ""
print(f"{status} " if "-w" in args else body, end="")
"""


def test_exec_passes_the_exit_code_and_signals_through(bob):
    assert bob.run("exec", "--survey", "m13", "--", "bash", "-c", "exit 37", check=False).returncode == 37
    assert bob.run("exec", "--survey", "m13", "--", "bash", "-c", "kill -9 $$", check=False).returncode == 137
    for program, code in {"/no/such/program": 127, "no-such-program": 127, "/etc/hostname": 126, "/": 126}.items():
        run = bob.run("exec", "--survey", "m13", "--", program, check=False)
        assert run.returncode == code and f"cannot start '{program}'" in run.stderr, run
    trap = "trap 'echo {0}; exit 5' {0}; echo ready; while :; do sleep 0.1; done"
    for name in ("TERM", "INT", "HUP", "USR1"):
        command = [BIN, "exec", "--survey", "m13", "--", "bash", "-c", trap.format(name)]
        with subprocess.Popen(
            command, env=bob.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as run:
            assert run.stdout.readline() == "ready\n"
            run.send_signal(getattr(signal, f"SIG{name}"))
            assert run.stdout.readline() == f"{name}\n"
            assert run.wait(20) == 5


def test_two_processes_renew_a_login_once(bob):
    before = json.loads(bob.login_file().read_text())
    bob.change_login(expires="2020-01-01T00:00:00Z")
    command = [BIN, "whoami"]
    both = [subprocess.Popen(command, env=bob.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    for run in both:
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
    after = json.loads(bob.login_file().read_text())
    assert after["refresh_token"] != before["refresh_token"]
    # Had the old one been used twice, the IAM would have ended the login.
    bob.change_login(expires="2020-01-01T00:00:00Z")
    bob.run("whoami")


def test_a_lease_is_given_back(sky, bob):
    lease = json.loads(bob.run("credentials", "--survey", "other", "--format", "json").stdout)
    said = bob.run("revoke", lease["lease"]["id"]).stdout
    assert "has ended" in said and lease["lease"]["id"] not in bob.run("leases").stdout
    assert lease["lease"]["id"] in bob.run("leases", "--all").stdout
    # What was kept of it is not handed out again.
    other = json.loads(bob.run("credentials", "--survey", "other", "--format", "json").stdout)
    assert other["lease"]["id"] != lease["lease"]["id"]
    with pytest.raises(Exception, match="AccessDenied"):
        keys_of(sky, lease["credentials"]).list_objects_v2(Bucket="other")
    run = bob.run("revoke", "lease-00", "--project", "x", "--config", "y", check=False)
    assert run.returncode == 2 and "cannot be used with" in run.stderr
    run = bob.run("revoke", "", check=False)
    assert run.returncode == 2 and "a value is required" in run.stderr
    # A variable that is empty is as good as none.
    assert "bob at" in bob.run("whoami", env={"SKYKEY_IDENTITY": ""}).stdout


def test_a_person_asks_by_the_command_reads_is_removed_and_told(sky, published, tmp_path):
    """alice asks, olive accepts, alice reads; olive removes her, and the next command says so."""
    alice, olive = sky.person("alice"), sky.person("olive")
    machine = Machine(sky, tmp_path)
    machine.login(alice)
    said = machine.refused("credentials", "--survey", "other")
    assert f"not a member of {GROUP}" in said and f"run 'skykey request {GROUP}" in said
    assert f"run 'skykey request {GROUP}" in machine.run("whoami").stdout
    assert "Asked to join" in machine.run("request", GROUP, "--note", "my thesis").stdout
    olive.approve("alice", GROUP)
    answer = json.loads(machine.run("credentials", "--survey", "other").stdout)
    assert keys_of(sky, answer).list_objects_v2(Bucket="other")["KeyCount"] == 1

    olive.remove(alice, GROUP)
    deadline = time.monotonic() + 20
    while machine.run("credentials", "--survey", "other", check=False).returncode == 0:
        assert time.monotonic() < deadline, "a removed person still gets credentials"
        time.sleep(0.5)
    said = machine.refused("credentials", "--survey", "other")
    assert f"not a member of {GROUP}" in said
    assert not any(path.name == "other.json" for path in machine.kept())

    machine.run("logout")
    assert machine.kept() == []
    assert "not logged in" in machine.refused("whoami")


def test_no_secret_is_in_what_was_said_or_in_an_argument(sky, bob):
    """Standard error, the log of skykey up, and the arguments of what exec runs."""
    kept = " ".join(path.read_text() for path in bob.kept())
    secrets = re.findall(r'"(?:access_token|refresh_token|secret_access_key|session_token)": "([^"]+)"', kept)
    assert len(secrets) >= 4
    show = "tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' ' ' < /proc/$PPID/cmdline"
    arguments = bob.run("exec", "--survey", "m13", "--", "bash", "-c", show, env={"RUST_LOG": "trace"})
    said = " ".join(bob.said) + arguments.stdout + arguments.stderr + sky.log.read_text()
    for secret in secrets:
        assert secret not in said
