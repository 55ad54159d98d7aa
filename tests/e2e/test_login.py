"""Logging in with a browser of this machine, the desktop's keyring, and the end of a login."""

import http.server
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, urlparse

import pytest
import requests

from sky import BIN, PRODUCED, Sky
from test_command import GROUP, Machine

KEYRING = {"dbus-run-session": "dbus", "gnome-keyring-daemon": "gnome-keyring", "secret-tool": "libsecret-tools"}
MISSING = sorted(package for program, package in KEYRING.items() if not shutil.which(program))
# Debian's secret-tool cannot: it crashes.
LOCK = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"]
LOCK += ["org.freedesktop.Secret.Service.Lock", "array:objpath:/org/freedesktop/secrets/collection/login"]
with_keyring = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


class Desktop(Machine):
    """A machine with a browser, which only writes down what it is to open."""

    def __init__(self, sky, home):
        super().__init__(sky, home)
        self.opened = self.home / "opened"
        browser = self.home / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {self.opened}.new\nmv {self.opened}.new {self.opened}\n')
        browser.chmod(0o755)
        self.env["BROWSER"] = str(browser)

    @contextmanager
    def logging_in(self, *words):
        """A login that waits for its browser, with the address."""
        command = [BIN, "login", "--browser", *words]
        with subprocess.Popen(
            command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            said = ""
            while "Waiting" not in said:
                line = run.stdout.readline()
                assert line, run.stderr.read()
                said += line
            address = re.search(r"^ +(http\S+)$", said, re.M).group(1)
            yield run, address
            if run.poll() is None:
                run.kill()

    def log_in(self, person, *words):
        person.dashboard()
        with self.logging_in(*words) as (run, address):
            page = person.browser.get(address)
            out, err = run.communicate(timeout=60)
            assert (page.status_code, run.returncode) == (200, 0), page.text + err
        self.said.append(err)
        return out


def token_of(machine):
    token = json.loads(machine.login_file().read_text())["refresh_token"]
    PRODUCED.add(token)
    return token


def is_live(sky, refresh_token):
    form = {"client_id": "skykey-cli", "grant_type": "refresh_token", "refresh_token": refresh_token}
    answer = requests.post(f"{sky.up['iam']}token", data=form)
    if answer.status_code == 200:
        PRODUCED.update(answer.json()[name] for name in ("access_token", "refresh_token"))
    else:
        assert answer.json()["error"] == "invalid_grant", answer.text
    return answer.status_code == 200


def test_a_login_in_a_browser_that_comes_back(sky, published, tmp_path):
    bob, desktop = sky.person("bob"), Desktop(sky, tmp_path)
    bob.dashboard()
    with desktop.logging_in() as (run, address):
        asked = {name: value for name, [value] in parse_qs(urlparse(address).query).items()}
        assert address.startswith(bob.iam("authorize?")) and asked["code_challenge_method"] == "S256"
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/callback", asked["redirect_uri"])
        assert "offline_access" in asked["scope"].split()

        # A request from another process is refused, and the login keeps waiting.
        back = asked["redirect_uri"]
        for query in ("code=x", "code=x&state=guessed", "error=access_denied", "error=access_denied&state=guessed"):
            assert requests.get(f"{back}?{query}").status_code == 403
        ours = f"{back}?code=x&state={asked['state']}"
        assert requests.get(ours, headers={"Host": "evil.example"}).status_code == 403
        assert requests.post(ours).status_code == 405
        assert run.poll() is None

        page = bob.browser.get(address)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 0 and "Logged in as bob." in out and "m13    read" in out, err
    assert page.status_code == 200 and page.url.startswith(f"{back}?"), page.url
    assert "You are logged in" in page.text and "close this tab" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert desktop.opened.read_text().strip() == address
    with pytest.raises(requests.ConnectionError):
        requests.get(back)
    answer = json.loads(desktop.run("credentials", "--survey", "m13").stdout)
    PRODUCED.update((answer["SecretAccessKey"], answer["SessionToken"]))
    token_of(desktop)


def test_a_login_that_the_iam_refuses_in_the_browser(sky, tmp_path):
    for error, words in (("access_denied", "refused in the browser"), ("server_error", "server_error: too bad")):
        desktop = Desktop(sky, tmp_path)
        with desktop.logging_in() as (run, address):
            asked = {name: value for name, [value] in parse_qs(urlparse(address).query).items()}
            answer = {"error": error, "error_description": "too bad", "state": asked["state"]}
            page = requests.get(asked["redirect_uri"], params=answer)
            assert page.status_code == 400 and "too bad" not in page.text, page.text
            _, err = run.communicate(timeout=60)
        assert run.returncode == 1 and words in err and "skykey login" in err, err
        assert desktop.kept() == []


def test_a_site_that_lets_no_browser_come_back_says_so(tmp_path):
    site = {"portal": "x", "issuer": "x", "client_id": "x", "s3": "x", "region": "x", "version": "x"}

    class Portal(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(site).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal) as portal:
        threading.Thread(target=portal.serve_forever, daemon=True).start()
        env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "BROWSER": "true"}
        url = f"http://127.0.0.1:{portal.server_port}/"
        command = [BIN, "login", "--browser", "--portal", url]
        run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        portal.shutdown()
    assert run.returncode == 1 and "run 'skykey login --device'" in run.stderr, run.stderr


