"""Everything a sandbox needs, imported and built once: the fork server loads this module, and every child shares it.

It must start no thread, for a fork takes only one along.
"""

from __future__ import annotations

import atexit
import gc
import os

# Read when NumPy is imported, below: its threads would be lost in a fork.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import duckdb  # noqa: F401 - shared with the children
import pyarrow.parquet  # noqa: F401
import scipy.optimize
import scipy.special  # noqa: F401

import collectors.opcua.command  # noqa: F401 - nobody else imports it before it is needed
from configs.loader import PACKAGED, shipped_catalogues
from provenline.sandbox import child  # noqa: F401
from provenline.sandbox.line import plant_of
from simulators.faces import opcua_space

plant_of(PACKAGED)
shipped_catalogues()
opcua_space.prepare()
gc.collect()
gc.freeze()  # a collector that looks at shared objects would make copies of them
atexit.register(gc.unfreeze)  # DuckDB complains at the end about what it cannot take back
