"""A running skykey and the people who use it: what the stories of the tests are made of."""

import base64
import hashlib
import html
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlparse

import boto3
import requests
from botocore.config import Config

BIN = os.environ["SKYKEY_BIN"]
AWS = os.environ["SKYKEY_AWS"]
OPENSTACK = os.environ["SKYKEY_OPENSTACK"]
READERS = "m13/readers"
# Every secret that was handed out while the tests ran. None may be found in a log or a database.
PRODUCED = set()


def free_base_port():
    """A port that is free together with the three after it."""
    for _ in range(200):
        base = 20000 + secrets.randbelow(30000)
        taken = []
        try:
            for port in range(base, base + 4):
                taken.append(socket.create_server(("127.0.0.1", port)))
            return base
        except OSError:
            continue
        finally:
            for listener in taken:
                listener.close()
    raise RuntimeError("no four free ports in a row")


class Sky:
    """One `skykey up` process."""

    identity_provider = "iris-iam"

    def __init__(self, state, *args, base_port=None, env=None):
        self.state = Path(state)
        self.base_port = base_port or free_base_port()
        self.args = [BIN, "up", "--state", str(self.state), "--base-port", str(self.base_port), *map(str, args)]
        self.env = {**os.environ, **(env or {})}
        self.log = self.state.parent / (self.state.name + ".log")
        # What it announces, with people's passwords if the IAM is embedded.
        self.out = self.state.parent / (self.state.name + ".out")
        self.process = None

    def start(self, timeout=90):
        up_file = self.state / "up.json"
        up_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log, open(self.out, "ab") as out:
            self.process = subprocess.Popen(self.args, stdout=out, stderr=log, env=self.env)
        deadline = time.monotonic() + timeout
        while not up_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"skykey ended with {self.process.returncode}:\n{self.log.read_text()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"skykey was not up in {timeout} s:\n{self.log.read_text()}")
            time.sleep(0.05)
        self.up = json.loads(up_file.read_text())
        return self

    def stop(self, sig=signal.SIGTERM, timeout=15):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(timeout)
        return self.process.returncode

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def person(self, username):
        for found in self.up["people"]:
            if found["username"] == username:
                return Person(self, username, found["password"])
        raise KeyError(username)

    @property
    def s3(self):
        return self.up["s3"]


def field(page, name):
    """The value of a form field."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page) or re.search(
        rf'value="([^"]*)"[^>]*name="{name}"', page
    )
    assert found, f"no field {name} in:\n{page}"
    return html.unescape(found.group(1))


class Person:
    """Somebody with a browser."""

    def __init__(self, sky, username, password):
        self.sky, self.username, self.password = sky, username, password
        PRODUCED.add(password)
        self.browser = requests.Session()
        self._token = None

    # At the IAM ---------------------------------------------------------------------------------
    def iam(self, path):
        return urljoin(self.sky.up["iam"], path)

    def fill_login(self, page):
        """Fills the IAM's login form on `page`, a response."""
        answer = self.browser.post(
            self.iam("login"),
            data={
                "csrf": field(page.text, "csrf"),
                "next": field(page.text, "next"),
                "username": self.username,
                "password": self.password,
            },
            allow_redirects=False,
        )
        assert answer.status_code == 303, answer.text
        return urljoin(page.url, answer.headers["Location"])

    def dashboard(self):
        page = self.browser.get(self.iam("dashboard"))
        if 'name="password"' in page.text:
            page = self.browser.get(self.fill_login(page))
        assert page.status_code == 200, page.text
        return page.text

    def dashboard_post(self, what, **fields):
        answer = self.browser.post(
            self.iam(f"dashboard/{what}"),
            data={"csrf": field(self.dashboard(), "csrf"), **fields},
            allow_redirects=False,
        )
        assert answer.status_code == 303, answer.text

    def ask_to_join(self, group=READERS, notes="for my thesis on globular clusters"):
        self.dashboard_post("join", group=group, notes=notes)

    def api(self, method, path, **kwargs):
        """The IAM's API with the browser's session."""
        headers = {"x-csrf-token": field(self.dashboard(), "csrf")}
        return self.browser.request(method, self.iam(path), headers=headers, **kwargs)

    def approve(self, username, group=READERS):
        found = self.api("GET", "iam/group_requests", params={"status": "PENDING", "username": username})
        for request in found.json()["Resources"]:
            if request["groupName"] == group:
                answer = self.api("POST", f"iam/group_requests/{request['uuid']}/approve")
                assert answer.status_code in (200, 201, 204), answer.text
                return
        raise AssertionError(f"{username} has no pending request for {group}: {found.text}")

    def remove(self, person, group=READERS):
        self.dashboard_post("remove", person=person.sub, group=group)

    def login_for_token(self):
        """Authorization code with PKCE as a public client, a browser away from the portal."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        redirect = "http://127.0.0.1:1/callback"
        state = secrets.token_urlsafe(8)
        params = {
            "response_type": "code",
            "client_id": "skykey-cli",
            "redirect_uri": redirect,
            "scope": "openid profile offline_access",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        self.dashboard()
        answer = self.browser.get(self.iam("authorize"), params=params, allow_redirects=False)
        assert answer.is_redirect, answer.text
        query = parse_qs(urlparse(answer.headers["Location"]).query)
        assert query["state"] == [state], answer.headers["Location"]
        answer = requests.post(
            self.iam("token"),
            data={
                "grant_type": "authorization_code",
                "client_id": "skykey-cli",
                "code": query["code"][0],
                "redirect_uri": redirect,
                "code_verifier": verifier,
            },
        )
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        PRODUCED.update(tokens[name] for name in ("access_token", "refresh_token", "id_token") if name in tokens)
        return tokens

    @property
    def token(self):
        self._token = self._token or self.login_for_token()["access_token"]
        return self._token

    @property
    def sub(self):
        return requests.get(self.iam("userinfo"), headers=self.bearer).json()["sub"]

    @property
    def bearer(self):
        return {"Authorization": f"Bearer {self.token}"}

    # At the portal's API ------------------------------------------------------------------------
    def portal(self, path):
        return urljoin(self.sky.up["portal"], path)

    def ask_lease(self, survey="m13", **fields):
        return requests.post(self.portal("api/v1/leases"), headers=self.bearer, json={"survey": survey, **fields})

    def lease(self, survey="m13", **fields):
        answer = self.ask_lease(survey, **fields)
        assert answer.status_code == 201, answer.text
        return Keys.of_api(self.sky, answer.json())

    # In a browser at the portal -----------------------------------------------------------------
    def portal_home(self):
        page = self.browser.get(self.portal("login"))
        if 'name="password"' in page.text:
            page = self.browser.get(self.fill_login(page))
        assert page.status_code == 200 and "Log out" in page.text, page.text
        return page

    def portal_lease(self, survey="m13", **fields):
        csrf = field(self.portal_home().text, "csrf")
        return self.browser.post(self.portal("leases"), data={"csrf": csrf, "survey": survey, **fields})

    # At Keystone --------------------------------------------------------------------------------
    def ec2_from_openstack(self, project):
        """Way 1: the real `openstack` command, with the person's IAM access token."""
        made = openstack(self, project, "ec2", "credentials", "create")
        return Keys(self.sky, made["access"], made["secret"])


