"""The two protocols that seeding needs, with nothing but the standard library: Keystone's, and AWS Signature 4."""

import datetime
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request


# Everything is on loopback, so without the proxy that the environment may name.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """An answer that was not a success."""

    def __init__(self, what, status, body):
        super().__init__(f"{what} was answered {status}: {body[:500].decode(errors='replace')}")
        self.status, self.body = status, body


def exchange(method, url, body=None, headers=None):
    """One request, and its answer whatever the status: (status, headers, body)."""
    request = urllib.request.Request(url, method=method, data=body, headers=headers or {})
    try:
        with OPENER.open(request, timeout=120) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


class Keystone:
    """Keystone's API as somebody who logs in with a password, in a project of the domain Default."""

    def __init__(self, url, user, password, project):
        self.url, self.token = url, None
        domain = {"id": "default"}
        headers, answer = self._ask(
            "POST",
            "/auth/tokens",
            {
                "auth": {
                    "identity": {
                        "methods": ["password"],
                        "password": {"user": {"name": user, "domain": domain, "password": password}},
                    },
                    "scope": {"project": {"name": project, "domain": domain}},
                }
            },
        )
        self.token, self.user = headers["X-Subject-Token"], answer["token"]["user"]["id"]

    def ask(self, method, path, body=None):
        """The body of the answer. Anything but a success is an exception."""
        return self._ask(method, path, body)[1]

    def _ask(self, method, path, body):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        data = None if body is None else json.dumps(body).encode()
        status, answered, text = exchange(method, self.url + path, data, headers)
        if status >= 300:
            raise Refused(f"{method} {path}", status, text)
        return answered, json.loads(text or b"{}")

    def ec2_credential(self, project):
        """Makes an EC2 credential of the one who logged in, for the project with this id."""
        return self.ask("POST", f"/users/{self.user}/credentials/OS-EC2", {"tenant_id": project})["credential"]

    def forget_ec2_credential(self, access):
        self.ask("DELETE", f"/users/{self.user}/credentials/OS-EC2/{access}")


class Signed:
    """Requests with Signature 4: to S3, to IAM and STS, and to the gateway's admin API."""

    def __init__(self, endpoint, access, secret, token=None, region="us-east-1"):
        self.endpoint = endpoint.rstrip("/")
        self.access, self.secret, self.token, self.region = access, secret, token, region

    def ask(self, method, path, query="", body=b"", service="s3", content_type=None, at=None, host=None):
        """(status, body). `query` is canonical already: sorted and encoded, each parameter with its `=`."""
        now = (at or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        headers = {
            "host": host or self.endpoint.split("//")[1],
            "x-amz-content-sha256": digest,
            "x-amz-date": now,
        }
        if self.token:
            headers["x-amz-security-token"] = self.token
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
        scope = f"{now[:8]}/{self.region}/{service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = b"AWS4" + self.secret.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        if body:
            headers["Content-Type"] = content_type or "application/octet-stream"
        url = f"{self.endpoint}{path}" + (f"?{query}" if query else "")
        status, _, text = exchange(method, url, body or None, headers)
        return status, text

    def form(self, service="iam", **fields):
        """An action of IAM or STS: (status, body)."""
        body = urllib.parse.urlencode(fields, quote_via=urllib.parse.quote, safe="").encode()
        return self.ask("POST", "/", body=body, service=service, content_type="application/x-www-form-urlencoded")

    def must(self, what, answer, accept=(200, 201, 204)):
        """The body of an answer that has to be a success."""
        status, body = answer
        if status not in accept:
            raise Refused(what, status, body)
        return body
