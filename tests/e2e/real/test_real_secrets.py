"""Every secret that this run produced, looked for in every log, database and state file. The last of the story."""

import os
import sqlite3
from pathlib import Path

import pytest

from sky import PRODUCED

# What may hold the passwords of the embedded IAM's people, for their owner's eyes only.
ALLOWED = {"up.json", "secrets.json"}
# What we wrote there ourselves, for skykey to read.
OURS = {"operator-secret", "operator_secret", "client-secret", "client_secret", "key.pem", "people.json"}


@pytest.fixture
def produced(in_order, ways):
    secrets = {secret.encode() for secret in PRODUCED if len(secret) >= 12}
    assert len(secrets) > 20
    return secrets


def searched(file, secrets):
    content = file.read_bytes()
    return [secret for secret in secrets if secret in content]


def test_no_secret_is_in_any_file_of_skykeys(tmp_path_factory, produced, curator, images):
    base = tmp_path_factory.getbasetemp()
    held = set()
    seen = []
    for file in sorted(path for path in base.rglob("*") if path.is_file() and not path.is_symlink()):
        # What people copied, the announcements (standard output), and what is for skykey to read.
        if file.name in OURS or file.suffix in (".fits", ".out"):
            continue
        if file.name in ALLOWED:
            assert file.stat().st_mode & 0o077 == 0, file
            held.update(searched(file, produced))
            continue
        seen.append(file.relative_to(base))
        assert not searched(file, produced), f"a secret is in {file}"
    names = {path.name for path in seen}
    assert {"broker.db", "state.log", "skykey.toml", "commands.log"} <= names, names
    # The look itself finds what is there.
    assert held


def test_no_secret_is_in_a_database_after_a_checkpoint(tmp_path_factory, produced):
    databases = [path for path in tmp_path_factory.getbasetemp().rglob("*.db") if path.is_file()]
    assert databases
    for path in databases:
        with sqlite3.connect(path, timeout=30) as database:
            database.execute("pragma wal_checkpoint(passive)")
        database.close()
        for file in (path, path.with_name(path.name + "-wal")):
            if file.exists():
                assert not searched(file, produced), f"a secret is in {file}"


def test_no_secret_of_skykeys_making_is_in_the_logs_of_the_real_systems(stack, produced):
    """A secret in a URL would be there."""
    logs = Path(stack.told["logs"])
    assert any(os.scandir(logs))
    for file in logs.iterdir():
        assert not searched(file, produced), f"a secret is in {file}"
