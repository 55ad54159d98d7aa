"""`skykey revoke --project`: what a site can do when session tokens must end before their time."""

import pytest
from botocore.exceptions import ClientError

from test_refusals import ask

LIST = ("list_objects_v2", {"Bucket": "m13"})


@pytest.fixture
def suspended(in_order):
    yield
    in_order.revoke("m13-ro", "--lift", check=False)


def test_a_project_is_suspended_and_that_is_lifted(in_order, stack, suspended, eventually):
    bob = in_order.person("bob")
    made = bob.ec2_from_openstack("m13-ro")
    keys = {"EC2": made, "exchanged": made.session_token(), "sts-lite": bob.lease(method="sts-lite")}
    role = bob.lease(method="assume-role")
    for name, key in keys.items():
        assert ask(key, *LIST) is None, name

    told = in_order.revoke("m13-ro", check=False)
    assert told.returncode == 1 and "nothing was done; add --yes" in told.stderr, told.stderr
    assert "live leases" in told.stdout and "does not stop the keys of roles" in told.stdout
    assert stack.user("m13-ro")["suspended"] == 0
    for name, key in keys.items():
        assert ask(key, *LIST) is None, name

    policies = stack.user_policies("m13-ro")
    assert policies
    told = in_order.revoke("m13-ro", "--yes").stdout
    assert "is suspended" in told, told
    for name, key in keys.items():
        assert ask(key, *LIST) == "UserSuspended", name
    with pytest.raises(ClientError) as caught:
        made.session_token()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    # As it said.
    assert ask(role, *LIST) is None
    # The other survey stays readable; this one reports the reason.
    assert bob.ask_lease("other", method="sts-lite").status_code == 201
    answer = bob.ask_lease(method="sts-lite")
    assert answer.status_code >= 500, answer.text
    assert "suspended" in answer.json()["error"]["message"].lower(), answer.text

    told = in_order.revoke("m13-ro", "--lift").stdout
    assert "no longer suspended" in told and "policies are back" in told
    for name, key in keys.items():
        assert ask(key, *LIST) is None, name
    assert stack.user_policies("m13-ro") == policies
    assert ask(made.session_token(), *LIST) is None
    assert "change" not in in_order.command("survey", "apply", "--dry-run").stdout
    eventually(lambda: bob.ask_lease(method="sts-lite").status_code == 201, 45, "leases are issued again")
    assert not list(in_order.state.glob("suspended-*"))


def test_a_project_of_no_survey_is_not_touched(in_order):
    told = in_order.revoke("service", "--yes", check=False)
    assert told.returncode == 1 and "no survey of the configuration has the project service" in told.stderr


def test_the_backend_user_still_has_one_credential_for_each_project(stack, in_order, eventually):
    """A suspension must not make skykey believe that its credentials are no good, and make others."""
    skykey = stack.told["users"]["skykey"]["id"]

    def one_each():
        projects = list(stack.ec2_of(skykey).values())
        return len(projects) == len(set(projects))

    eventually(one_each, 20, "one credential for each project")
