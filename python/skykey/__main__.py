"""``python -m skykey`` is the program ``skykey``."""

import os
import sys

from . import SkykeyError, program

try:
    path = program()
except SkykeyError as error:
    sys.exit(f"error: {error}")
os.execv(path, [path, *sys.argv[1:]])
