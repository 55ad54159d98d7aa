"""Leases a second at a real Keystone and Ceph, beside the gateway's own GetSessionToken.

Both are loaded by wrk with one prepared request, one thread, on kept-alive connections, in turns: a round of each, three
times. The request to the gateway is signed beforehand; a signature is good for 15 minutes.
"""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from measure import signed  # noqa: E402
from realsite import Site, Stack  # noqa: E402

ROUNDS = 3
SECONDS = 4
IN_FLIGHT = (1, 32, 256)
BURST = 1000
LEASE = b'{"survey":"m13","lifetime":3600,"method":"sts-lite"}'
FORM = b"Action=GetSessionToken&DurationSeconds=3600&Version=2011-06-15"


class Load:
    """One prepared request."""

    def __init__(self, folder, name, url, headers, body):
        lines = ['wrk.method = "POST"', f"wrk.body = [==[{body.decode()}]==]"]
        lines += [f"wrk.headers[ [==[{key}]==] ] = [==[{value}]==]" for key, value in headers.items()]
        # wrk rounds what it prints to three digits; these are microseconds.
        lines.append(
            "done = function(s, l) io.write(string.format('DONE %d %d %d %d %d\\n', s.requests, s.duration,"
            " l:percentile(50), l:percentile(99), s.errors.status + s.errors.connect + s.errors.read + s.errors.timeout)) end"
        )
        self.url, self.script = url, folder / f"{name}.lua"
        self.script.write_text("\n".join(lines) + "\n")
        self.script.chmod(0o600)

    def run(self, in_flight, seconds=SECONDS):
        """Requests a second, p50 and p99 in ms, and how many there were."""
        command = ["wrk", "-t", "1", "-c", str(in_flight), "-d", f"{seconds}s", "--timeout", "30s", "--latency"]
        run = subprocess.run([*command, "-s", self.script, self.url], capture_output=True, text=True, check=True)
        found = re.search(r"DONE (\d+) (\d+) (\d+) (\d+) (\d+)", run.stdout)
        count, took, p50, p99, errors = map(int, found.groups())
        assert errors == 0, f"{errors} of {count} requests failed:\n{run.stdout}"
        return count / took * 1e6, p50 / 1000, p99 / 1000, count


class Calls:
    """Counts what skykey asks of the others, by its own metrics."""

    def __init__(self, site):
        self.site = site
        self.before = self.now()

    def now(self):
        text = requests.get(self.site.health + "metrics").text
        found = {}
        for system, count in re.findall(r'^skykey_upstream_attempts_total\{system="([^"]+)"[^}]*\} (\d+)', text, re.M):
            found[system] = found.get(system, 0) + int(count)
        return found

    def since(self):
        return {system: count - self.before.get(system, 0) for system, count in self.now().items()}


def per_thousand(calls, leases):
    return ", ".join(f"{system} {count / leases * 1000:,.1f}" for system, count in sorted(calls.items()) if count)


def burst(folder, stack, site, bob):
    """1,000 leases as soon as skykey is up, 256 at a time: the EC2 credential for them does not exist yet."""
    skykey = stack.told["users"]["skykey"]["id"]
    readers = stack.told["projects"]["m13-ro"]
    before = set(stack.ec2_of(skykey))
    calls, answers = Calls(site), []
    parts = urlsplit(site.up["portal"])
    head = f"POST /api/v1/leases HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(LEASE)}\r\n"
    head += f"Content-Type: application/json\r\nAuthorization: {bob.bearer['Authorization']}\r\n\r\n"
    left = iter(range(BURST))

    async def worker():
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for _ in left:
            begun = time.perf_counter()
            writer.write(head.encode() + LEASE)
            top = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            body = await reader.readexactly(int(re.search(r"content-length: (\d+)", top).group(1)))
            answers.append((int(top[9:12]), time.perf_counter() - begun, json.loads(body)))
        writer.close()

    async def all_of_them():
        await asyncio.gather(*[worker() for _ in range(256)])

    begun = time.perf_counter()
    asyncio.run(all_of_them())
    took = time.perf_counter() - begun
    good = [body["credentials"]["AccessKeyId"] for status, _, body in answers if status == 201]
    made = {access: project for access, project in stack.ec2_of(skykey).items() if access not in before}
    of_readers = sum(project == readers for project in made.values())
    slowest = max(latency for _, latency, _ in answers)
    print(
        f"A burst of {BURST} leases over 256 connections right after the start: {len(good)} issued, {len(set(good))} "
        f"different keys, {took:.2f} s in all, the slowest {slowest:.2f} s.\nEC2 credentials of the backend user made "
        f"meanwhile for m13-ro: {of_readers}, for other projects: {len(made) - of_readers}. Calls: {calls.since()}\n",
        flush=True,
    )


def report(what, runs):
    rate, p50, p99, _ = (statistics.median(column) for column in zip(*runs))
    low, high = min(run[0] for run in runs), max(run[0] for run in runs)
    print(f"| {what} | {rate:,.0f} ({low:,.0f}–{high:,.0f}) | {p50:.2f} | {p99:.2f} |", flush=True)
    return rate


def main():
    folder = Path(tempfile.mkdtemp(prefix="skykey-measure-", dir=os.environ.get("SKYKEY_MEASURE_DIR")))
    stack = Stack(os.environ["SKYKEY_REALSTACK"])
    stack.make_raw()
    with Site(folder / "order", stack) as site:
        stack.run("trust", site.up["iam"])
        site.command("survey", "apply")
    for key, _ in stack.ec2_of(stack.told["users"]["skykey"]["id"]).items():
        stack.login("skykey", "m13-ro").forget_ec2_credential(key)
    with Site(folder / "site", stack) as site:
        stack.run("trust", site.up["iam"])
        bob = site.person("bob")
        bob.bearer  # logged in before it counts
        burst(folder, stack, site, bob)
        ec2 = bob.lease(method="ec2")
        ec2.session_token()  # warm
        headers = {**bob.bearer, "Content-Type": "application/json"}
        lease = Load(folder, "lease", site.up["portal"] + "api/v1/leases", headers, LEASE)
        print(f"{ROUNDS} rounds of {SECONDS} s, medians (range); {os.cpu_count()} cores shared with wrk, Ceph and Keystone\n")
        print("| what | per second | p50 ms | p99 ms |\n|---|---|---|---|")
        leases, total, ratios = 0, {}, []
        for in_flight in IN_FLIGHT:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            own = Load(folder, "sts", stack.rgw, signed(ec2, "POST", stack.rgw, FORM, "sts", kind), FORM)
            runs = {"own": [], "lease": []}
            for _ in range(ROUNDS):
                runs["own"].append(own.run(in_flight))
                calls = Calls(site)
                runs["lease"].append(lease.run(in_flight))
                for system, count in calls.since().items():
                    total[system] = total.get(system, 0) + count
                leases += runs["lease"][-1][3]
            rates = [
                report(f"the gateway's own GetSessionToken, {in_flight} in flight", runs["own"]),
                report(f"lease, sts-lite, {in_flight} in flight", runs["lease"]),
            ]
            ratios.append(f"{in_flight} in flight {rates[1] / rates[0]:.2f}")
        print(f"\nLeases for one GetSessionToken of the gateway's own: {', '.join(ratios)}")
        print(f"Calls for each 1,000 leases, of {leases:,}: {per_thousand(total, leases)}")


if __name__ == "__main__":
    sys.exit(main())