def openstack(person, project, *words, check=True):
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(person.sky.state.parent),
        "OS_AUTH_TYPE": "v3oidcaccesstoken",
        "OS_AUTH_URL": person.sky.up["keystone"],
        "OS_IDENTITY_PROVIDER": person.sky.identity_provider,
        "OS_PROTOCOL": "openid",
        "OS_ACCESS_TOKEN": person.token,
        "OS_PROJECT_NAME": project,
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_IDENTITY_API_VERSION": "3",
    }
    run = subprocess.run([OPENSTACK, *words, "-f", "json"], env=env, capture_output=True, text=True, timeout=120)
    if not check:
        return run
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@dataclass
class Keys:
    """S3 credentials, and the clients that use them."""

    sky: Sky
    access: str
    secret: str
    token: str | None = None
    expiration: str | None = None
    lease: dict | None = None

    def __post_init__(self):
        PRODUCED.update(secret for secret in (self.secret, self.token) if secret)

    @classmethod
    def of_api(cls, sky, answer):
        keys = answer["credentials"]
        return cls(
            sky,
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            keys.get("SessionToken"),
            keys.get("Expiration"),
            answer["lease"],
        )

    @classmethod
    def of_sts(cls, sky, answer):
        keys = answer["Credentials"]
        return cls(sky, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], keys["Expiration"])

    def client(self, service="s3", **config):
        config.setdefault("retries", {"total_max_attempts": 1})
        return boto3.client(
            service,
            endpoint_url=self.sky.s3,
            region_name=self.sky.up["region"],
            aws_access_key_id=self.access,
            aws_secret_access_key=self.secret,
            aws_session_token=self.token,
            config=Config(**config),
        )

    def session_token(self, **kwargs):
        """Way 2: GetSessionToken."""
        return Keys.of_sts(self.sky, self.client("sts").get_session_token(**kwargs))

    def env(self):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.sky.state.parent),
            "AWS_ACCESS_KEY_ID": self.access,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": self.sky.s3,
            "AWS_DEFAULT_REGION": self.sky.up["region"],
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.token:
            env["AWS_SESSION_TOKEN"] = self.token
        return env

    def aws(self, *words, check=True, **kwargs):
        """The aws command line."""
        run = subprocess.run([AWS, *map(str, words)], env=self.env(), capture_output=True, timeout=180, **kwargs)
        if check:
            assert run.returncode == 0, run.stderr.decode()
        return run
