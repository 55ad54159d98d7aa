"""A virtual machine of bob's, with an application credential that he made at the real Keystone after a login by the IAM."""

import time

import boto3
import pytest
import requests

from sky import PRODUCED, Keys, openstack
from test_refusals import OBJECT, ask

RULES = '[{"path": "/v3/auth/tokens", "method": "GET", "service": "identity"}]'


class Machine:
    """Nothing but what is in OS_AUTH_URL, OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET."""

    def __init__(self, site, url, made):
        self.site, self.url, self.id, self.secret = site, url, made["id"], made["secret"]
        PRODUCED.add(self.secret)

    def log_in(self):
        credential = {"id": self.id, "secret": self.secret}
        identity = {"methods": ["application_credential"], "application_credential": credential}
        return requests.post(f"{self.url}/auth/tokens", json={"auth": {"identity": identity}})

    def token(self):
        answer = self.log_in()
        assert answer.status_code == 201, answer.text
        token = answer.headers["X-Subject-Token"]
        PRODUCED.add(token)
        return token


def ask_lease(site, token, **fields):
    body = {"survey": "m13", "method": "sts-lite", **fields}
    return requests.post(site.up["portal"] + "api/v1/leases", headers={"X-Auth-Token": token}, json=body)


def refused(site, token, status, word, **fields):
    answer = ask_lease(site, token, **fields)
    assert answer.status_code == status and word in answer.json()["error"]["message"], answer.text


@pytest.fixture(scope="module")
def make(in_order, stack, published):
    """Makes an application credential of bob's, with the real `openstack` command."""
    bob, made = in_order.person("bob"), []

    def make(*words):
        name = f"vm-{len(made)}"
        words = ("application", "credential", "create", "--role", "reader", *words, name)
        answer = openstack(bob, "m13-ro", *words)
        made.append({name.lower(): value for name, value in answer.items()})
        return Machine(in_order, stack.keystone, made[-1])

    return make


@pytest.fixture(scope="module")
def machine(make):
    return make()


def test_it_leases_and_reads_and_does_not_write(in_order, machine):
    site = requests.get(in_order.up["portal"] + "api/v1/site").json()
    assert site["application_credentials"] is True
    begun = time.monotonic()
    token = machine.token()
    logged_in = time.monotonic()
    answer = ask_lease(in_order, token, lifetime=3600)
    print(f"login {logged_in - begun:.2f} s, lease {time.monotonic() - logged_in:.2f} s")
    assert answer.status_code == 201, answer.text
    keys = Keys.of_api(in_order.stack, answer.json())
    s3 = keys.client()
    assert s3.get_object(**OBJECT)["Body"].read(6) == b"SIMPLE"
    assert ask(s3, "put_object", {**OBJECT, "Body": b"x"}) == "AccessDenied"
    header = {"X-Auth-Token": token}
    for path in ("me", "surveys", "leases"):
        answer = requests.get(in_order.up["portal"] + f"api/v1/{path}", headers=header)
        assert answer.status_code == 200, answer.text
    assert keys.lease["id"] in answer.text and keys.secret not in answer.text
    assert requests.get(in_order.up["portal"] + "api/v1/me", headers=header).json()["username"] == "bob"


def test_it_does_nothing_but_read(in_order, machine, eventually):
    token = machine.token()
    # What was proved of the site before it was in order is proved again within a minute.
    eventually(lambda: ask_lease(in_order, token, method="ec2").status_code != 503, 90, "the proof is made again")
    refused(in_order, token, 403, "not given to an application credential", access="write")
    refused(in_order, token, 403, "in your name", method="ec2")
    refused(in_order, token, 403, "in your name", key="own")