@pytest.mark.parametrize(
    ("words", "env", "browser"),
    [
        ([], {}, True),
        (["--device"], {}, False),
        ([], {"BROWSER": ""}, False),
        ([], {"BROWSER": "", "DISPLAY": ":7", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, False),
    ],
)
def test_on_a_terminal_with_a_browser_it_is_the_browser(sky, tmp_path, words, env, browser):
    desktop = Desktop(sky, tmp_path)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [BIN, "login", *words], env={**desktop.env, **env}, stdin=theirs, stdout=theirs, stderr=theirs
    ) as run:
        said = ""
        while "Waiting" not in said:
            said += os.read(ours, 4096).decode(errors="replace")
        run.kill()
    os.close(ours)
    os.close(theirs)
    assert ("Your browser should open" in said) == browser, said
    assert ("enter the code" in said) != browser, said


def test_a_bus_that_does_not_answer_is_not_waited_for(sky, tmp_path):
    """Headless, half a desktop, a desktop that hangs: the login is in the file, and one line says so."""
    bob = sky.person("bob")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        for number, (env, why) in enumerate(
            [
                ({}, "there is no desktop session"),
                ({"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/nowhere"}, "cannot be reached"),
                ({"DBUS_SESSION_BUS_ADDRESS": "nonsense"}, "cannot be reached"),
                ({"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/silent"}, "did not answer within 4 s"),
            ]
        ):
            home = tmp_path / str(number)
            home.mkdir()
            desktop = Desktop(sky, home)
            desktop.env.update(env)
            desktop.log_in(bob)
            [line] = desktop.said[-1].splitlines()
            assert line.startswith("The keyring cannot be used (") and why in line, line
            assert f"stored in {desktop.login_file()}" in line, line
            assert token_of(desktop)
            assert f"login    stored in {desktop.login_file()}" in desktop.run("whoami").stdout
    never = Desktop(sky, tmp_path)
    never.log_in(bob, "--keyring", "never")
    assert never.said[-1] == ""


