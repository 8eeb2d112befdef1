"""gate-stick@.service on a Debian that really boots, under all of its hardening, with a stick on a loop device (R25).

ext4, for the kernel that runs the tests need not know FAT. udev and the binding to a device are left out: a container
has neither. Minutes, root, debootstrap and systemd-nspawn: part of `make stress`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hardware.scene import draw
from tests.sync.programs import programs
from tests.systemd import debian
from tests.systemd.debian import Machine

pytestmark = debian.marks
GATE_TOML = """
[state]
run = "/run/venue-gate"
[camera]
source = "directory"
directory = "/pictures"
[pins]
factory = "mock"
"""


def run(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def round_(tree, wheels, tmp_path_factory):
    """What the machine found, and what then was on the stick for the centre."""
    directory = tmp_path_factory.mktemp("stick")
    run("cp", "-a", tree, directory / "root")
    machine = Machine(directory / "root", wheels, "install-gate")
    image, place = directory / "stick.img", directory / "usb"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    run("mkfs.ext4", "-q", "-F", image)
    place.mkdir()
    device = run("losetup", "-f", "--show", image)
    try:
        with programs(directory) as town:
            town.found()
            town.provision("http://127.0.0.1:9")
            run("mount", device, place)
            town.collector("stick", str(place))
            run("umount", place)
            state = machine.path("/var/lib/venue-gate")
            shutil.copytree(town.state.root, state, symlinks=True)
            machine.install()
            machine.path("/etc/venue-gate/gate.toml").write_text(GATE_TOML)
            machine.path("/pictures").mkdir()
            Image.fromarray(draw([], np.random.default_rng(1))).save(machine.path("/pictures/1.png"))
            machine.path("/stick").write_text(Path(device).name)
            _without_its_device(machine.path("/etc/systemd/system/gate-stick-disk@.service"))
            machine.boot_with(Path(__file__).with_name("with_a_stick.py"), device=device)
            run("mount", device, place)
            town.collector("import", str(place))
            run("umount", place)
            yield json.loads(machine.path("/found.json").read_bytes()), town.count()
    finally:
        run("losetup", "-d", device)


def _without_its_device(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    kept = [line.replace("dev-%i.device ", "") for line in lines if not line.startswith("BindsTo=")]
    unit.write_text("\n".join(kept) + "\n")


def test_a_stick_is_mounted_copied_to_and_let_go(round_):
    """And told: on lamps and display by gate-sync's own status, not before it is unmounted."""
    found, at_the_centre = round_
    visit = found["visit"]
    assert found["service"] == "active"
    assert (visit["result"], visit["phase"], visit["mounted"]) == ("success", "copied", ""), found
    assert visit["stick"]["trouble"] is None, found
    assert "may be pulled" in found["status"]
    assert at_the_centre >= found["records"] - 1 > 0
    assert "Traceback" not in found["journal"]


def test_the_same_stick_again_does_no_harm(round_):
    """And the service's user owns what was written."""
    found, _ = round_
    assert found["again"]["phase"] == "copied"
    assert found["owner"] == "venue-gate"
