"""Reads one object again and again with every Python client, each in a thread of its own, as a long-lived process does.

Says that it is ready, then takes its environment from a line of JSON; only the environment says how credentials come. Then
prints a line of JSON for each read: the client, when it began, and the error in words, if there was one.
"""

import json
import os
import sys
import threading
import time

import boto3
import s3fs
from astropy.io import fits
from botocore.config import Config
from lsst.daf.butler import Butler
from lsst.resources import ResourcePath
from pyarrow import fs

URI = sys.argv[1]
REPOSITORY = sys.argv[2]
EVERY = float(sys.argv[3])
BUCKET, KEY = URI.removeprefix("s3://").split("/", 1)


def boto3_client():
    client = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
    return lambda: client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


def boto3_new():
    def read():
        client = boto3.Session().client("s3", config=Config(retries={"total_max_attempts": 1}))
        return client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()

    return read


def s3fs_files():
    files = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    return lambda: files.cat_file(f"{BUCKET}/{KEY}")


def astropy_fits():
    def read():
        with fits.open(URI, use_fsspec=True, fsspec_kwargs={"use_listings_cache": False}) as opened:
            return opened[0].section[:4, :4]

    return read


def lsst_resources():
    return lambda: ResourcePath(URI).read()


def lsst_butler():
    butler = Butler(REPOSITORY, collections="fields")
    [ref, *_] = butler.registry.queryDatasets("image")
    return lambda: butler.get(ref)


def pyarrow_fs():
    scheme, address = os.environ["AWS_ENDPOINT_URL_S3"].split("://")
    files = fs.S3FileSystem(endpoint_override=address, scheme=scheme)
    return lambda: files.open_input_stream(f"{BUCKET}/{KEY}").read()


CLIENTS = {
    "boto3, one client": boto3_client,
    "boto3, a new session": boto3_new,
    "s3fs": s3fs_files,
    "astropy": astropy_fits,
    "lsst.resources": lsst_resources,
    "Butler": lsst_butler,
    "pyarrow": pyarrow_fs,
}


def say(name, begun, error):
    line = {"client": name, "at": begun, "error": error}
    # One write a line: the threads share the pipe.
    os.write(1, (json.dumps(line) + "\n").encode())


def words(error):
    """The error with what is behind it, as a traceback shows it."""
    said = []
    while error is not None:
        said.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return "; ".join(said)[:2000]


def watch(name, make):
    read = None
    while True:
        begun = time.time()
        try:
            read = read or make()
            read()
            error = None
        except BaseException as raised:
            error = words(raised)
        say(name, begun, error)
        time.sleep(EVERY)


print("ready", flush=True)
os.environ.update(json.loads(sys.stdin.readline()))
for name, make in CLIENTS.items():
    threading.Thread(target=watch, args=(name, make), daemon=True).start()
threading.Event().wait()
