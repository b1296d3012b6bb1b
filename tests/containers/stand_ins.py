"""Base images where no image registry can be reached: one Debian system under the tags that are asked for.

What the public images promise and the composition relies on is kept: the numeric users, the
folders they own, the programs by name. The system is made once and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.containers.engine import ROOT, Engine

PACKAGES = ("python3", "python3-venv", "mosquitto", "mosquitto-clients", "influxdb")
INFLUXDB = "provenline-stand-in/influxdb:1.6"

PREPARE = """
set -eu
ln -s /usr/bin/python3 /usr/local/bin/python
add() { groupadd --gid "$1" "$2"; useradd --uid "$1" --gid "$1" --no-create-home "$2"; }
add 1000 influxdb-image
add 1883 mosquitto-image
mkdir -p /var/lib/influxdb2 /etc/influxdb2 /mosquitto/config /mosquitto/data
chown 1000:1000 /var/lib/influxdb2 /etc/influxdb2
chown 1883:1883 /mosquitto/data
rm -rf /var/cache/apt/* /var/lib/apt/lists/* /usr/share/doc /usr/share/man /usr/share/locale
"""

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
TRUST = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def provide(engine: Engine) -> None:
    """Put the stand-ins into an engine, trusting what this machine trusts."""
    base = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    broker = re.search(r"image: (eclipse-mosquitto:\S+)", (ROOT / "docker-compose.yml").read_text())
    assert base
    assert broker
    trust = [word for name in TRUST for word in ("--change", f"ENV {name}={CERTIFICATES}")]
    engine.docker("import", *trust, str(system()), base[1])
    for tag in (broker[1], INFLUXDB):
        engine.docker("tag", base[1], tag)


def system() -> Path:
    """Return the archive of the Debian system; the first time takes about a minute."""
    made_of = "\n".join((*PACKAGES, PREPARE, CERTIFICATES.read_text()))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "provenline-tests"
    archive = cache / f"debian-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.tar"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob("debian-*.tar*"):
            old.unlink()
        _make(archive)
    return archive


def _make(archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="provenline-debian-") as folder:
        # A mount namespace of its own: what debootstrap mounts is gone with it, whatever happens.
        alone = ["unshare", "--mount", "--propagation", "private"]
        include = f"--include={','.join(PACKAGES)}"
        _run([*alone, "debootstrap", "--variant=minbase", include, "bookworm", folder])
        shutil.copyfile(CERTIFICATES, folder + str(CERTIFICATES))
        _run(["chroot", folder, "sh", "-c", PREPARE])
        part = archive.with_suffix(".tar.part")
        _run(["tar", "--directory", folder, "--one-file-system", "--create", "--file", str(part), "."])
        part.rename(archive)


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}"
