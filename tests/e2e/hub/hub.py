"""A running JupyterHub and a kernel in a notebook server of its."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests

from sky import BIN

BINARIES = Path(os.environ["SKYKEY_JUPYTERHUB"])
PROXY = os.environ["SKYKEY_HTTP_PROXY"]
# Seconds between two rounds of the watch.
WATCH_EVERY = 2
# Seconds that credentials last: so short that a test sees several expiries.
LASTS = 20
RUN_CELL = Path(__file__).with_name("run_cell.py")

CONFIG = """
c = get_config()
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.JupyterHub.spawner_class = "simple"
c.Spawner.cmd = [{singleuser!r}, "--allow-root"]
# A busy machine.
c.Spawner.start_timeout = c.Spawner.http_timeout = 180

c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "jupyterhub"
c.GenericOAuthenticator.oauth_callback_url = {url!r} + "hub/oauth_callback"
c.GenericOAuthenticator.allow_all = True
{login}

# The test's own way in, to start and stop servers and to reach a kernel.
c.JupyterHub.services = [{{"name": "test", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "test", "scopes": ["admin:servers", "read:users", "access:servers"], "services": ["test"]}}
]
"""

# Where people log in.
LOGIN = """
c.GenericOAuthenticator.client_secret = {secret!r}
c.GenericOAuthenticator.authorize_url = {authorization_endpoint!r}
c.GenericOAuthenticator.token_url = {token_endpoint!r}
c.GenericOAuthenticator.userdata_url = {userinfo_endpoint!r}
c.GenericOAuthenticator.username_claim = {claim!r}
c.GenericOAuthenticator.scope = {scopes!r}
"""


def login_at(issuer, secret, claim="preferred_username", scopes=("openid", "profile")):
    """The hub's configuration of an OpenID provider, by what that says of itself."""
    told = requests.get(issuer.rstrip("/") + "/.well-known/openid-configuration").json()
    return LOGIN.format(secret=secret, claim=claim, scopes=list(scopes), **told)


def free_ports(count):
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in taken]
    for listener in taken:
        listener.close()
    return ports


class Hub:
    """One `jupyterhub` process, with the lines that skykey prints for it. Its people log in at the embedded IAM, unless
    there is a `login`; `binaries` are of another version, `more` is the end of its configuration."""

    def __init__(self, sky, folder, ports, login=None, binaries=BINARIES, more="", env=None):
        self.sky, self.folder, self.binaries, self.env = sky, folder, binaries, env or {}
        self.url = f"http://127.0.0.1:{ports[0]}/base/"
        self.token = secrets.token_hex(16)
        self.log = folder / "jupyterhub.log"
        if login is None:
            secret = dict(json.loads((sky.state / "secrets.json").read_text()))["hub-client"]
            login = login_at(sky.up["iam"], secret)
        lines = subprocess.run(
            [BIN, "jupyter", "config", "--portal", sky.up["portal"], "--s3", sky.s3, "--survey", "m13"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert 0 < len(lines.splitlines()) <= 6, lines
        config = CONFIG.format(
            url=self.url,
            hub_port=ports[1],
            proxy_port=ports[2],
            proxy=PROXY,
            singleuser=str(binaries / "jupyterhub-singleuser"),
            login=login,
            token=self.token,
        )
        (folder / "jupyterhub_config.py").write_text(config + lines + more)

    def __enter__(self):
        path = f"{self.binaries}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "HOME": str(self.folder), **self.env}
        with open(self.log, "ab") as log:
            # A group of its own: the proxy outlives a hub that dies early.
            self.process = subprocess.Popen(
                [self.binaries / "jupyterhub", "-f", "jupyterhub_config.py"],
                cwd=self.folder,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_for("the hub", lambda: requests.get(self.url + "hub/health").status_code == 200)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait_for(self, what, there, seconds=180):
        deadline = time.monotonic() + seconds
        while True:
            try:
                if there():
                    return
            except requests.ConnectionError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"{what} is not there after {seconds} s:\n{self.log.read_text()}"
            time.sleep(0.2)

    def log_in(self, person):
        """By the hub's button and the IAM's form, in the person's browser."""
        page = person.browser.get(self.url + "hub/oauth_login", params={"next": "/base/hub/home"})
        assert page.url.startswith(self.sky.up["iam"]) and 'name="password"' in page.text, page.text
        page = person.browser.get(person.fill_login(page))
        assert page.status_code == 200 and page.url == self.url + "hub/home", (page.url, page.text)

    def api(self, method, path, **kwargs):
        headers = {"Authorization": f"token {self.token}"}
        return requests.request(method, self.url + path, headers=headers, **kwargs)

    def start_server(self, name):
        answer = self.api("POST", f"hub/api/users/{name}/server")
        assert answer.status_code in (201, 202), answer.text

        def ready():
            server = self.api("GET", f"hub/api/users/{name}").json()["servers"].get("")
            return server is not None and server["ready"]

        self.wait_for(f"{name}'s server", ready)

    def stop_server(self, name):
        answer = self.api("DELETE", f"hub/api/users/{name}/server")
        assert answer.status_code in (202, 204), answer.text
        self.wait_for("the end", lambda: not self.api("GET", f"hub/api/users/{name}").json()["servers"])

    def kernel(self, name):
        answer = self.api("POST", f"user/{name}/api/kernels", json={"name": "python3"})
        assert answer.status_code == 201, answer.text
        return Kernel(self, f"user/{name}/api/kernels/{answer.json()['id']}/channels")


class Kernel:
    """A kernel that remembers what its cells made."""

    def __init__(self, hub, path):
        self.hub = hub
        self.address = hub.url.replace("http:", "ws:") + path

    def run(self, code, seconds=180):
        """The value of the cell's last expression, which must be text."""
        run = subprocess.run(
            [BINARIES / "python", RUN_CELL, self.address],
            input=code,
            env={**os.environ, "HUB_TOKEN": self.hub.token},
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout
