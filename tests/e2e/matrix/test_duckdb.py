"""DuckDB takes a secret and renews nothing: the caller sets a new one when it expires."""

import subprocess
import time
from pathlib import Path

from ways import LASTS, NOTEBOOK


class DuckDb:
    def __init__(self):
        script = Path(__file__).with_name("duckdb_reads.py")
        command = [NOTEBOOK / "python", script, "s3://m13/m13-g.fits"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self, statement=""):
        self.process.stdin.write(f"{statement}read\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def test_a_secret_reads_until_it_ends_and_then_takes_another(bob, images):
    def secret():
        return bob.run("credentials", "--survey", "m13", "--format", "duckdb").stdout

    size = str((images / "m13-g.fits").stat().st_size)
    database = DuckDb()
    try:
        assert database.read(secret()) == size
        time.sleep(LASTS + 1)
        assert "403" in database.read() or "400" in database.read()
        assert database.read(secret()) == size
    finally:
        database.process.kill()
