"""The portal in a browser: way 3, and who may not."""

import html
import re

import requests

from sky import Keys, field
from test_refusals import ask


def keys_of_page(sky, page):
    text = html.unescape(page.text)
    found = dict(re.findall(r"export (AWS_\w+)=(\S+)", text))
    return Keys(
        sky, found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], found.get("AWS_SESSION_TOKEN")
    )


def test_way_3_in_a_browser(sky, alice, published):
    for method in ("sts-lite", "gateway", "ec2"):
        page = alice.portal_lease(lifetime="3600", method=method)
        assert page.status_code == 200, page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        keys = keys_of_page(sky, page)
        assert ask(keys, "list_objects_v2", {"Bucket": "m13"}) is None
        assert ask(keys, "put_object", {"Bucket": "m13", "Key": "x", "Body": b"x"}) == "AccessDenied"
        for title in ("Shell", "~/.aws/credentials", "boto3", "astropy", "Butler"):
            assert title in page.text
        # Shown once.
        assert keys.secret not in alice.portal_home().text


def test_the_texts_to_paste_work(sky, alice, published, tmp_path):
    import subprocess
    import sys

    page = alice.portal_lease(lifetime="3600", method="gateway")
    texts = {
        title: html.unescape(text) for title, text in re.findall(r'<pre id="([^"]+)">(.*?)</pre>', page.text, re.S)
    }
    run = subprocess.run([sys.executable, "-c", texts["boto3"]], capture_output=True, text=True)
    assert run.returncode == 0 and "M13_blue_0001.fits" in run.stdout, run.stderr
    script = texts["astropy"].replace("KEY\"", "M13_blue_0001.fits\"")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0 and "PRIMARY" in run.stdout, run.stderr
    import os

    aws_folder = os.path.dirname(os.environ["SKYKEY_AWS"])
    env = {"PATH": f"{aws_folder}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    run = subprocess.run(["bash", "-ec", texts["Shell"]], capture_output=True, text=True, env=env)
    assert run.returncode == 0 and "M13_blue_0001.fits" in run.stdout, run.stderr
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(texts["~/.aws/credentials"])
    run = subprocess.run(["aws", "s3", "ls", "s3://m13/", "--profile", "m13"], capture_output=True, text=True, env=env)
    assert run.returncode == 0 and "M13_blue_0001.fits" in run.stdout, run.stderr


def test_a_lifetime_that_was_left_empty_is_not_told_to_be_left_out(sky, alice):
    for lifetime in ("", " "):
        page = alice.portal_lease(lifetime=lifetime)
        assert page.status_code == 400 and "Write how many seconds, such as 3600." in page.text, page.text


def test_nothing_without_a_login(sky):
    bob = sky.person("bob")
    front = requests.get(bob.portal(""))
    assert front.status_code == 200 and "Log in" in front.text and "csrf" not in front.text
    for path in ("leases", "logout", "leases/lease-00/return"):
        assert requests.post(bob.portal(path), data={"survey": "m13"}).status_code == 401
    assert requests.get(bob.portal("login/callback?code=x&state=y")).status_code == 400
    assert requests.get(bob.portal("nowhere")).status_code == 404


def test_nothing_without_the_forms_own_token(sky, alice, published):
    alice.portal_home()
    for csrf in ("", "WRONG"):
        answer = alice.browser.post(alice.portal("leases"), data={"csrf": csrf, "survey": "m13", "lifetime": "3600"})
        assert answer.status_code == 403 and "AWS_ACCESS" not in answer.text
        assert alice.browser.post(alice.portal("logout"), data={"csrf": csrf}).status_code == 403


def test_a_stolen_answer_from_the_iam_is_no_login(sky):
    """Somebody else's code and state, without the cookie of the browser that began."""
    bob = sky.person("bob")
    bob.dashboard()
    start = bob.browser.get(bob.portal("login"), allow_redirects=False)
    back = bob.browser.get(start.headers["Location"], allow_redirects=False).headers["Location"]
    assert requests.get(back).status_code == 400
    assert bob.browser.get(back, allow_redirects=False).status_code == 303
    # Once only; who is logged in and loads the page again is at the front page, with the session that they had.
    again = bob.browser.get(back, allow_redirects=False)
    assert (again.status_code, again.headers["Location"]) == (303, "/") and "Set-Cookie" not in again.headers
    page = bob.portal_home()
    bob.browser.post(bob.portal("logout"), data={"csrf": field(page.text, "csrf")})
    assert bob.browser.get(back, allow_redirects=False).status_code == 400


def test_a_login_cookie_that_is_not_ours_is_not_told_back(sky):
    for planted in ("%0A" + "A" * 31, "%3B%20Domain%3Devil.example" + "A" * 10, "é" * 16, "A" * 31 + "%3B", "A" * 31):
        headers = {"Cookie": f"skykey_portal_login={planted}".encode()}
        answer = requests.get(sky.up["portal"] + "login", headers=headers, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        told = re.fullmatch(r"skykey_portal_login=([A-Z2-7]{32}); Path=/; HttpOnly; SameSite=Lax; Max-Age=\d+", answer.headers["Set-Cookie"])
        assert told and not told[1].startswith("A" * 31), answer.headers


def test_two_tabs_can_log_in(sky):
    bob = sky.person("bob")
    bob.dashboard()
    begun = [bob.browser.get(bob.portal("login"), allow_redirects=False).headers["Location"] for _ in range(2)]
    for start in begun:
        back = bob.browser.get(start, allow_redirects=False).headers["Location"]
        answer = bob.browser.get(back, allow_redirects=False)
        assert answer.status_code == 303 and "Set-Cookie" in answer.headers, answer.text


def test_logout_ends_the_session(sky):
    carol = sky.person("carol")
    page = carol.portal_home()
    cookies = dict(carol.browser.cookies)
    carol.browser.post(carol.portal("logout"), data={"csrf": field(page.text, "csrf")})
    assert "Log out" not in requests.get(carol.portal(""), cookies=cookies).text


def test_a_client_learns_what_it_needs_without_a_token(sky):
    site = requests.get(sky.person("bob").portal("api/v1/site")).json()
    assert site.pop("version")
    assert site == {
        "portal": sky.up["portal"],
        "issuer": sky.up["iam"],
        "client_id": "skykey-cli",
        "login_ports": "any",
        "s3": sky.up["s3"],
        "region": sky.up["region"],
        "application_credentials": True,
    }


def test_a_person_is_told_who_they_are_and_where_they_stand(sky):
    bob = sky.person("bob")
    me = requests.get(bob.portal("api/v1/me"), headers=bob.bearer).json()
    assert (me["username"], me["sub"], me["issuer"]) == ("bob", bob.sub, sky.up["iam"])
    assert "other/readers" in me["groups"] and me["account_end"] is None
    standing = {survey["name"]: survey["access"] for survey in me["surveys"]}
    assert standing == {"m13": "read", "other": "read"}
