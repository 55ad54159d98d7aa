"""S3 credentials that read a survey, and clients that renew them, without configuration.

    import skykey
    s3 = skykey.session("demo").client("s3")
    fits.open("s3://demo/a.fits", use_fsspec=True, fsspec_kwargs=skykey.storage_options("demo"))

It runs the program ``skykey``: log in once with ``skykey login``. The program caches credentials and returns the
same ones until 20 minutes are left; this module stores nothing.
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

# In seconds; longer than the program waits for another process that renews, and for the portal.
_PROGRAM_TIMEOUT = 120
_NEVER = datetime(9999, 1, 1, tzinfo=timezone.utc)


class SkykeyError(Exception):
    """There are no credentials; the message is the program's, and says what to do."""


@dataclass(frozen=True)
class Credentials:
    """Credentials that read a survey, and its endpoint. ``repr`` shows neither secret."""

    survey: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    #: The expiry, in UTC; ``None`` for an EC2 credential, which is valid as long as its lease.
    expires: datetime | None
    #: The S3 endpoint's address.
    endpoint: str
    region: str
    #: The readable prefixes, as BUCKET/PREFIX.
    prefixes: tuple[str, ...]
    #: The id of the lease, for ``skykey leases`` and ``skykey revoke``.
    lease: str


def program() -> str:
    """Returns the path of the program ``skykey``: the one beside this Python, else the first on ``PATH``."""
    beside = [os.path.dirname(sys.executable), sysconfig.get_path("scripts")]
    if hasattr(sysconfig, "get_preferred_scheme"):  # the folder of pip install --user
        beside.append(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    for folders in (*beside, None):
        if found := shutil.which("skykey", path=folders):
            return found
    raise SkykeyError("the program skykey is neither beside this Python nor on PATH; reinstall the wheel of this module")


def credentials(survey: str, lifetime: int | str | None = None, portal: str | None = None) -> Credentials:
    """Returns credentials that read ``survey``; the same ones until 20 minutes are left.

    ``lifetime`` is in seconds, or as ``"6h"``; by default the survey's shortest. ``portal`` is an address; by default
    that of the login. Raises `SkykeyError` if there are none.
    """
    words = [program(), "credentials", "--format=json", f"--survey={survey}"]
    words += [f"--lifetime={lifetime}"] if lifetime is not None else []
    words += [f"--portal={portal}"] if portal is not None else []
    try:
        run = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PROGRAM_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise SkykeyError(f"skykey credentials took longer than {_PROGRAM_TIMEOUT} s; try again") from None
    except OSError as error:
        raise SkykeyError(f"cannot start {words[0]}: {error.strerror}") from None
    if run.returncode != 0:
        # The text after an empty line is about the command line's usage.
        said = run.stderr.strip().removeprefix("error: ").partition("\n\n")[0]
        raise SkykeyError(said or f"skykey credentials ended with exit code {run.returncode} and without a message")
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
    except (ValueError, KeyError, TypeError):  # whose text might contain a secret
        raise SkykeyError(f"{words[0]} and this module have different versions; install both from one wheel") from None


def session(survey: str, lifetime: int | str | None = None, portal: str | None = None) -> boto3.session.Session:
    """Returns a boto3 session at the survey's endpoint, whose clients renew their credentials by themselves.

    It needs boto3. A client works in many threads, and after a fork. After a refusal the client's next request
    raises `SkykeyError`; it works again once the person is back in the group.
    """
    try:
        import boto3
        import botocore.credentials
        import botocore.session
    except ModuleNotFoundError:
        raise SkykeyError("skykey.session needs boto3; pip install boto3") from None

    request = (survey, lifetime, portal)
    first = credentials(*request)

    class Provider(botocore.credentials.CredentialProvider):
        METHOD = CANONICAL_NAME = "skykey"

        def load(self) -> botocore.credentials.RefreshableCredentials:
            made = botocore.credentials.RefreshableCredentials.create_from_metadata(
                _wire(first), lambda: _wire(credentials(*request)), self.METHOD
            )
            _renewing.add(made)
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
    """Returns options for s3fs, and so for fsspec, astropy, pandas, xarray and zarr (``storage_options=``, ``fsspec_kwargs=``).

    It needs s3fs. The credentials renew themselves in this process; worker processes (dask) must
    call this again, or use a profile of ``skykey setup``.
    """
    try:
        import aiobotocore.credentials
        import aiobotocore.session
    except ModuleNotFoundError:
        raise SkykeyError("skykey.storage_options needs s3fs; pip install s3fs") from None

    request = (survey, lifetime, portal)
    first = credentials(*request)

    async def renew() -> dict[str, Any]:
        return _wire(await asyncio.to_thread(credentials, *request))

    class Provider:
        METHOD = CANONICAL_NAME = "skykey"

        async def load(self) -> Any:
            kind = aiobotocore.credentials.AioRefreshableCredentials
            return kind.create_from_metadata(_wire(first), renew, self.METHOD)

    inner = aiobotocore.session.AioSession()
    inner.register_component("credential_provider", aiobotocore.credentials.AioCredentialResolver([Provider()]))
    return {"session": inner, "endpoint_url": first.endpoint, "client_kwargs": {"region_name": first.region}}


def _wire(found: Credentials) -> dict[str, Any]:
    """Returns the credentials in botocore's format."""
    return {
        "access_key": found.access_key_id,
        "secret_key": found.secret_access_key,
        "token": found.session_token,
        "expiry_time": (found.expires or _NEVER).isoformat(),
    }


# A fork while another thread renews would leave the child with a lock that is never released.
_renewing: weakref.WeakSet[Any] = weakref.WeakSet()


def _after_fork() -> None:
    for made in _renewing:
        made._refresh_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
