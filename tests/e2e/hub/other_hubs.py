"""A JupyterHub of the line before, and one whose people log in at a certified OpenID provider, as skykey's do."""

import json
import os
import re
import secrets
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

from hub import BINARIES, WATCH_EVERY, Hub, free_ports, login_at
from openid_provider import HUB_SECRET, Provider
from sky import Sky, free_base_port

# Seconds that credentials last.
LASTS = 8
# Seconds after which the hub asks the provider again, whether somebody is still there.
ASKS_AGAIN = 5

OLDER = os.environ.get("SKYKEY_JUPYTERHUB55")
# Which version is which hub's, or the other way round.
VERSIONS = [BINARIES, Path(OLDER)] if OLDER else [BINARIES, BINARIES]
if os.environ.get("SKYKEY_HUBS_SWAPPED"):
    VERSIONS.reverse()
AT_THE_PROVIDER, STOPPING = VERSIONS

CONFIG = """
{systems}
[watch]
every = "{every}s"

[jupyterhub]
url = "http://127.0.0.1:{port}/base/"
method = "gateway"
{hub}

[[survey]]
name = "m13"
images = "{images}"
cut = "{lasts}s"
"""

# Keystone is the stand-in of another skykey.
KEYSTONE = """
[keystone]
url = "{url}"
identity_provider = "iris-iam"

[keystone.backend_user]
name = "skykey"
password = {{ file = "{backend}" }}

[keystone.admin_user]
name = "skykey-s3"
password = {{ file = "{endpoint}" }}
project = "service"
"""

# As docs/operations.md has it.
STRICT = """
c.Authenticator.enable_auth_state = True
c.Authenticator.refresh_pre_spawn = True
c.Authenticator.auth_refresh_strict = True
c.GenericOAuthenticator.extra_authorize_params = {{"prompt": "consent"}}
c.Authenticator.auth_refresh_age = {again}
""".format(again=ASKS_AGAIN)

SERVICE = """
c.JupyterHub.services.append({{"name": "skykey", "api_token": {token!r}}})
c.JupyterHub.load_roles.append(
    {{"name": "skykey", "scopes": ["read:servers", "delete:servers"], "services": ["skykey"]}}
)
"""


def private(path, text):
    path.touch(0o600)
    path.write_text(text)
    return path


def config(folder, port, systems="", hub=""):
    """skykey's configuration, in a new folder."""
    images = folder / "images"
    images.mkdir()
    (images / "a.fits").write_bytes(b"SIMPLE  =                    T".ljust(2880))
    file = folder / "skykey.toml"
    file.write_text(CONFIG.format(systems=systems, every=WATCH_EVERY, port=port, lasts=LASTS, hub=hub, images=images))
    return file


@contextmanager
def hub_at_the_provider(folder, keystone):
    """People log in at the provider, at the hub as at the portal. `keystone` is a skykey whose stand-in is borrowed."""
    ports, base = free_ports(3), free_base_port()
    provider = Provider(
        folder,
        redirect=f"http://127.0.0.1:{base}/login/callback",
        hub_redirect=f"http://127.0.0.1:{ports[0]}/base/hub/oauth_callback",
    )
    try:
        told = dict(json.loads((keystone.state / "secrets.json").read_text()))
        files = {name: private(folder / name, told[f"keystone-{name}"]) for name in ("backend", "endpoint")}
        systems = provider.iam(folder) + KEYSTONE.format(url=keystone.up["keystone"], **files)
        file = config(folder, ports[0], systems, 'user = "sub"')
        scopes = ["openid", "profile", "offline_access"]
        login = login_at(provider.issuer, HUB_SECRET, claim="sub", scopes=scopes)
        env = {"JUPYTERHUB_CRYPT_KEY": secrets.token_hex(32)}
        with (
            Sky(folder / "state", "--config", file, base_port=base) as sky,
            Hub(sky, folder, ports, login, AT_THE_PROVIDER, STRICT, env) as hub,
        ):
            hub.provider = provider
            yield hub
    finally:
        provider.stop()


@contextmanager
def hub_that_stops(folder):
    """People log in at the embedded IAM; who is removed has their server stopped."""
    ports, token = free_ports(3), secrets.token_hex(16)
    private(folder / "hub-token", token)
    stops = 'stop_servers = true\nservice_token = { file = "hub-token" }'
    file = config(folder, ports[0], hub=stops)
    with (
        Sky(folder / "state", "--config", file) as sky,
        Hub(sky, folder, ports, binaries=STOPPING, more=SERVICE.format(token=token)) as hub,
    ):
        yield hub


def log_in_at_the_provider(hub, browser, name):
    """By the hub's page, its button, and the provider's forms."""
    page = browser.get(hub.url + "hub/login")
    button = re.search(r"href='([^']*oauth_login[^']*)'|href=\"([^\"]*oauth_login[^\"]*)\"", page.text)
    assert page.status_code == 200 and button, page.text
    page = browser.get(urljoin(page.url, button.group(1) or button.group(2)))
    assert page.url.startswith(hub.provider.issuer), (page.url, page.text)
    page = hub.provider.fill_forms(browser, page, name)
    assert page.status_code == 200 and page.url.startswith(hub.url), (page.url, page.text)
