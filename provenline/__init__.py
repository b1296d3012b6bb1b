"""The command line and the composition root: the only package that knows all the others.

Wiring is explicit calls; there is no registry and no container. `main` holds the commands,
`sources` turns configuration into collectors, `centre`, `edge_process` and `demo` run them.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("provenline")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+source"
