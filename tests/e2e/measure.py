"""Rates and latencies of one skykey on this machine.

The load comes from a small client of its own: requests are signed beforehand and sent over connections that are
kept as long as the server keeps them, by a process of its own, so that the server is what is measured as far as two cores allow.
"""

import http.client
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from scripted_hub import ScriptedHub
from sky import Sky
from test_command import Machine

STAMP = 20160
ROUNDS = 3
SECONDS = 4


def signed(keys, method, url, body=b"", service="s3", headers=None):
    """The headers of a signed request. A signature is good for 15 minutes."""
    request = AWSRequest(method, url, data=body, headers=headers or {})
    if service == "s3":
        request.context["payload_signing_enabled"] = False
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(keys.access, keys.secret, keys.token), service, "us-east-1").add_auth(request)
    return dict(request.headers)


def worker(address, jobs, in_flight, begin, seconds, results):
    """Sends `jobs` round robin over `in_flight` connections, one request each at a time."""
    import selectors
    import socket

    raw = []
    for method, path, headers, body in jobs:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {address[0]}:{address[1]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in ("host", "content-length")]
        raw.append(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    selector = selectors.DefaultSelector()
    states = [{"socket": None, "next": number} for number in range(in_flight)]
    latencies, errors = [], 0

    def connect(state):
        state["socket"] = socket.create_connection(address)
        state["socket"].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(state["socket"], selectors.EVENT_READ, state)

    def hang_up(state):
        selector.unregister(state["socket"])
        state["socket"].close()
        state["socket"] = None

    for state in states:
        connect(state)

    def send(state):
        state["buffer"], state["need"] = b"", None
        state["sent"] = time.perf_counter()
        if state["socket"] is None:
            connect(state)
        state["socket"].sendall(raw[state["next"] % len(raw)])
        state["next"] += in_flight

    begin.wait()
    end = time.perf_counter() + seconds
    for state in states:
        send(state)
    busy = in_flight
    while busy:
        for key, _ in selector.select(10):
            state = key.data
            piece = state["socket"].recv(1 << 18)
            assert piece, "the server closed the connection"
            state["buffer"] += piece
            if state["need"] is None and b"\r\n\r\n" in state["buffer"]:
                head = state["buffer"].index(b"\r\n\r\n")
                text = state["buffer"][:head].lower()
                status = int(text[9:12])
                errors += status not in (200, 201)
                state["closes"] = b"\r\nconnection: close" in text
                length = text.partition(b"content-length:")[2].split(b"\r\n")[0]
                state["need"] = head + 4 + (int(length) if length.strip() else 0)
            if state["need"] is not None and len(state["buffer"]) >= state["need"]:
                now = time.perf_counter()
                latencies.append(now - state["sent"])
                if now >= end or state["closes"]:
                    hang_up(state)
                if now < end:
                    send(state)
                else:
                    busy -= 1
    results.put((latencies, errors))


def load(url, jobs, in_flight, seconds=SECONDS):
    """Requests a second, p50 and p99 in ms."""
    parts = urlsplit(url)
    address = (parts.hostname, parts.port)
    begin, results = multiprocessing.Event(), multiprocessing.Queue()
    process = multiprocessing.Process(target=worker, args=(address, jobs, in_flight, begin, seconds, results))
    process.start()
    begin.set()
    latencies, errors = results.get(timeout=seconds + 60)
    process.join()
    assert errors == 0, f"{errors} of {len(latencies)} requests failed"
    latencies.sort()
    at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000
    return len(latencies) / seconds, at(0.5), at(0.99)


def report(what, runs):
    rate, p50, p99 = (statistics.median(column) for column in zip(*runs))
    low, high = min(run[0] for run in runs), max(run[0] for run in runs)
    print(f"| {what} | {rate:,.0f} ({low:,.0f}–{high:,.0f}) | {p50:.2f} | {p99:.2f} |", flush=True)


NOTEBOOKS = """
[jupyterhub]
url = "{hub}"

[[survey]]
name = "m13"
"""


def notebook_servers(folder):
    """What notebook servers ask for again and again, handed out from memory."""
    with ScriptedHub() as hub:
        config = folder / "notebooks.toml"
        config.write_text(NOTEBOOKS.format(hub=hub.url))
        tokens = [hub.start_server(name) for name in ("bob", "carol")]
        with Sky(folder / "notebooks", "--config", config, env={"RUST_LOG": "error"}) as sky:
            path = "/jupyter/credentials?survey=m13"
            jobs = [("GET", path, {"Authorization": f"Bearer {token}"}, b"") for token in tokens]
            load(sky.up["portal"], jobs, 1, seconds=1)
            for in_flight in (1, 16, 64):
                runs = [load(sky.up["portal"], jobs, in_flight) for _ in range(ROUNDS)]
                report(f"credentials of a notebook server, {in_flight} in flight", runs)


def start(sky, home):
    """`skykey credentials` with what it keeps, from start to end: credential_process runs it for each tool that starts."""
    home.mkdir()
    machine = Machine(sky, home)
    machine.login(sky.person("bob"))
    times = []
    for _ in range(200):
        began = time.perf_counter()
        machine.run("credentials", "--survey", "demo")
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    print(f"\n`skykey credentials` from start to end: p50 {times[100]:.1f} ms, p90 {times[180]:.1f} ms")


def main():
    folder = Path(tempfile.mkdtemp(prefix="skykey-measure-", dir=os.environ.get("SKYKEY_MEASURE_DIR")))
    print(f"{ROUNDS} rounds of {SECONDS} s, medians (range), {os.cpu_count()} cores shared with the client\n")
    print("| what | per second | p50 ms | p99 ms |\n|---|---|---|---|")
    if sys.argv[1:] == ["notebooks"]:
        return notebook_servers(folder)
    with Sky(folder / "state", env={"RUST_LOG": "error"}) as sky:
        carol, bob = sky.person("carol"), sky.person("bob")
        write = carol.lease(survey="demo", access="write", method="gateway", lifetime=43200)
        read = bob.lease(survey="demo", method="gateway", lifetime=43200)
        ec2 = bob.lease(survey="demo", method="ec2", lifetime=43200)

        form = b"Action=GetSessionToken&DurationSeconds=3600&Version=2011-06-15"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        sts = [("POST", "/", signed(ec2, "POST", sky.s3, form, "sts", kind), form)]
        lease = b'{"survey":"demo","lifetime":3600,"method":"%s"}'
        for in_flight in (1, 16):
            report(f"GetSessionToken, {in_flight} in flight", [load(sky.s3, sts, in_flight) for _ in range(ROUNDS)])
        for method in ("gateway", "sts-lite"):
            jobs = [("POST", "/api/v1/leases", bob.bearer, lease % method.encode())]
            for in_flight in (1, 16):
                runs = [load(sky.up["portal"], jobs, in_flight) for _ in range(ROUNDS)]
                report(f"lease, {method}, {in_flight} in flight", runs)

        body = os.urandom(STAMP)
        url = lambda key: f"{sky.s3}demo/{key}"
        keys = [f"measure/{number:05}.fits" for number in range(2000)]
        puts = [("PUT", f"/demo/{key}", signed(write, "PUT", url(key), body), body) for key in keys]
        gets = [("GET", f"/demo/{key}", signed(read, "GET", url(key)), b"") for key in keys]
        load(sky.s3, puts, 64, seconds=SECONDS * 2)
        for method, path, headers, content in puts:  # whatever the warm-up did not reach
            answer = requests.head(url(path[6:]), headers=signed(read, "HEAD", url(path[6:])))
            if answer.status_code == 404:
                assert requests.put(url(path[6:]), data=content, headers=headers).status_code == 200
        for name, jobs in (("PUT", puts), ("GET", gets)):
            for in_flight in (1, 16, 64):
                runs = [load(sky.s3, jobs, in_flight) for _ in range(ROUNDS)]
                report(f"{name} of {STAMP:,} bytes, {in_flight} in flight", runs)
        notebook_servers(folder)
        start(sky, folder / "home")


if __name__ == "__main__":
    sys.exit(main())
