"""A clean Debian in a directory, which systemd-nspawn boots: for the installers, as root, in `make stress`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = "python3,python3-venv,systemd,systemd-sysv,dbus,udev,libzbar0,fonts-noto-cjk"
NEEDED = ("debootstrap", "systemd-nspawn")
_CHECK_UNIT = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /check.py
ExecStopPost=/usr/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
"""

marks = [
    pytest.mark.stress,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, NEEDED)), reason=f"needs root and {' and '.join(NEEDED)}"
    ),
]


class Refused(Exception):
    """A command in the machine ended with an error; what it said."""


class Machine:
    """A Debian in a directory, the wheels that it installs from, and the installer under test."""

    def __init__(self, root: Path, wheels: Path, installer: str) -> None:
        self.root, self._wheels, self._installer = root, wheels, installer

    def run(self, *command: str, source: Path = ROOT, boot: bool = False, device: str | None = None) -> str:
        """A command in it, or a boot until it switches itself off; what it printed. device: one of this machine's."""
        nspawn = ["systemd-nspawn", "-q", "-D", str(self.root), "--register=no", "--keep-unit"]
        binds = [f"--bind-ro={source}:/src", f"--bind-ro={self._wheels}:/wheels"]
        if device is not None:
            binds += [f"--bind={device}", f"--property=DeviceAllow={device} rw"]
        whole = [*nspawn, *binds, *(["--boot"] if boot else ["--pipe", *command])]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise Refused(done.stdout[-3000:] + done.stderr[-3000:])
        return done.stdout

    def install(self, *options: str, source: Path = ROOT) -> str:
        """Run the installer from `source`."""
        return self.run(f"/src/systemd/{self._installer}", "--wheels", "/wheels", *options, source=source)

    def boot_with(self, check: Path, source: Path = ROOT, device: str | None = None) -> None:
        """Boot, let the program `check` look at what runs, and switch off."""
        shutil.copy(check, self.path("/check.py"))
        self.path("/etc/systemd/system/check.service").write_text(_CHECK_UNIT)
        self.run("systemctl", "--quiet", "enable", "check.service")
        self.run(boot=True, source=source, device=device)

    def path(self, inside: str) -> Path:
        """A file of it, seen from outside."""
        return self.root / inside.lstrip("/")


def copied_source(target: Path) -> Path:
    """The working tree without what was built, to change something in it."""
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "demo-state", "tests")
    return Path(shutil.copytree(ROOT, target, ignore=ignored))


def fetch_wheels(directory: Path) -> Path:
    """Every Python package that an installation needs, from the network once."""
    source, wheels = copied_source(directory / "source"), directory / "wheels"
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "-d", wheels, f"{source}[centre]", "setuptools>=77"], check=True
    )
    return wheels


def make_tree(root: Path) -> None:
    """A minimal Debian at `root`; a copy of the tree that DEBIAN_ROOT names, where it does."""
    if ready := os.environ.get("DEBIAN_ROOT"):
        subprocess.run(["cp", "-a", ready, root], check=True)
        return
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root],
        check=True,
        stdout=subprocess.DEVNULL,
    )
