"""The static program on a machine with nothing but it: a root directory of its own with two files in /etc."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from test_command import answer_device, keys_of

STATIC = os.environ.get("SKYKEY_STATIC")
if os.environ.get("CI") != "true" and (STATIC is None or os.geteuid() != 0):
    pytest.skip("takes SKYKEY_STATIC, which tests/run builds, and root for chroot", allow_module_level=True)

# Nobody else's: systemd-resolved has .53 and .54.
NAMESERVER = "127.0.0.77"


class Bare:
    """A machine on which there is a program, and who is who in the network."""

    def __init__(self, root, portal):
        self.root = Path(root)
        shutil.copy(STATIC, self.root / "skykey")
        etc = self.root / "etc"
        etc.mkdir()
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        (etc / "resolv.conf").write_text(f"nameserver {NAMESERVER}\n")
        # As a machine of another distribution has it; its modules are not to be loaded.
        (etc / "nsswitch.conf").write_text("hosts: mymachines resolve [!UNAVAIL=return] myhostname\n")
        self.env = {"HOME": "/home", "SKYKEY_PORTAL": portal}

    def start(self, *words, **env):
        def leave():
            os.chroot(self.root)
            os.chdir("/")

        return subprocess.Popen(
            ["/skykey", *words],
            env={**self.env, **env},
            preexec_fn=leave,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, code=0, **env):
        with self.start(*words, **env) as run:
            out, err = run.communicate(timeout=60)
        assert run.returncode == code, (words, out, err)
        return out if code == 0 else err


@pytest.fixture(scope="module")
def bare(sky, published, tmp_path_factory):
    """The portal by a name that only /etc/hosts has."""
    return Bare(tmp_path_factory.mktemp("bare"), sky.up["portal"].replace("127.0.0.1", "localhost"))


def test_the_program_is_one_file(bare):
    run = subprocess.run(["ldd", STATIC], capture_output=True, text=True)
    assert "not a dynamic executable" in run.stderr or "statically linked" in run.stdout
    assert bare.run("--version").startswith("skykey ")
    assert "#compdef skykey" in bare.run("completions", "zsh")


def test_a_person_logs_in_reads_and_runs_a_command_there(sky, bare):
    assert "you are not logged in" in bare.run("whoami", code=1)
    with bare.start("login") as run:
        said = ""
        while "Waiting" not in said:
            line = run.stdout.readline()
            assert line, run.stderr.read()
            said += line
        answer_device(sky.person("bob"), re.search(r"^ +([A-Z]{4}-[A-Z]{4})$", said, re.M).group(1))
        out, err = run.communicate(timeout=60)
    assert run.returncode == 0 and "Logged in as bob." in out, err
    answer = json.loads(bare.run("credentials", "--survey", "m13"))
    assert keys_of(sky, answer).list_objects_v2(Bucket="m13")["KeyCount"] > 0
    # The program is all that it can run.
    assert bare.run("exec", "--survey", "m13", "--", "/skykey", "--version") == bare.run("--version")
    said = bare.run("exec", "--survey", "m13", "--", "/skykey", "credentials", "--survey", "nowhere", code=1)
    assert "there is no survey called 'nowhere'" in said
    bare.run("logout")


def test_names_are_asked_of_the_name_server_and_authorities_are_built_in(bare):
    """https to a name of the DNS gets as far as the handshake, without a certificate on the machine."""
    with socket.create_server(("127.0.0.1", 0)) as portal, NameServer({"sky.example": "127.0.0.1"}):
        hello = []

        def listen():
            connection, _ = portal.accept()
            with connection:
                hello.append(connection.recv(4096))

        threading.Thread(target=listen, daemon=True).start()
        url = f"https://sky.example:{portal.getsockname()[1]}/"
        said = bare.run("login", code=1, SKYKEY_PORTAL=url)
        assert "the portal cannot be reached" in said and "certificate authorit" not in said, said
        assert hello and hello[0][0] == 0x16 and b"sky.example" in hello[0], "no TLS handshake"
        said = bare.run("login", code=1, SKYKEY_PORTAL=url.replace("sky.", "nosuch."))
        assert "cannot be reached" in said and "lookup" in said, said


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_that_somebody_named_are_not_replaced_by_those_built_in(bare, variable):
    said = bare.run("login", code=1, SKYKEY_PORTAL="https://sky.example/", **{variable: "/nowhere"})
    assert f"no certificate authority where {variable} says" in said, said


class NameServer:
    """As much of a name server (RFC 1035) as a stub resolver asks."""

    def __init__(self, names):
        self.names = names

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((NAMESERVER, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def __exit__(self, *_):
        self.socket.close()

    def serve(self):
        while True:
            try:
                question, asker = self.socket.recvfrom(512)
            except OSError:
                return
            labels, at = [], 12
            while length := question[at]:
                labels.append(question[at + 1 : at + 1 + length].decode().lower())
                at += 1 + length
            kind = question[at + 1 : at + 3]
            address = self.names.get(".".join(labels))
            found = address if kind == b"\x00\x01" else None
            code = b"\x81\x80" if address else b"\x81\x83"
            head = question[:2] + code + b"\0\1" + (b"\0\1" if found else b"\0\0") + bytes(4)
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(found) if found else b""
            self.socket.sendto(head + question[12 : at + 5] + record, asker)
