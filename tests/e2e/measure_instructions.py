"""How many instructions the server takes for one request of each kind.

The program runs under callgrind, which counts the instructions of a batch of equal requests. What the kernel does is not
counted. What else the program does meanwhile is, and is little. Callgrind's processor has neither SHA nor carry-less
multiplication instructions, so hashes and checksums (of a PUT) take several times what they take in reality: compare a
count with another count, not with microseconds.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from measure import STAMP, signed
from sky import Sky

BATCH = 20


def control(pid, *arguments):
    subprocess.run(["callgrind_control", *arguments, str(pid)], check=True, capture_output=True)


def instructions(folder, pid, send):
    """Instructions a request, of `BATCH` requests after three that are not counted."""
    for _ in range(3):
        send()
    control(pid, "--zero")
    for _ in range(BATCH):
        send()
    control(pid, "--dump=requests")
    newest = max(folder.glob("callgrind.out*"), key=lambda path: (path.stat().st_mtime, path.name))
    total = re.search(r"^(?:totals|summary): (\d+)", newest.read_text(), re.MULTILINE)
    newest.unlink()
    return int(total.group(1)) / BATCH


def main():
    folder = Path(tempfile.mkdtemp(prefix="skykey-instructions-", dir=os.environ.get("SKYKEY_MEASURE_DIR")))
    quiet = {"RUST_LOG": "error"}
    body = os.urandom(STAMP)
    with Sky(folder / "state", env=quiet) as sky:
        base_port = sky.base_port
        write = sky.person("carol").lease(survey="demo", access="write", method="gateway", lifetime=43200)
        read = sky.person("bob").lease(survey="demo", method="gateway", lifetime=43200)
        for number in range(100):
            url = f"{sky.s3}demo/list/{number:05}.fits"
            assert requests.put(url, data=b"x", headers=signed(write, "PUT", url, b"x")).status_code == 200
        sky.stop()
    sky = Sky(folder / "state", base_port=base_port, env=quiet)
    out = folder / "callgrind.out"
    sky.args = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", *sky.args]
    sky.start(timeout=600)
    try:
        url = f"{sky.s3}demo/measure.fits"
        listing = f"{sky.s3}demo?list-type=2&prefix=list%2F"
        session = requests.Session()

        def job(method, url, keys, content=b"", status=200):
            headers = signed(keys, method, url, content)

            def send():
                answer = session.request(method, url, data=content, headers=headers)
                assert answer.status_code == status, answer.text

            return send

        kinds = {
            f"PUT of {STAMP:,} bytes": job("PUT", url, write, body),
            f"GET of {STAMP:,} bytes": job("GET", url, read),
            "GET of a range of 100 bytes": None,
            "HEAD": job("HEAD", url, read),
            "LIST of 100 keys": job("GET", listing, read),
            "GET that is denied": job("GET", f"{sky.s3}other/k", read, status=403),
            "DELETE": job("DELETE", f"{sky.s3}demo/list/none", write, status=204),
        }
        ranged = signed(read, "GET", url, headers={"Range": "bytes=1000-1099"})

        def send_ranged():
            assert session.get(url, headers=ranged).status_code == 206

        kinds["GET of a range of 100 bytes"] = send_ranged
        # From here on all is counted; a batch begins at zero.
        control(sky.process.pid, "--instr=on")
        print("| request | instructions |\n|---|---|")
        for kind, send in kinds.items():
            print(f"| {kind} | {instructions(folder, sky.process.pid, send):,.0f} |", flush=True)
    finally:
        sky.stop(timeout=120)


if __name__ == "__main__":
    sys.exit(main())