@contextmanager
def desktop_session(home, *, unlocked=True):
    """A session's bus, with a keyring that is unlocked; its address."""
    unlock = "printf secret | gnome-keyring-daemon --unlock --components=secrets > /dev/null &&" if unlocked else ""
    script = f'{unlock} echo "$DBUS_SESSION_BUS_ADDRESS" && cat > /dev/null'
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(home)}
    with subprocess.Popen(
        ["dbus-run-session", "--", "bash", "-c", script],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as session:
        address = session.stdout.readline().strip()
        assert address.startswith("unix:"), address
        yield {**env, "DBUS_SESSION_BUS_ADDRESS": address}
        session.stdin.close()
        session.wait(30)


@with_keyring
def test_the_desktops_keyring_keeps_the_login(sky, published, tmp_path):
    bob, desktop = sky.person("bob"), Desktop(sky, tmp_path)
    portal = sky.up["portal"]
    with desktop_session(tmp_path) as session:
        desktop.env.update(session)

        def desktop_of(name):
            home = tmp_path / name
            home.mkdir()
            made = Desktop(sky, home)
            made.env.update({**session, "HOME": str(home)})
            return made

        def in_keyring():
            words = ["secret-tool", "lookup", "application", "skykey", "portal", portal]
            found = subprocess.run(words, env=session, capture_output=True, text=True, timeout=30).stdout
            PRODUCED.add(found)
            return found

        assert "login    stored in the keyring" in desktop.log_in(bob)
        assert desktop.said[-1] == ""
        first = in_keyring()
        assert first and not any(first in path.read_text() for path in desktop.kept())
        assert "refresh_token" not in json.loads(desktop.login_file().read_text())

        # The login is renewed, once for all who ask at once, and the keyring has what renews it next.
        desktop.change_login(expires="2020-01-01T00:00:00Z")
        many = [subprocess.Popen([BIN, "whoami"], env=desktop.env, stdout=subprocess.DEVNULL) for _ in range(4)]
        assert [run.wait(60) for run in many] == [0] * 4
        second = in_keyring()
        assert second and second != first and not any(second in path.read_text() for path in desktop.kept())

        # A home of its own is a login of its own.
        other = desktop_of("other")
        other.log_in(bob)
        desktop.change_login(expires="2020-01-01T00:00:00Z")
        assert "stored in the keyring" in desktop.run("whoami").stdout
        other.run("logout")

        # Locked, as after a while away: said, and good again once it is unlocked.
        subprocess.run(LOCK, env=session, check=True, timeout=30, capture_output=True)
        desktop.change_login(expires="2020-01-01T00:00:00Z")
        assert "which cannot be used: it is locked; unlock it" in desktop.refused("whoami")
        locked = desktop_of("locked")
        locked.log_in(bob)
        assert "it is locked" in locked.said[-1] and token_of(locked)
        unlock = ["gnome-keyring-daemon", "--replace", "--unlock", "--components=secrets"]
        subprocess.run(unlock, input="secret", env=session, check=True, timeout=30, stdout=subprocess.DEVNULL, text=True)
        assert "stored in the keyring" in desktop.run("whoami").stdout

        last = in_keyring()
        assert "the IAM has ended the login" in desktop.run("logout").stdout
        assert in_keyring() == "" and not is_live(sky, last)


@with_keyring
def test_a_desktop_whose_keyring_was_never_made_is_no_keyring(sky, tmp_path):
    bob, desktop = sky.person("bob"), Desktop(sky, tmp_path)
    with desktop_session(tmp_path, unlocked=False) as session:
        desktop.env.update(session)
        desktop.log_in(bob)
    assert desktop.said[-1].startswith("The keyring cannot be used (") and token_of(desktop)


def test_a_logout_ends_the_login_at_the_iam(sky, tmp_path):
    desktop = Desktop(sky, tmp_path)
    desktop.log_in(sky.person("bob"), "--keyring", "never")
    token = token_of(desktop)
    run = desktop.run("logout")
    assert "the IAM has ended the login" in run.stdout and run.stderr == ""
    assert desktop.kept() == [] and not is_live(sky, token)
    assert "were not logged in" in desktop.run("logout").stdout


def test_an_iam_that_is_away_keeps_no_login_here(sky, tmp_path):
    desktop = Desktop(sky, tmp_path)
    desktop.log_in(sky.person("bob"), "--keyring", "never")
    token = token_of(desktop)
    desktop.change_login(issuer="http://127.0.0.1:1/")
    run = desktop.run("logout")
    assert "are deleted here" in run.stdout
    assert "The IAM could not end the login" in run.stderr and token not in run.stderr
    assert desktop.kept() == [] and is_live(sky, token)


def test_a_logout_gives_leases_back_if_that_is_wished(tmp_path):
    # All of the person's: other tests' are left alone.
    with Sky(tmp_path / "sky") as sky:
        carol, desktop = sky.person("carol"), Desktop(sky, tmp_path)
        other = carol.lease("demo", access="write").lease["id"]
        desktop.log_in(carol, "--keyring", "never")
        token_of(desktop)
        answer = json.loads(desktop.run("credentials", "--survey", "demo", "--format", "json").stdout)
        PRODUCED.update((answer["credentials"]["SecretAccessKey"], answer["credentials"]["SessionToken"]))
        lease = answer["lease"]["id"]
        run = desktop.run("logout", "--leases")
        assert f"{lease} of demo has ended. What its credentials can still do: " in run.stdout
        assert "the IAM has ended the login" in run.stdout
        assert lease in run.stdout and other in run.stdout


def test_a_portal_that_is_away_gives_no_lease_back_and_the_login_stays(sky, tmp_path):
    desktop = Desktop(sky, tmp_path)
    desktop.log_in(sky.person("bob"), "--keyring", "never")
    token_of(desktop)
    # The portal refuses the token, and the IAM that would renew it is away.
    desktop.change_login(access_token="x", issuer="http://127.0.0.1:1/")
    desktop.refused("logout", "--leases")
    assert desktop.login_file().exists()


def test_a_second_request_finds_the_first_one(sky, tmp_path):
    alice, desktop = sky.person("alice"), Desktop(sky, tmp_path)
    desktop.log_in(alice, "--keyring", "never")
    token_of(desktop)
    try:
        assert f"Asked to join {GROUP}." in desktop.run("request", GROUP, "--note", "why").stdout
        said = desktop.run("request", GROUP, "--note", "why").stdout
        assert re.match(rf"You have asked to join {GROUP} already, .* since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC\.", said), said
        assert "managers decide" in said
        sky.person("olive").approve("alice", GROUP)
        said = desktop.run("request", GROUP, "--note", "why").stdout
        assert said == f"You are a member of {GROUP} already.\n"
    finally:
        sky.person("olive").remove(alice, GROUP)
    assert "there is no group called 'no/such'" in desktop.refused("request", "no/such", "--note", "why")


def test_a_hint_at_the_command_line_is_a_command(sky, tmp_path):
    """The API's hints are for programs of it."""
    desktop = Desktop(sky, tmp_path)
    desktop.log_in(sky.person("bob"), "--keyring", "never")
    token_of(desktop)
    for words, hint in (
        (["credentials", "--survey", "nowhere"], "; 'skykey surveys' lists those that there are"),
        (["revoke", "lease-00"], "; 'skykey leases' lists yours"),
    ):
        said = desktop.refused(*words)
        assert hint in said and "GET /" not in said, said
    run = desktop.run("credentials", "--survey", "m13", "--lifetime", "-1", check=False)
    assert run.returncode == 2 and "write for example 6h, 90m or 3600" in run.stderr, run.stderr
    run = desktop.run("setup")
    assert "s3://m13/" in run.stdout and "…" not in run.stdout, run.stdout
    assert (desktop.home / ".aws" / "config").read_text().startswith("# >>> skykey ")