def test_no_other_token_of_the_real_keystone_counts(in_order, stack, make):
    bob = in_order.person("bob")
    federated = openstack(bob, "m13-ro", "token", "issue")["id"]
    PRODUCED.add(federated)
    refused(in_order, federated, 403, "the token of Keystone was made with")
    local = stack.login("alice", "m13-ro")
    refused(in_order, local.token, 403, "made with password")
    unrestricted = make("--unrestricted").token()
    refused(in_order, unrestricted, 403, "not a restricted one")
    ruled = make("--access-rules", RULES)
    refused(in_order, ruled.token(), 401, "does not stand by this token")
    # Somebody with a password, whom no IAM knows.
    path = f"/users/{local.user}/application_credentials"
    wanted = {"application_credential": {"name": "vm", "roles": [{"name": "reader"}]}}
    made = local.ask("POST", path, wanted)["application_credential"]
    refused(in_order, Machine(in_order, stack.keystone, made).token(), 403, "did not come to Keystone by this site's IAM")
    local.ask("DELETE", f"{path}/{made['id']}")
    refused(in_order, "gAAAAABn" + "x" * 180, 401, "does not stand by this token")


def test_a_token_for_a_signature_does_not_count(in_order, stack, published):
    """An unpatched Keystone gives a token to every finder of a presigned URL; this one only to the gateway."""
    keys = in_order.person("bob").ec2_from_openstack("m13-ro")
    url = boto3.client(
        "s3",
        endpoint_url=stack.rgw,
        region_name=stack.region,
        aws_access_key_id=keys.access,
        aws_secret_access_key=keys.secret,
        config=boto3.session.Config(signature_version="s3v4"),
    ).generate_presigned_url("get_object", Params=OBJECT)
    parts = requests.Request("GET", url).prepare()
    query = dict(part.split("=", 1) for part in parts.path_url.split("?", 1)[1].split("&"))
    query = {name: requests.utils.unquote(value) for name, value in query.items()}
    signed = {
        "access": keys.access,
        "signature": query.pop("X-Amz-Signature"),
        "host": stack.rgw.split("//")[1].rstrip("/"),
        "verb": "GET",
        "path": parts.path_url.split("?")[0],
        "params": query,
        "headers": {"host": stack.rgw.split("//")[1].rstrip("/")},
        "body_hash": "UNSIGNED-PAYLOAD",
    }
    gateway = stack.login("rgw", "service")
    answer = requests.post(
        f"{stack.keystone}/ec2tokens", headers={"X-Auth-Token": gateway.token}, json={"credentials": signed}
    )
    assert answer.status_code == 200, answer.text
    token = answer.headers["X-Subject-Token"]
    PRODUCED.add(token)
    refused(in_order, token, 403, "the token of Keystone was made with ec2credential")


def test_it_ends_with_the_credential_the_user_and_the_membership(in_order, stack, make, eventually):
    bob, olive = in_order.person("bob"), in_order.person("olive")
    machine = make()
    token = machine.token()
    lease = Keys.of_api(in_order.stack, ask_lease(in_order, token).json()).lease
    admin = stack.login("skykey-admin", "service")
    shown = requests.get(
        f"{stack.keystone}/auth/tokens", headers={"X-Auth-Token": admin.token, "X-Subject-Token": token}
    ).json()["token"]
    user = shown["user"]["id"]
    admin.ask("PATCH", f"/users/{user}", {"user": {"enabled": False}})
    eventually(lambda: ask_lease(in_order, token).status_code == 401, 15, "the user is disabled")
    admin.ask("PATCH", f"/users/{user}", {"user": {"enabled": True}})
    token = machine.token()
    assert ask_lease(in_order, token).status_code == 201

    own = {"X-Auth-Token": openstack(bob, "m13-ro", "token", "issue")["id"]}
    PRODUCED.add(own["X-Auth-Token"])
    answer = requests.delete(f"{stack.keystone}/users/{user}/application_credentials/{machine.id}", headers=own)
    assert answer.status_code == 204, answer.text
    eventually(lambda: ask_lease(in_order, token).status_code == 401, 15, "the credential is deleted")
    assert machine.log_in().status_code in (401, 404)

    token = make().token()
    assert ask_lease(in_order, token).status_code == 201
    olive.remove(bob)
    refused(in_order, token, 403, "not a member of m13/readers")
    header = {"X-Auth-Token": token}

    def state():
        leases = requests.get(in_order.up["portal"] + "api/v1/leases", headers=header).json()["leases"]
        return {found["id"]: found["state"] for found in leases}[lease["id"]]

    eventually(lambda: state() == "removed", 10, "the watch has seen it")
    bob.ask_to_join()
    olive.approve("bob")
    assert ask_lease(in_order, token).status_code == 201
