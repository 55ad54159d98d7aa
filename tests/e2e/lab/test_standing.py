"""What the notebook server makes of the answers of an endpoint, and which endpoints it does not ask."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab import BINARIES, plain_environment

ASK = """
import asyncio, json, os
from skykey_jupyterlab.standing import standing
print(json.dumps(asyncio.run(standing(os.environ)).to_json()))
"""
KEYS = {"AccessKeyId": "AKIAKEY", "SecretAccessKey": "SECRETKEY", "Token": "SESSIONTOKEN"}


class Endpoint:
    """A scripted server that records its callers."""

    def __init__(self):
        self.status, self.body, self.headers, self.asked = 200, b"{}", {}, []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                endpoint.asked.append((self.path, self.headers.get("Authorization")))
                self.send_response(endpoint.status)
                for name, value in {"Content-Length": str(len(endpoint.body)), **endpoint.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(endpoint.body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jupyter/credentials"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.server.shutdown()


@pytest.fixture
def ask(extension, tmp_path):
    def ask(url, **environment):
        if url:
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url
        env = plain_environment(tmp_path, **extension, **environment)
        run = subprocess.run([BINARIES / "python", "-c", ASK], env=env, capture_output=True, text=True, timeout=30)
        assert run.returncode == 0, run.stderr
        assert not any(key in run.stdout for key in KEYS.values()), run.stdout
        return json.loads(run.stdout)

    return ask


def good(**more):
    return json.dumps({**KEYS, "Expiration": "2999-01-01T00:00:00Z", **more}).encode()


def test_credentials_are_good_until_they_end(ask, endpoint):
    endpoint.body = good()
    told = ask(endpoint.url + "?survey=m13", AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer BEARER")
    assert endpoint.asked == [("/jupyter/credentials?survey=m13", "Bearer BEARER")]
    assert (told["state"], told["survey"], told["expires"]) == ("good", "m13", "2999-01-01T00:00:00+00:00")
    assert told["left"] > 0 and told["message"] is None
    assert told["portal"] == endpoint.url.removesuffix("jupyter/credentials")


def test_the_survey_and_the_portal_are_named_by_who_knows(ask, endpoint):
    endpoint.body, endpoint.headers = good(), {"Skykey-Survey": "dp1"}
    elsewhere = endpoint.url.replace("jupyter/", "")
    told = ask(elsewhere, SKYKEY_PORTAL="https://skykey.example.org/")
    assert (told["survey"], told["portal"]) == ("dp1", "https://skykey.example.org/")
    endpoint.headers = {}
    told = ask(elsewhere, SKYKEY_SURVEY="dp2", SKYKEY_PORTAL="javascript:alert(1)")
    assert (told["survey"], told["portal"]) == ("dp2", None)


def test_the_bearer_may_lie_in_a_file(ask, endpoint, tmp_path):
    endpoint.body = good()
    file = tmp_path / "bearer"
    file.write_text("Bearer FILED\n")
    ask(endpoint.url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(file))
    assert endpoint.asked[0][1] == "Bearer FILED"
    told = ask(endpoint.url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tmp_path / "missing"))
    assert told["state"] == "away" and "cannot be read" in told["message"]
    assert len(endpoint.asked) == 1


def test_a_refusal_is_told_in_the_endpoints_words(ask, endpoint):
    endpoint.status, endpoint.body = 403, b'{"code":"not_a_member","message":"removed from m13/readers"}'
    assert ask(endpoint.url)["message"] == "removed from m13/readers"
    assert ask(endpoint.url)["state"] == "refused"
    endpoint.body = json.dumps({"message": "x" * 5000}).encode()
    assert len(ask(endpoint.url)["message"]) == 400


def test_what_is_not_understood_is_no_word_about_the_person(ask, endpoint):
    for status, body in [
        (503, b'{"message":"the IAM does not answer"}'),
        (500, b"<html>"),
        (200, b"not json"),
        (200, b"[]"),
        (200, b'{"Expiration":17}'),
        (200, json.dumps({**KEYS, "Expiration": "soon", "message": "SECRETKEY"}).encode()),
    ]:
        endpoint.status, endpoint.body = status, body
        told = ask(endpoint.url)
        assert told["state"] == "away" and told["message"] and told["left"] is None, (status, body, told)


def test_a_redirect_is_not_followed_with_the_bearer(ask, endpoint):
    other = Endpoint()
    endpoint.status, endpoint.headers = 302, {"Location": other.url}
    assert ask(endpoint.url, AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer BEARER")["state"] == "away"
    assert not other.asked
    other.server.shutdown()


def test_the_bearer_goes_only_where_the_sdks_would_send_it(ask, endpoint):
    # None of these is asked: the names are reserved, and resolve nowhere.
    elsewhere = ("http://skykey.example.org/c", "http://127.0.0.1.example.org/c", "ftp://127.0.0.1/c", "file:///c")
    for url in elsewhere:
        told = ask(url, AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer BEARER")
        assert told["state"] == "refused" and "by https, or from this machine" in told["message"], told


def test_nobody_listens_or_there_is_nobody_to_ask(ask, endpoint):
    endpoint.server.shutdown()
    endpoint.server.server_close()
    told = ask(endpoint.url)
    assert told["state"] == "away" and told["message"].endswith(" does not answer")
    assert ask(None)["state"] == "absent"
