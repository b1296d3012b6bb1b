"""The programs that tests run for real: which are there, and how to get the others.

`python -m tests.programs --install` installs what is missing, as root on Debian; elsewhere
it says what is missing and which tests are therefore not run. In CI missing is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "influxd": "influxdb",
    "chromium": "chromium",
    "fc-match": "fontconfig",
    "ip": "iproute2",
    "iptables": "iptables",
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
    "debootstrap": "debootstrap",
    "soffice": "libreoffice-writer-nogui",
    "pdftotext": "poppler-utils",
    "openssl": "openssl",
    "curl": "curl",
    "systemd-analyze": "systemd",
}
"""Program to the Debian package that has it."""

FONT = "fonts-noto-cjk"
PLACES = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def search_path() -> str:
    """Return PATH with the places where Debian puts servers."""
    return os.pathsep.join([os.environ.get("PATH", ""), *PLACES])


def missing() -> dict[str, str]:
    """Return the programs that are not on this machine, each with its Debian package."""
    absent = {name: package for name, package in PACKAGES.items() if not shutil.which(name, path=search_path())}
    if not any(Path("/usr/share/fonts").rglob("NotoSansCJK*")):
        absent["a CJK font"] = FONT
    return absent


def install(packages: list[str]) -> None:
    """Install Debian packages without starting their services."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-q", *arguments], stdout=subprocess.DEVNULL, env=environment, check=True)


def say(text: str) -> None:
    """Tell the user, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Install what is missing where that is possible; return 1 in CI when something still is."""
    absent = missing()
    if absent and "--install" in sys.argv and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = sorted(set(absent.values()))
        say(f"installing {', '.join(packages)}")
        install(packages)
        absent = missing()
    if absent:
        listed = ", ".join(f"{name} (Debian: {package})" for name, package in absent.items())
        say(f"NOT RUN will be the tests that need: {listed}")
        return 1 if os.environ.get("CI") else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
