"""An installation on a clean Debian that really boots: users, units, hardening, restarts, upgrade, removal (R26).

Minutes, root, debootstrap and systemd-nspawn: part of `make stress`. DEBIAN_ROOT names a debootstrapped tree to copy.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hardware.scene import draw
from tests.systemd import debian
from tests.systemd.debian import Machine, Refused, copied_source

GATE_TOML = """
[state]
run = "/run/venue-gate"
[camera]
source = "directory"
directory = "/pictures"
[pins]
factory = "mock"
"""

pytestmark = debian.marks


@pytest.fixture(scope="module")
def machine(tree, wheels, tmp_path_factory) -> Machine:
    root = tmp_path_factory.mktemp("gate") / "root"
    subprocess.run(["cp", "-a", tree, root], check=True)
    made = Machine(root, wheels, "install-gate")
    made.install()
    return made


@pytest.fixture(scope="module")
def found(machine) -> dict:
    """What the machine found about itself while it ran."""
    machine.path("/pictures").mkdir()
    picture = machine.path("/pictures/1.png")
    Image.fromarray(draw([], np.random.default_rng(1))).save(picture)
    machine.path("/etc/venue-gate/gate.toml").write_text(GATE_TOML)
    machine.boot_with(Path(__file__).with_name("in_the_machine.py"))
    return json.loads(machine.path("/found.json").read_bytes())


def test_every_service_runs_as_its_own_user_after_the_boot(found):
    """`Type=notify`: active means that the outbox is open, the page served, gate-sync's loop turning."""
    assert found["active"] == dict.fromkeys(("gate", "gate-sync", "gate-panel"), "active")
    assert set(found["type"].values()) == {"notify"}
    assert found["users"] == {"gate": "venue-gate", "gate-sync": "venue-gate", "gate-panel": "venue-gate-panel"}
    assert found["owners"] == "venue-gate:venue-gate 750"


def test_the_gate_works_under_its_hardening(found):
    """It has its outbox, its camera, its lamps; the kernel lets it ask for the clock."""
    status = found["status"]
    assert status["signal"] == "ready"
    assert status["next_sequence"] >= 2  # the start is recorded
    assert not {"camera", "reader", "pins", "outbox"} & set(status["faults"])
    assert "Traceback" not in found["journal"]


def test_the_page_is_served_from_beside_it(found):
    """Though its user may not even see the state directory."""
    assert found["health"]["gate"] == "fresh"


def test_a_killed_and_a_wedged_gate_come_back(found):
    """kill -9; and a loop that no longer turns, which the watchdog ends."""
    assert found["restarted"] not in ("", "0")
    assert found["status again"]["next_sequence"] > found["status"]["next_sequence"]
    assert found["after a wedge"] not in ("", "0", found["restarted"])


def test_the_doctor_reads_the_settings_that_are_in_force(found):
    """As root, without options."""
    doctor = {one["part"]: one for one in map(json.loads, found["doctor"])}
    assert (doctor["gate"]["verdict"], doctor["units"]["verdict"]) == ("ok", "ok"), doctor


def test_again_does_nothing_and_an_upgrade_keeps_state_and_settings(machine, found, tmp_path):
    """Two releases are kept; the one in force is the new one."""
    assert "already the newest" in machine.install()
    newer = copied_source(tmp_path / "newer")
    (newer / "edge" / "__init__.py").open("a").write("\n")
    before = sorted(path.name for path in machine.path("/var/lib/venue-gate/outbox").iterdir())
    assert "releases/2" in machine.install(source=newer)
    assert os.readlink(machine.path("/opt/venue-gate/current")) == "releases/2"
    assert sorted(path.name for path in machine.path("/var/lib/venue-gate/outbox").iterdir()) == before
    assert machine.path("/etc/venue-gate/gate.toml").read_text() == GATE_TOML


def test_a_release_that_does_not_start_changes_nothing(machine, found, tmp_path):
    """What was in force stays in force."""
    broken = copied_source(tmp_path / "broken")
    (broken / "edge" / "cli.py").write_text("raise SystemExit('broken')\n")
    current = os.readlink(machine.path("/opt/venue-gate/current"))
    with pytest.raises(Refused, match="stays in force"):
        machine.install(source=broken)
    assert os.readlink(machine.path("/opt/venue-gate/current")) == current
    assert machine.run("/usr/local/bin/gate", "--version").startswith("gate, version")


def test_uninstalling_keeps_records_and_settings(machine, found):
    """And says where they are. Last, because nothing is left then."""
    said = machine.install("--uninstall")
    assert "/var/lib/venue-gate" in said
    assert not machine.path("/opt/venue-gate").exists()
    assert not machine.path("/usr/local/bin/gate").is_symlink()
    assert list(machine.path("/etc/systemd/system").glob("gate*.service")) == []
    assert list(machine.path("/var/lib/venue-gate/outbox").iterdir())
    assert machine.path("/etc/venue-gate/gate.toml").exists()
