"""Five hundred notebook servers that begin together at one skykey, which has the embedded systems behind it.

Each asks as botocore does: a connection of its own, two seconds, three tries, a second between them. The hub, in a
process of its own, takes a while for each answer, one after the other, as a JupyterHub does.
"""

import asyncio
import copy
import http.server
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import requests

from sky import Sky, free_base_port

SERVERS = 500
TIMEOUT, TRIES, BETWEEN = 2, 3, 1
ROUNDS = 5
# What a JupyterHub takes for GET /hub/api/user; it has one thread.
HUB_TAKES = 0.005

CONFIG = """
[portal]
health = "127.0.0.1:{health}"

[jupyterhub]
url = "{hub}"
survey = "m13"
method = "{method}"

[[survey]]
name = "m13"
"""


def serve_hub(pipe):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A handler is a connection; one thread means one connection at a time, so each is closed.
        def do_GET(self):
            time.sleep(HUB_TAKES)
            name = self.headers["Authorization"].removeprefix("token ").rpartition("-")[0]
            body = json.dumps({"name": name, "kind": "user", "scopes": [f"access:servers!server={name}/"]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(http.server.HTTPServer):
        request_queue_size = 1024

    server = Server(("127.0.0.1", 0), Handler)
    pipe.send(server.server_port)
    server.serve_forever()


def add_class(state):
    """People who are as bob is, with his password."""
    path = state / "iam" / "directory.json"
    directory = json.loads(path.read_text())
    people = directory["people"]
    bob = next(person for person in people.values() if person["account"]["username"] == "bob")
    for number in range(SERVERS):
        person = copy.deepcopy(bob)
        person["account"] |= {"sub": str(uuid.uuid4()), "username": f"p{number}"}
        people[person["account"]["sub"]] = person
    path.write_text(json.dumps(directory))


async def ask_once(address, token):
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(
            f"GET /jupyter/credentials HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
            f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(answer.decode(errors="replace"))
    return json.loads(body)["AccessKeyId"]


async def ask(address, token):
    """The key, how long the answer took that brought it, how long it all took, and how many tries."""
    begun = time.perf_counter()
    tries = 0
    while True:
        tries += 1
        sent = time.perf_counter()
        try:
            key = await asyncio.wait_for(ask_once(address, token), TIMEOUT)
            now = time.perf_counter()
            return key, now - sent, now - begun, tries
        except (OSError, asyncio.TimeoutError):
            # After three tries the cell fails, and the person runs it again.
            await asyncio.sleep(BETWEEN)


async def everybody(address, tokens, at_once):
    places = asyncio.Semaphore(at_once)

    async def one(token):
        async with places:
            return await ask(address, token)

    begun = time.perf_counter()
    answers = await asyncio.gather(*(one(token) for token in tokens))
    return answers, time.perf_counter() - begun


def calls(health):
    found = {}
    text = requests.get(health + "metrics").text
    for system, count in re.findall(r'^skykey_upstream_attempts_total\{system="([^"]+)"[^}]*\} (\d+)', text, re.M):
        found[system] = found.get(system, 0) + int(count)
    return found


def report(what, answers, seconds, before, after):
    waits = sorted(answer[1] * 1000 for answer in answers)
    at = lambda share: waits[min(len(waits) - 1, int(len(waits) * share))]
    tries = [answer[3] for answer in answers]
    again = sum(count > 1 for count in tries)
    failed = sum(count > TRIES for count in tries)
    asked = {system: after[system] - before.get(system, 0) for system in after}
    asked = ", ".join(f"{system} {count:,}" for system, count in sorted(asked.items()) if count) or "nobody"
    print(f"| {what} | {seconds:.2f} | {at(0.5):,.1f} | {at(0.99):,.1f} | {again} | {failed} | {asked} |", flush=True)


def measure(method, hub):
    folder = Path(tempfile.mkdtemp(prefix="skykey-measure-", dir=os.environ.get("SKYKEY_MEASURE_DIR")))
    health = free_base_port()
    config = folder / "skykey.toml"
    config.write_text(CONFIG.format(health=health, hub=hub, method=method))
    sky = Sky(folder / "state", "--config", config, env={"RUST_LOG": "error"})
    with sky:
        sky.stop()
        add_class(sky.state)
        sky.start()
        parts = urlsplit(sky.up["portal"])
        address = parts.hostname, parts.port
        health = f"http://127.0.0.1:{health}/"
        tokens = [f"p{number}-{'x' * 24}" for number in range(SERVERS)]
        before = calls(health)
        answers, seconds = asyncio.run(everybody(address, tokens, SERVERS))
        assert len({answer[0] for answer in answers}) == SERVERS
        report(f"{method}, the first", answers, seconds, before, calls(health))
        for at_once in (SERVERS, 16):
            rounds = []
            before = calls(health)
            for _ in range(ROUNDS):
                again, seconds = asyncio.run(everybody(address, tokens, at_once))
                assert [answer[0] for answer in again] == [answer[0] for answer in answers], "others than before"
                rounds.append((again, seconds))
            every = [answer for again, _ in rounds for answer in again]
            seconds = statistics.median(seconds for _, seconds in rounds)
            report(f"{method}, the same again, {at_once} at once", every, seconds, before, calls(health))


def main():
    ours, theirs = multiprocessing.Pipe()
    hub = multiprocessing.Process(target=serve_hub, args=(theirs,), daemon=True)
    hub.start()
    url = f"http://127.0.0.1:{ours.recv()}/"
    print(f"{SERVERS} servers of {SERVERS} people, {os.cpu_count()} cores shared with the clients\n")
    print("| what | all done s | p50 ms | p99 ms | asked again | cells failed | requests to |\n|---|---|---|---|---|---|---|")
    for method in ("sts-lite", "gateway"):
        measure(method, url)
    hub.terminate()


if __name__ == "__main__":
    sys.exit(main())
