"""Keystone's application for gunicorn, with what Apache and mod_auth_openidc do in front of it at a real site.

On the address where an access token of the IAM is exchanged for one of Keystone, the bearer token is shown to the
IAM's userinfo endpoint (found by discovery), and what the IAM says of the person goes to Keystone in the variables
that the module sets, with `;` between groups (`OIDCClaimDelimiter ";"`). A token that the IAM does not vouch for is
answered 401. Whatever a client sends in these variables itself is taken away, on every address.

The issuer is the one in $REALSTACK_DIR/issuer, read at each request: `trust` writes it when an IAM is known.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

# Keystone reads the command line, which here is gunicorn's.
sys.argv = sys.argv[:1]
from keystone.wsgi.api import application as keystone  # noqa: E402

EXCHANGE = re.compile(r"/v3/OS-FEDERATION/identity_providers/[^/]+/protocols/[^/]+/auth/?")
ISSUER = Path(os.environ["REALSTACK_DIR"], "issuer")
# Loopback, so without the proxy that the environment may name.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unknown(Exception):
    """Nobody vouches for the bearer."""


def application(environ, start_response):
    for name in [name for name in environ if name.startswith(("HTTP_OIDC_", "OIDC_")) or name == "REMOTE_USER"]:
        del environ[name]
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if EXCHANGE.fullmatch(path) and environ["REQUEST_METHOD"] in ("GET", "POST"):
        try:
            environ.update(what_the_iam_says(environ.get("HTTP_AUTHORIZATION", "")))
        except Unknown as why:
            return unauthorized(start_response, str(why))
    return keystone(environ, start_response)


def what_the_iam_says(authorization):
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unknown("no bearer token")
    if not ISSUER.exists():
        raise Unknown("no IAM is trusted; run tests/realstack/trust ISSUER")
    issuer = ISSUER.read_text().strip()
    discovered = fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if discovered.get("issuer") != issuer:
        raise Unknown(f"the IAM calls itself {discovered.get('issuer')}, but {issuer} is trusted")
    claims = fetch(discovered["userinfo_endpoint"], {"Authorization": f"Bearer {token.strip()}"})
    if not claims.get("sub"):
        raise Unknown("the IAM names no subject")
    variables = {
        "AUTH_TYPE": "auth-openidc",
        "REMOTE_USER": f"{claims['sub']}@{issuer}",
        "HTTP_OIDC_ISS": issuer,
    }
    for name, value in claims.items():
        if name != "iss" and (text := as_text(value)):
            variables["HTTP_OIDC_" + re.sub(r"[^A-Z0-9]", "_", name.upper())] = text
    return variables


def as_text(claim):
    """A claim as the module writes it."""
    if isinstance(claim, bool):
        return "1" if claim else "0"
    if isinstance(claim, list):
        return ";".join(filter(None, map(as_text, claim)))
    if isinstance(claim, dict):
        return json.dumps(claim)
    return "" if claim is None else str(claim)


def fetch(url, headers=None):
    try:
        with OPENER.open(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
            found = json.loads(answer.read(1 << 20))
    except urllib.error.HTTPError as error:
        raise Unknown(f"the IAM answered {error.code}") from error
    except (OSError, ValueError) as error:
        raise Unknown("the IAM does not answer") from error
    if not isinstance(found, dict):
        raise Unknown("the IAM's answer is not an object")
    return found


def unauthorized(start_response, why):
    body = json.dumps({"error": {"code": 401, "message": why, "title": "Unauthorized"}}).encode()
    start_response(
        "401 Unauthorized",
        [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("WWW-Authenticate", 'Bearer error="invalid_token"'),
        ],
    )
    return [body]
