"""S3 credentials that read a survey, and clients whose credentials stay fresh, with nothing to configure.

    import skykey
    s3 = skykey.session("demo").client("s3")
    fits.open("s3://demo/a.fits", use_fsspec=True, fsspec_kwargs=skykey.storage_options("demo"))

It asks the program ``skykey``, in whose name everything happens: log in once with ``skykey login``. The program
keeps credentials and hands the same ones out until 20 minutes are left; this module keeps nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import weakref
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

__all__ = ["Credentials", "SkykeyError", "credentials", "program", "session", "storage_options"]

# Longer than the program waits for another one that renews, and for the portal, in seconds.
_PATIENCE = 120
_NEVER = datetime(9999, 1, 1, tzinfo=timezone.utc)


class SkykeyError(Exception):
    """There are no credentials; the message is the program's sentence, with what to do."""


@dataclass(frozen=True)
class Credentials:
    """What reads a survey, and where it is. Neither secret is shown by ``repr``."""

    survey: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    #: The end, in UTC; ``None`` for an EC2 credential, which lives as long as its lease.
    expires: datetime | None
    #: The S3 endpoint's address.
    endpoint: str
    region: str
    #: What may be read, as BUCKET/PREFIX.
    prefixes: tuple[str, ...]
    #: The lease, as ``skykey leases`` and ``skykey revoke`` call it.
    lease: str


def program() -> str:
    """The path of the program ``skykey``: the one that came with this Python, else the first on ``PATH``."""
    beside = [os.path.dirname(sys.executable), sysconfig.get_path("scripts")]
    if hasattr(sysconfig, "get_preferred_scheme"):  # where pip install --user puts it
        beside.append(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    for folders in (*beside, None):
        if found := shutil.which("skykey", path=folders):
            return found
    raise SkykeyError("the program skykey is neither beside this Python nor on PATH; install the wheel that this module came from again")


def credentials(survey: str, lifetime: int | str | None = None, portal: str | None = None) -> Credentials:
    """Credentials that read ``survey``; the same ones again until 20 minutes are left.

    ``lifetime`` is in seconds, or as ``"6h"``; left out, the survey's shortest. ``portal`` is an address; left out,
    the one that is logged in at. Raises `SkykeyError` if there are none.
    """
    words = [program(), "credentials", "--format=json", f"--survey={survey}"]
    words += [f"--lifetime={lifetime}"] if lifetime is not None else []
    words += [f"--portal={portal}"] if portal is not None else []
    try:
        run = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise SkykeyError(f"skykey credentials took longer than {_PATIENCE} s; try again") from None
    except OSError as error:
        raise SkykeyError(f"cannot start {words[0]}: {error.strerror}") from None
    if run.returncode != 0:
        # What follows an empty line is about the command line.
        said = run.stderr.strip().removeprefix("error: ").partition("\n\n")[0]
        raise SkykeyError(said or f"skykey credentials ended with {run.returncode} and said nothing")
    try:
        answer = json.loads(run.stdout)
        keys, place, end = answer["credentials"], answer["s3"], answer["credentials"]["Expiration"]
        return Credentials(
            survey=answer["lease"]["survey"],
            access_key_id=keys["AccessKeyId"],
            secret_access_key=keys["SecretAccessKey"],
            session_token=keys["SessionToken"],
            expires=end and datetime.strptime(end, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc),
            endpoint=place["endpoint"],
            region=place["region"],
            prefixes=tuple(place["prefixes"]),
            lease=answer["lease"]["id"],
        )
    except (ValueError, KeyError, TypeError):  # whose text might hold a secret
        raise SkykeyError(f"{words[0]} is another version than this module; install both from one wheel") from None


def session(survey: str, lifetime: int | str | None = None, portal: str | None = None) -> boto3.session.Session:
    """A boto3 session at the survey's endpoint, whose clients renew their credentials by themselves.

    It needs boto3. One client may be used by many threads, and after a fork. When the program refuses, the
    client's next request raises `SkykeyError`, and works again once the person is back in the group.
    """
    try:
        import boto3
        import botocore.credentials
        import botocore.session
    except ModuleNotFoundError:
        raise SkykeyError("skykey.session needs boto3; pip install boto3") from None

    wish = (survey, lifetime, portal)
    first = credentials(*wish)

    class Provider(botocore.credentials.CredentialProvider):
        METHOD = CANONICAL_NAME = "skykey"

        def load(self) -> botocore.credentials.RefreshableCredentials:
            made = botocore.credentials.RefreshableCredentials.create_from_metadata(
                _wire(first), lambda: _wire(credentials(*wish)), self.METHOD
            )
            _living.add(made)
            return made

    class Session(botocore.session.Session):
        def create_client(self, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("endpoint_url") is None:
                kwargs["endpoint_url"] = first.endpoint
            return super().create_client(*args, **kwargs)

    inner = Session()
    inner.register_component("credential_provider", botocore.credentials.CredentialResolver([Provider()]))
    return boto3.session.Session(botocore_session=inner, region_name=first.region)


def storage_options(survey: str, lifetime: int | str | None = None, portal: str | None = None) -> dict[str, Any]:
    """What s3fs takes, and so fsspec, astropy, pandas, xarray and zarr (``storage_options=``, ``fsspec_kwargs=``).

    It needs s3fs. The credentials renew themselves in this process; to hand work to others (dask), let them call
    this again, or use a profile of ``skykey setup``.
    """
    try:
        import aiobotocore.credentials
        import aiobotocore.session
    except ModuleNotFoundError:
        raise SkykeyError("skykey.storage_options needs s3fs; pip install s3fs") from None

    wish = (survey, lifetime, portal)
    first = credentials(*wish)

    async def renew() -> dict[str, Any]:
        return _wire(await asyncio.to_thread(credentials, *wish))

    class Provider:
        METHOD = CANONICAL_NAME = "skykey"

        async def load(self) -> Any:
            kind = aiobotocore.credentials.AioRefreshableCredentials
            return kind.create_from_metadata(_wire(first), renew, self.METHOD)

    inner = aiobotocore.session.AioSession()
    inner.register_component("credential_provider", aiobotocore.credentials.AioCredentialResolver([Provider()]))
    return {"session": inner, "endpoint_url": first.endpoint, "client_kwargs": {"region_name": first.region}}


def _wire(found: Credentials) -> dict[str, Any]:
    """In botocore's words."""
    return {
        "access_key": found.access_key_id,
        "secret_key": found.secret_access_key,
        "token": found.session_token,
        "expiry_time": (found.expires or _NEVER).isoformat(),
    }


# A fork while another thread renews would leave the child with a lock that nobody opens.
_living: weakref.WeakSet[Any] = weakref.WeakSet()


def _after_fork() -> None:
    for made in _living:
        made._refresh_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
