"""An IAM that is not INDIGO's: a certified OpenID provider without SCIM. Memberships are read from userinfo, asked with
the login that the portal keeps."""

import html
import json
import os
import re
import sqlite3
import subprocess
from urllib.parse import urljoin

import pytest
import requests

from realsite import WATCH_EVERY, Site, free_base_port
from sky import PRODUCED, field
from test_portal import keys_of_page
from test_refusals import ask

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


class Provider:
    """The provider, and its people, who may change at any time."""

    def __init__(self, folder, redirect):
        self.file = folder / "people.json"
        self.tell({name: {"name": name.title(), "groups": ["m13/readers"]} for name in ("ada", "ben", "cyd")})
        where = os.environ.get("SKYKEY_OPENID_PROVIDER")
        if not where:
            assert os.environ.get("CI") != "true", "SKYKEY_OPENID_PROVIDER is not set"
            pytest.skip("SKYKEY_OPENID_PROVIDER does not name the folder of the installed provider; tests/run does")
        self.process = subprocess.Popen(
            ["node", "provider.mjs", "0", str(self.file)],
            cwd=where,
            env={**os.environ, "CLIENT_SECRET": CLIENT_SECRET, "REDIRECT_URI": redirect},
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

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, stack, in_order, published):
    folder = tmp_path_factory.mktemp("elsewhere")
    base = free_base_port()
    provider = Provider(folder, f"http://127.0.0.1:{base}/login/callback")
    secret = folder / "client-secret"
    secret.touch(0o600)
    secret.write_text(CLIENT_SECRET)
    PRODUCED.add(CLIENT_SECRET)
    try:
        iam = IAM.format(issuer=provider.issuer, secret=secret)
        with Site(folder / "site", stack, iam=iam, base_port=base, surveys=["m13"]) as site:
            site.provider = provider
            yield site
    finally:
        provider.stop()


def logged_in(site, name):
    """Somebody's browser, logged in at the portal through the provider's own forms."""
    browser = requests.Session()
    page = browser.get(urljoin(site.up["portal"], "login"))
    for fields in ({"prompt": "login", "login": name, "password": "anything"}, {"prompt": "consent"}):
        action = html.unescape(re.search(r'<form[^>]*action="([^"]+)"', page.text).group(1))
        page = browser.post(urljoin(page.url, action), data=fields)
    assert page.url == site.up["portal"] and "Log out" in page.text, page.text
    return browser, page


def lease(site, browser, page, **fields):
    data = {"csrf": field(page.text, "csrf"), "survey": "m13", "lifetime": "3600", **fields}
    return browser.post(urljoin(site.up["portal"], "leases"), data=data)


def states(site, browser):
    """What the portal says of the person's leases."""
    page = browser.get(site.up["portal"])
    return page.status_code, html.unescape(page.text)


def test_whoever_is_in_the_group_logs_in_and_reads(elsewhere):
    browser, page = logged_in(elsewhere, "ada")
    for method in ("sts-lite", "assume-role"):
        answer = lease(elsewhere, browser, page, method=method)
        assert answer.status_code == 200, answer.text
        keys = keys_of_page(elsewhere, answer)
        assert ask(keys, "list_objects_v2", {"Bucket": "m13"}) is None
        assert ask(keys, "put_object", {"Bucket": "m13", "Key": "x", "Body": b"x"}) == "AccessDenied"


def test_whoever_leaves_the_group_loses_their_leases(elsewhere, eventually):
    browser, page = logged_in(elsewhere, "ben")
    assert lease(elsewhere, browser, page).status_code == 200
    assert "until" in states(elsewhere, browser)[1]
    people = dict(elsewhere.provider.people)
    people["ben"] = {**people["ben"], "groups": ["some/thing"]}
    elsewhere.provider.tell(people)
    took = eventually(lambda: "removed at" in states(elsewhere, browser)[1], WATCH_EVERY + 10, "the watch sees it")
    print(f"removed after {took:.1f} s")
    refused = lease(elsewhere, browser, page)
    assert refused.status_code == 403 and "not a member of m13/readers" in html.unescape(refused.text)
    # Back in the group, without another login.
    people["ben"] = {**people["ben"], "groups": ["m13/readers"]}
    elsewhere.provider.tell(people)
    assert lease(elsewhere, browser, page).status_code == 200


def test_whoever_is_deleted_loses_their_leases(elsewhere, eventually):
    browser, page = logged_in(elsewhere, "cyd")
    assert lease(elsewhere, browser, page).status_code == 200
    people = dict(elsewhere.provider.people)
    del people["cyd"]
    elsewhere.provider.tell(people)

    def ended():
        with sqlite3.connect(f"file:{elsewhere.state}/broker.db?mode=ro", uri=True) as database:
            found = database.execute("select reason from audit where username = 'cyd' and action = 'revoke'")
            return found.fetchall()

    eventually(ended, WATCH_EVERY + 10, "the watch sees it")
    refused = lease(elsewhere, browser, page)
    assert refused.status_code in (401, 403), refused.text


def test_the_others_go_on(elsewhere):
    browser, page = logged_in(elsewhere, "ada")
    assert lease(elsewhere, browser, page).status_code == 200
    assert "removed" not in states(elsewhere, browser)[1]
