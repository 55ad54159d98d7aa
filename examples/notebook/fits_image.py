"""How Butler reads the survey's images: as astropy's `CCDData`, with their header and coordinates.

At Rubin the Science Pipelines bring formatters of their own; this one needs nothing but astropy.
"""

from astropy.nddata import CCDData
from lsst.daf.butler import FormatterV2


class FitsImage(FormatterV2):
    """A FITS file whose first HDU is an image with BUNIT."""

    default_extension = ".fits"
    can_read_from_local_file = True

    def read_from_local_file(self, path, component=None, expected_size=-1):
        return CCDData.read(path)

    def write_local_file(self, in_memory_dataset, uri):
        in_memory_dataset.write(uri.ospath)
