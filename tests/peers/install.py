"""Install the npm peers from their lock, with the system's Node.js or the one a PyPI wheel ships."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.peers.processes import HERE, node


def main() -> int:
    program = Path(node())
    npm = program.parent / "npm"
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [str(npm), "ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=HERE,
        env={**os.environ, "PATH": path},
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
