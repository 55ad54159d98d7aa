"""A certified OpenID provider, which is not INDIGO and has no SCIM, and the people who log in there."""

import html
import json
import os
import re
import subprocess
from urllib.parse import urljoin

import pytest
import requests

from sky import PRODUCED

# What skykey's configuration says of it.
IAM = """
[iam]
issuer = "{issuer}"
client_id = "skykey"
client_secret = {{ file = "{secret}" }}
groups = "claim:groups"
scopes = ["groups"]
membership = "userinfo"
"""
CLIENT_SECRET = "client-secret-of-the-portal-3f1c"
HUB_SECRET = "client-secret-of-the-hub-81d5"


class Provider:
    """The provider, and its people, who may change at any time. It sends them back to `redirect`, and to `hub_redirect`
    if a JupyterHub is its client, too."""

    def __init__(self, folder, redirect, hub_redirect="http://127.0.0.1:1/"):
        self.file = folder / "people.json"
        self.tell({name: {"name": name.title(), "groups": ["m13/readers"]} for name in ("ada", "ben", "cyd")})
        where = os.environ.get("SKYKEY_OPENID_PROVIDER")
        if not where:
            assert os.environ.get("CI") != "true", "SKYKEY_OPENID_PROVIDER is not set"
            pytest.skip("SKYKEY_OPENID_PROVIDER does not name the folder of the installed provider; tests/run does")
        PRODUCED.update((CLIENT_SECRET, HUB_SECRET))
        told = {
            "CLIENT_SECRET": CLIENT_SECRET,
            "REDIRECT_URI": redirect,
            "HUB_SECRET": HUB_SECRET,
            "HUB_REDIRECT_URI": hub_redirect,
        }
        self.process = subprocess.Popen(
            ["node", "provider.mjs", "0", str(self.file)],
            cwd=where,
            env={**os.environ, **told},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(folder / "provider.log", "wb"),
            text=True,
        )
        self.issuer = self.process.stdout.readline().strip()
        assert self.issuer.startswith("http"), (folder / "provider.log").read_text()

    def tell(self, people):
        self.people = people
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(people))
        new.replace(self.file)

    def put_in(self, name, *groups):
        """Somebody is in these groups and no others."""
        self.tell({**self.people, name: {"name": name.title(), "groups": list(groups)}})

    def delete(self, name):
        self.tell({who: person for who, person in self.people.items() if who != name})

    def iam(self, folder):
        """The section of skykey's configuration; the secret goes into a file."""
        secret = folder / "client-secret"
        secret.touch(0o600)
        secret.write_text(CLIENT_SECRET)
        return IAM.format(issuer=self.issuer, secret=secret)

    def fill_forms(self, browser, page, name):
        """Fills the provider's own forms, whichever it shows, and says where that leads."""
        for _ in range(4):
            if not page.url.startswith(self.issuer):
                return page
            asks_who = re.search(r'name="login"', page.text)
            fields = {"prompt": "login", "login": name, "password": "anything"} if asks_who else {"prompt": "consent"}
            action = html.unescape(re.search(r'<form[^>]*action="([^"]+)"', page.text).group(1))
            page = browser.post(urljoin(page.url, action), data=fields)
        raise AssertionError(f"the provider does not stop asking:\n{page.url}\n{page.text}")

    def log_in_at_portal(self, portal, name, browser=None):
        """Somebody's browser, logged in at the portal through the provider."""
        browser = browser or requests.Session()
        page = self.fill_forms(browser, browser.get(urljoin(portal, "login")), name)
        assert page.url == portal and "Log out" in page.text, page.text
        return browser, page

    def stop(self):
        self.process.kill()
        self.process.wait()
