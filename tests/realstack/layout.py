"""Who and what there is: the layout that skykey expects of a real site, for two surveys."""

import os
from pathlib import Path

FOLDER = Path(os.environ["REALSTACK_DIR"])

# Survey: each has a bucket of its name, a project of its name that owns the data, and a readers' project that owns nothing.
SURVEYS = ("m13", "other")
IDENTITY_PROVIDER = "iam"
PROTOCOL = "openid"
# The user at the gateway that sets policies and makes roles. It is the gateway's own; Keystone does not know it.
OPERATOR = "skykey-operator"
OPERATOR_CAPS = "user-policy=*;roles=*;oidc-provider=*;users=*"


def readers_project(survey):
    return f"{survey}-ro"


def projects():
    """Every project but Keystone's own."""
    return ["service", *(name for survey in SURVEYS for name in (survey, readers_project(survey)))]


def members():
    """User -> projects in which the user holds the role `member`."""
    data, readers = list(SURVEYS), [readers_project(survey) for survey in SURVEYS]
    return {
        "skykey": data + readers,
        "carol": data + readers,
        "alice": [readers_project("m13")],
        "bob": [readers_project("m13")],
    }


def iam_groups():
    """Group at the IAM -> (group at Keystone, projects in which its people hold the role `member`)."""
    return {
        f"{survey}/{kind}": (f"{survey}-{kind}", places)
        for survey in SURVEYS
        for kind, places in (
            ("readers", [readers_project(survey)]),
            ("curators", [survey, readers_project(survey)]),
        )
    }


def mapping():
    """Keystone's mapping rules for what mod_auth_openidc tells it about a person."""
    person = {
        "local": [{"user": {"name": "{1}", "id": "{0}"}}],
        "remote": [{"type": "HTTP_OIDC_SUB"}, {"type": "HTTP_OIDC_PREFERRED_USERNAME"}],
    }
    groups = [
        {
            "local": [{"user": {"name": "{1}", "id": "{0}"}}, {"group": {"name": group, "domain": {"id": "default"}}}],
            "remote": [
                {"type": "HTTP_OIDC_SUB"},
                {"type": "HTTP_OIDC_PREFERRED_USERNAME"},
                {"type": "HTTP_OIDC_GROUPS", "any_one_of": [iam_group]},
            ],
        }
        for iam_group, (group, _) in iam_groups().items()
    ]
    return [person, *groups]


def secret(name):
    """A password or a key, which `up` made."""
    return secret_file(name).read_text()


def secret_file(name):
    return FOLDER / "secrets" / name
