"""`python -m provenline`."""

from provenline.main import run

run()
