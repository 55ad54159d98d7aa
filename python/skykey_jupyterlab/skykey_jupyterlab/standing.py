"""The status of this server's credentials, without the credentials."""

import asyncio
import ipaddress
import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

# In seconds. Many tabs share one request.
CACHE_TTL = 20
# In seconds. botocore waits 2 s; a person at the panel can wait longer.
REQUEST_TIMEOUT = 10
MAX_MESSAGE_CHARS = 400


@dataclass(frozen=True)
class Standing:
    """`state` is one of `good`, `refused`, `away` (no answer) and `absent` (this server has no endpoint)."""

    state: str
    survey: str | None = None
    # The expiry, RFC 3339 in UTC.
    expires: str | None = None
    # The reason, in a sentence for the person.
    message: str | None = None
    portal: str | None = None
    # The expiry, in seconds since 1970.
    end: float | None = None

    def to_json(self):
        fields = asdict(self)
        end = fields.pop("end")
        # The browser's clock may be wrong: seconds from now.
        fields["left"] = None if end is None else max(0, round(end - time.time()))
        return fields


class Watched:
    """Caches the last status. Simultaneous callers share one request."""

    def __init__(self, environ=os.environ, ask=None):
        self.environ, self.ask = environ, ask or standing
        self.lock = asyncio.Lock()
        self.last, self.at = None, 0.0

    async def standing(self, newest=False):
        asked_at = time.monotonic()
        async with self.lock:
            fresh = self.at > asked_at if newest else time.monotonic() - self.at < CACHE_TTL
            if self.last is None or not fresh:
                self.last = await self.ask(self.environ)
                self.at = time.monotonic()
            return self.last


async def standing(environ):
    """Asks the endpoint in `environ` by the container credentials protocol of AWS's SDKs."""
    url = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        return Standing("absent")
    known = {"survey": survey_of(url, environ), "portal": portal_of(url, environ)}
    if not trusted(url):
        message = f"credentials are accepted by https, or from this machine; {urlsplit(url).netloc} is neither"
        return Standing("refused", message=message, **known)
    try:
        bearer = headers(environ)
    except OSError as error:
        return Standing("away", message=f"the bearer cannot be read: {error.strerror}", **known)
    try:
        answer = await AsyncHTTPClient().fetch(
            url,
            headers=bearer,
            follow_redirects=False,
            connect_timeout=REQUEST_TIMEOUT,
            request_timeout=REQUEST_TIMEOUT,
            raise_error=False,
        )
    except (OSError, HTTPClientError):
        return Standing("away", message=f"{urlsplit(url).netloc} does not answer", **known)
    return understood(answer, known)


def understood(answer, known):
    """Reads only the expiry of credentials, and the message of a refusal."""
    known["survey"] = answer.headers.get("Skykey-Survey") or known["survey"]
    try:
        fields = json.loads(answer.body or b"")
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        if answer.code == 200:
            end = datetime.fromisoformat(fields["Expiration"].replace("Z", "+00:00")).astimezone(timezone.utc)
            return Standing("good", expires=end.isoformat(timespec="seconds"), end=end.timestamp(), **known)
    except (ValueError, KeyError, TypeError, AttributeError):
        fields = {}
    said = fields.get("message")
    message = said[:MAX_MESSAGE_CHARS] if isinstance(said, str) and answer.code != 200 else None
    refused = 400 <= answer.code < 500
    message = message or f"the credentials endpoint returned an unexpected response with status {answer.code}"
    return Standing("refused" if refused else "away", message=message, **known)


def headers(environ):
    """Returns the bearer as the SDKs send it: the file takes precedence over the variable."""
    file = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    bearer = Path(file).read_text().strip() if file else environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    return {"Accept": "application/json", **({"Authorization": bearer} if bearer else {})}


def trusted(url):
    """Whether the SDKs accept the address: https, or this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def survey_of(url, environ):
    """Returns the survey in the address, or in the environment."""
    return parse_qs(urlsplit(url).query).get("survey", [environ.get("SKYKEY_SURVEY")])[0]


def portal_of(url, environ):
    """Returns the portal's address; an endpoint of the portal's own has the same host."""
    configured = environ.get("SKYKEY_PORTAL")
    if configured and urlsplit(configured).scheme in ("http", "https"):
        return configured
    return urljoin(url, "/") if urlsplit(url).path == "/jupyter/credentials" else None
