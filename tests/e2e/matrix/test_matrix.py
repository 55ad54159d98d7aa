"""Which client renews which way, and what it shows to a removed person: measured, and compared with the table in
docs/clients.md. With SKYKEY_WRITE_CLIENTS set, the table is written anew.

Every client reads the same object every few seconds: before the first lease ends, over two ends, and after a removal.
Python's clients are long-lived; the command lines start each time, as they do for people.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import ways
from sky import AWS
from ways import EXAMPLES, LASTS, NOTEBOOK, WATCH_EVERY

TABLE = Path(__file__).resolve().parents[3] / "docs" / "clients.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
PROBE = Path(__file__).with_name("probe.py")
OBJECT = "m13/m13-g.fits"
COMMANDS = {
    "aws": [AWS, "s3", "cp", f"s3://{OBJECT}", "-"],
    "s5cmd": [Path(sys.executable).parent / "s5cmd", "--retry-count", "0", "cat", f"s3://{OBJECT}"],
    "rclone": ["rclone", "--low-level-retries", "1", "--retries", "1", "cat", f":s3,provider=Ceph,env_auth=true:{OBJECT}"],
}
EVERY, COMMANDS_EVERY = 2, 8
# What tells a person why: the group, and that they are no longer in it.
SENTENCE = "m13/readers"


class Watched:
    """The reads of every client in one way."""

    def __init__(self, folder, log):
        self.reads = []
        self.over = threading.Event()
        self.base = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(EXAMPLES),
            # Else Butler reads its own copy of the image.
            "DAF_BUTLER_CACHE_EXPIRATION_MODE": "disabled",
        }
        self.probe = subprocess.Popen(
            [NOTEBOOK / "python", PROBE, f"s3://{OBJECT}", "s3://m13/butler/", str(EVERY)],
            cwd=folder,
            env=self.base,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(log, "wb"),
            text=True,
        )

    def wait(self):
        assert self.probe.stdout.readline() == "ready\n"

    def begin(self, env):
        """From now on everybody reads."""
        self.env = {**self.base, **env}
        self.probe.stdin.write(json.dumps(env) + "\n")
        self.probe.stdin.flush()
        threading.Thread(target=self.listen, daemon=True).start()
        for each in COMMANDS.items():
            threading.Thread(target=self.run, args=each, daemon=True).start()

    def listen(self):
        for line in self.probe.stdout:
            self.reads.append(json.loads(line))

    def run(self, name, command):
        while not self.over.is_set():
            begun = time.time()
            run = subprocess.run(command, env=self.env, capture_output=True, timeout=60)
            error = None if run.returncode == 0 else run.stderr.decode() or f"exit code {run.returncode}"
            self.reads.append({"client": name, "at": begun, "error": error})
            self.over.wait(COMMANDS_EVERY)

    def clients(self, since=0):
        return {read["client"] for read in self.reads if read["at"] > since}

    def stop(self):
        self.over.set()
        self.probe.kill()
        self.probe.wait()


CLIENTS = [
    "boto3, one client", "boto3, a new session", "lsst.resources", "Butler", "s3fs", "astropy", "pyarrow", *COMMANDS,
]


def cell(watched, client, removed):
    """Say whether it works, whether it works after its first credentials expire, and what a removed person sees."""
    reads = [read for read in watched.reads if read["client"] == client]
    begun = reads[0]["at"]
    good = [read for read in reads if read["error"] is None]
    if not good:
        return "no"
    later = [read for read in reads if begun + LASTS + EVERY < read["at"] < removed]
    last = [read for read in reads if read["at"] > removed + LASTS + WATCH_EVERY]
    assert later and last, f"{client} did not read often enough"
    assert last[-1]["error"], f"{client} still reads after a removal"
    # A busy machine may be too slow for the two seconds that botocore gives an endpoint.
    renews = sum(read["error"] is None for read in later) > len(later) / 2
    told = SENTENCE in last[-1]["error"]
    return ("renews" if renews else "until it ends") + (", tells why" if told else "")


@pytest.fixture(scope="session")
def measured(sky, bob, butler, tmp_path_factory):
    person = sky.person("bob")
    folder = tmp_path_factory.mktemp("matrix")
    environments, running = ways.of(sky, bob, person, folder)
    watched = {}
    try:
        for number, way in enumerate(environments):
            watched[way] = Watched(butler, folder / f"{number}.log")
        for each in watched.values():
            each.wait()
        begun = time.time()
        for way, each in watched.items():
            each.begin({**environments[way], **(ways.printed(bob) if way == ways.ONCE else {})})
        ways.soon("everybody has read", lambda: all(each.clients() >= set(CLIENTS) for each in watched.values()), 60)
        time.sleep(max(0, begun + 3 * LASTS - time.time()))
        removed = time.time()
        sky.person("olive").remove(person)
        time.sleep(LASTS + WATCH_EVERY)
        late = time.time()

        def everybody_asked_again():
            return all(each.clients(since=late) >= set(CLIENTS) for each in watched.values())

        ways.soon("everybody has asked again", everybody_asked_again, 120)
    finally:
        for each in [*watched.values(), *running]:
            each.stop()
    reads = {way: each.reads for way, each in watched.items()}
    (folder / "reads.json").write_text(json.dumps(reads, indent=1))
    return {client: {way: cell(each, client, removed) for way, each in watched.items()} for client in CLIENTS}


def table(measured):
    names = list(next(iter(measured.values())))
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {client} | " + " | ".join(cells.values()) + " |" for client, cells in measured.items()]
    return "\n".join(lines) + "\n"


def test_the_table_in_the_documents_is_what_was_measured(measured):
    text = TABLE.read_text()
    before, rest = text.split(BEGIN)
    said, after = rest.split(END)
    new = table(measured)
    if os.environ.get("SKYKEY_WRITE_CLIENTS"):
        TABLE.write_text(before + BEGIN + new + END + after)
    else:
        assert new == said
