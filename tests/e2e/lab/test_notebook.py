"""The example notebook, in a real kernel with what a notebook server has, and its Butler repository."""

import base64
import io
import json
import re
import shutil
import subprocess

import numpy
import pytest
import requests
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from lab import EXAMPLES, NOTEBOOK, plain_environment
from sky import PRODUCED

NAME = "first-light.ipynb"
# Of a picture: how many colours it has, how many of its points are coloured, and how bright they are.
LOOK_AT = """
import sys, json
import numpy
from matplotlib.image import imread
picture = imread(sys.argv[1])[..., :3]
right = picture[:, picture.shape[1] // 2:]
print(json.dumps([len(numpy.unique((picture * 255).astype(int).reshape(-1, 3), axis=0)),
                  float((right.max(2) - right.min(2) > 0.2).mean()), float(picture.std())]))
"""


def execute(folder, environment):
    """Runs a copy of the notebook; the process and the notebook with its outputs, if it came so far."""
    folder.mkdir()
    for file in EXAMPLES.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    run = subprocess.run(
        [NOTEBOOK / "jupyter-execute", "--timeout=120", "--output=done.ipynb", NAME],
        cwd=folder,
        env=plain_environment(folder, **environment),
        capture_output=True,
        text=True,
        timeout=240,
    )
    return run, folder / "done.ipynb"


@pytest.fixture(scope="session")
def bobs(server_environment):
    return server_environment("bob")


@pytest.fixture(scope="session")
def done(tmp_path_factory, butler, bobs):
    run, notebook = execute(tmp_path_factory.mktemp("notebook") / "bob", bobs)
    assert run.returncode == 0, run.stderr
    return notebook


@pytest.fixture(scope="session")
def printed(done):
    """By cell, what it printed or showed as text."""
    shown = {}
    for cell in json.loads(done.read_text())["cells"]:
        outputs = cell.get("outputs", [])
        texts = ["".join(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in outputs]
        assert not any(o.get("name") == "stderr" for o in outputs), outputs
        shown[cell["id"]] = "".join(texts)
    return shown


@pytest.fixture(scope="session")
def images(butler):
    """By band, read with other credentials and without fsspec."""

    def image(band):
        body = butler.client().get_object(Bucket="demo", Key=f"fields/cosmos-{band}.fits")["Body"].read()
        return fits.open(io.BytesIO(body))[0]

    return {band: image(band) for band in "gri"}


def test_it_is_kept_without_outputs():
    cells = json.loads((EXAMPLES / NAME).read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_it_lists_the_survey_and_reads_a_part_of_an_image(printed, images):
    listed = re.findall(r"s3://demo/fields/(\S+)\.fits 4\.20192", printed["list"])
    assert len(listed) == 12 and "cosmos-g" in listed, printed["list"]
    header = images["r"].header
    assert printed["open"].startswith(f"COSMOS in r, 30 s on {header['DATE-OBS'][:10]}, seeing {header['SEEING']:.2f}")
    median = numpy.median(images["r"].data[:256, :256])
    assert f"a corner of 256 × 256 of 1024 × 1024 pixels: {median:.1f} ± " in printed["open"]


def test_butler_gives_the_images_that_it_was_asked_for(printed, images):
    lines = printed["butler"].splitlines()
    assert lines == [
        f"{band}: 1024 × 1024 electron, zero point {images[band].header['MAGZERO']:.2f} mag" for band in "gri"
    ]


def test_the_star_is_where_and_as_bright_as_the_image_says(printed, images):
    place, r, colour = re.search(r"star at (.+)\nr = (\S+) mag, g - r = (\S+)\n", printed["measure"]).groups()
    header = images["r"].header
    x, y = (float(v) for v in WCS(header).world_to_pixel(SkyCoord(place)))

    def magnitude(band):
        image, total = images[band], 0.0
        for row in range(1024):
            for column in range(int(x) - 10, int(x) + 12):
                if 0 <= column < 1024 and (row - round(y)) ** 2 + (column - round(x)) ** 2 <= 64:
                    total += float(image.data[row, column])
        return image.header["MAGZERO"] - 2.5 * numpy.log10(total)

    assert float(r) == pytest.approx(magnitude("r"), abs=0.011)
    assert float(colour) == pytest.approx(magnitude("g") - magnitude("r"), abs=0.021)
    assert images["r"].data[16:-16, 16:-16].max() >= images["r"].data[round(y), round(x)] > 1000


def test_the_picture_shows_stars_in_colour(done, tmp_path):
    outputs = [o for cell in json.loads(done.read_text())["cells"] for o in cell.get("outputs", [])]
    (picture,) = [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    file = tmp_path / "picture.png"
    file.write_bytes(base64.b64decode(picture))
    looked = subprocess.run([NOTEBOOK / "python", "-c", LOOK_AT, file], capture_output=True, text=True)
    assert looked.returncode == 0, looked.stderr
    colours, coloured, deviation = json.loads(looked.stdout)
    assert colours > 1000 and 0.001 < coloured < 0.5 and deviation > 0.1, looked.stdout


def test_it_says_how_long_the_credentials_go_on_and_nothing_else_of_them(printed, done, bobs):
    minutes = int(re.match(r"(\d+) minutes left, until \d\d:\d\d UTC", printed["left"])[1])
    assert 20 <= minutes <= 60
    bearer = bobs["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    answer = requests.get(bobs["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": bearer})
    same = answer.json()
    written = done.read_text() + (done.parent / "registry.sqlite3").read_bytes().decode("latin-1")
    secrets = {same["AccessKeyId"], same["SecretAccessKey"], same["Token"], bearer.removeprefix("Bearer ")} | PRODUCED
    assert not [secret for secret in secrets if secret in written]


def test_who_is_in_no_group_reads_why(tmp_path, butler, server_environment):
    run, done = execute(tmp_path / "alice", server_environment("alice"))
    assert run.returncode != 0 and not done.exists()
    assert "files = survey.glob" in run.stderr and "demo/readers" in run.stderr, run.stderr[-3000:]
