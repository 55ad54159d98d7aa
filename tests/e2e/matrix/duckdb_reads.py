"""DuckDB with the secret that `skykey credentials --format duckdb` printed, from standard input; for each further line
there, reads the object again and prints its size, or the error."""

import sys
from pathlib import Path

import duckdb
import duckdb_extension_httpfs

[httpfs] = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
database = duckdb.connect()
database.execute(f"LOAD '{httpfs}'")
statement = ""
for line in sys.stdin:
    if line != "read\n":
        statement += line
        continue
    if statement:
        database.execute(statement)
    statement = ""
    try:
        [(size,)] = database.execute("SELECT size FROM read_blob(?)", [sys.argv[1]]).fetchall()
        print(size, flush=True)
    except duckdb.Error as error:
        print(" ".join(str(error).split()), flush=True)
