"""An IAM that is not INDIGO's: a certified OpenID provider without SCIM. Memberships are read from userinfo, asked with
the login that the portal keeps."""

import html
import sqlite3
from urllib.parse import urljoin

import pytest

from openid_provider import Provider
from realsite import WATCH_EVERY, Site, free_base_port
from sky import field
from test_portal import keys_of_page
from test_refusals import ask


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, stack, in_order, published):
    folder = tmp_path_factory.mktemp("elsewhere")
    base = free_base_port()
    provider = Provider(folder, f"http://127.0.0.1:{base}/login/callback")
    try:
        with Site(folder / "site", stack, iam=provider.iam(folder), base_port=base, surveys=["m13"]) as site:
            site.provider = provider
            yield site
    finally:
        provider.stop()


def logged_in(site, name):
    """Somebody's browser, logged in at the portal through the provider's own forms."""
    return site.provider.log_in_at_portal(site.up["portal"], name)


def lease(site, browser, page, **fields):
    data = {"csrf": field(page.text, "csrf"), "survey": "m13", "lifetime": "3600", **fields}
    return browser.post(urljoin(site.up["portal"], "leases"), data=data)


def states(site, browser):
    """What the portal says of the person's leases."""
    page = browser.get(site.up["portal"])
    return page.status_code, html.unescape(page.text)


def test_a_member_of_the_group_logs_in_and_reads(elsewhere):
    browser, page = logged_in(elsewhere, "ada")
    for method in ("sts-lite", "assume-role"):
        answer = lease(elsewhere, browser, page, method=method)
        assert answer.status_code == 200, answer.text
        keys = keys_of_page(elsewhere, answer)
        assert ask(keys, "list_objects_v2", {"Bucket": "m13"}) is None
        assert ask(keys, "put_object", {"Bucket": "m13", "Key": "x", "Body": b"x"}) == "AccessDenied"


def test_a_person_who_leaves_the_group_loses_their_leases(elsewhere, eventually):
    browser, page = logged_in(elsewhere, "ben")
    assert lease(elsewhere, browser, page).status_code == 200
    assert "until" in states(elsewhere, browser)[1]
    elsewhere.provider.put_in("ben", "some/thing")
    took = eventually(lambda: "removed at" in states(elsewhere, browser)[1], WATCH_EVERY + 10, "the watch sees it")
    print(f"removed after {took:.1f} s")
    refused = lease(elsewhere, browser, page)
    assert refused.status_code == 403 and "not a member of m13/readers" in html.unescape(refused.text)
    # Back in the group, without another login.
    elsewhere.provider.put_in("ben", "m13/readers")
    assert lease(elsewhere, browser, page).status_code == 200


def test_a_deleted_person_loses_their_leases(elsewhere, eventually):
    browser, page = logged_in(elsewhere, "cyd")
    assert lease(elsewhere, browser, page).status_code == 200
    elsewhere.provider.delete("cyd")

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
