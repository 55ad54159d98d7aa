"""Makes a Butler repository of images that lie in a bucket already. A curator runs it once, in a shell
with a lease that writes (the portal's form: *read and write*; then what it shows under *Shell*), in the folder of this file:

    PYTHONPATH=. python publish_butler.py s3://demo/fields/ s3://demo/butler/

The images stay where they are. The repository is two small files: `butler.yaml`, and its registry. SQLite
cannot be opened over S3, so readers fetch the registry first; with PostgreSQL, say so in `--registry`.
"""

import argparse
import os
import tempfile

from astropy.io import fits
from astropy.time import Time
from lsst.daf.butler import Butler, Config, DatasetRef, DatasetType, FileDataset
from lsst.resources import ResourcePath

REGISTRY = "registry.sqlite3"
INSTRUMENT, RUN, DATASET_TYPE = "SYNTHCAM", "fields", "image"
CONFIG = {
    # Relative: the file of this name in the folder from which Butler is used.
    "registry": {"db": f"sqlite:///{REGISTRY}"},
    "storageClasses": {"FitsImage": {"pytype": "astropy.nddata.CCDData"}},
    "datastore": {"formatters": {"FitsImage": "fits_image.FitsImage"}},
}


def headers(images):
    """The headers of all images, by a request of some kilobytes each."""
    for uri in ResourcePath.findFileResources([images], file_filter=r"\.fits$"):
        with uri.open("rb") as stream, fits.open(stream) as opened:
            yield uri, opened[0].header


def publish(images, repository):
    """Ingests every image below `images` in place."""
    Butler.makeRepo(repository.geturl(), Config(CONFIG), forceConfigRoot=False)
    butler = Butler(repository.geturl(), writeable=True, run=RUN)
    butler.registry.insertDimensionData("instrument", {"name": INSTRUMENT, "visit_max": 10**6, "exposure_max": 10**6})
    dataset_type = DatasetType(DATASET_TYPE, ["instrument", "exposure"], "FitsImage", universe=butler.dimensions)
    butler.registry.registerDatasetType(dataset_type)
    datasets = []
    for number, (uri, header) in enumerate(headers(images), start=1):
        data_id = register(butler, number, header)
        datasets.append(FileDataset(uri, DatasetRef(dataset_type, data_id, RUN)))
    butler.ingest(*datasets, transfer="direct")
    return len(datasets)


def register(butler, number, header):
    """Tells the registry of one exposure."""
    begin = Time(header["DATE-OBS"], scale="utc").tai
    day = int(begin.strftime("%Y%m%d"))
    camera = {"instrument": INSTRUMENT}
    insert = butler.registry.syncDimensionData
    insert("physical_filter", {**camera, "name": header["FILTER"], "band": header["FILTER"]})
    insert("day_obs", {**camera, "id": day})
    insert("group", {**camera, "name": str(number)})
    insert(
        "exposure",
        {
            **camera,
            "id": number,
            "obs_id": f"{header['OBJECT']}-{header['FILTER']}",
            "physical_filter": header["FILTER"],
            "day_obs": day,
            "group": str(number),
            "target_name": header["OBJECT"],
            "exposure_time": header["EXPTIME"],
        },
    )
    return butler.registry.expandDataId(**camera, exposure=number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("images", help="where the images lie: s3://BUCKET/PREFIX/")
    parser.add_argument("repository", help="where the repository goes: s3://BUCKET/PREFIX/")
    arguments = parser.parse_args()
    images = ResourcePath(arguments.images, forceDirectory=True)
    repository = ResourcePath(arguments.repository, forceDirectory=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        count = publish(images, repository)
        repository.join(REGISTRY).transfer_from(ResourcePath(REGISTRY), "copy")
    print(f"{count} images in {repository.geturl()}")


if __name__ == "__main__":
    main()
