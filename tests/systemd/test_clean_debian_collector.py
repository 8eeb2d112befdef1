"""The centre installed on a clean Debian that really boots: hardening, upgrade with backup, removal, restoration.

Minutes, root, debootstrap and systemd-nspawn: part of `make stress`. DEBIAN_ROOT names a debootstrapped tree to copy.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.systemd import debian
from tests.systemd.debian import Machine, copied_source

pytestmark = debian.marks
NEWER = "# newer\n"


@pytest.fixture(scope="module")
def found(tree, wheels, tmp_path_factory) -> dict:
    """What the machine found while it ran, was upgraded, uninstalled, installed again and restored."""
    directory = tmp_path_factory.mktemp("centre")
    root = directory / "root"
    subprocess.run(["cp", "-a", tree, root], check=True)
    machine = Machine(root, wheels, "install-collector")
    installed = copied_source(machine.path("/installed"))
    machine.install(source=installed)
    newer = copied_source(directory / "newer")
    (newer / "sync" / "collector" / "__init__.py").write_text(NEWER)
    machine.boot_with(Path(__file__).with_name("in_the_centre.py"), source=newer)
    told: dict = json.loads(machine.path("/found.json").read_bytes())
    assert "failed" not in told, told["failed"]
    return told


def test_the_centre_runs_as_its_own_user_after_the_boot(found):
    """`Type=notify`: active means that it answers; nobody else reads its state."""
    assert (found["active"], found["ready"], found["type"]) == ("active", 200, "notify")
    assert found["user"] == "venue-gate-collector"
    assert found["state"] == "venue-gate-collector:venue-gate-collector 700"
    assert "Traceback" not in found["journal"]


def test_the_service_cannot_read_the_root_key(found):
    """Though it lies there still, until somebody carries it away."""
    assert found["root key"] == ["root.key"]
    assert found["root key as the service sees it"] == ""


def test_it_takes_batches_under_its_hardening(found):
    """A gate that was made on the command line gets its receipt."""
    assert found["made"] == ["1", "1", "gate-1"]
    assert found["receipt"] == "1 1"
    assert found["backup"][0] == 0


def test_a_killed_centre_comes_back(found):
    """kill -9."""
    assert found["after a kill"] not in ("", "0")


def test_installing_again_does_nothing(found):
    """The same release."""
    assert found["again"][0] == 0
    assert "already the newest" in found["again"][1]


@pytest.mark.parametrize("what", ["no start", "no upgrade"])
def test_a_release_that_fails_leaves_the_old_one_running(found, what):
    """One whose programs do not start, and one whose database upgrade fails."""
    code, said = found[what]
    assert (code, "stays in force" in said) == (1, True), said
    assert found[f"after {what}"] == ["releases/1", "active", 200]


def test_an_upgrade_makes_a_backup_first_and_keeps_the_data(found):
    """The new programs serve the old gates."""
    assert found["upgrade"][0] == 0, found["upgrade"]
    assert found["after the upgrade"] == ["active", 200, True]
    assert found["in force"] + "\n" == NEWER
    assert found["backups"]
    assert found["gates"][0].startswith("gate-1\t")
    assert found["receipt after the upgrade"] == "1 1"


def test_uninstalling_keeps_the_state_and_installing_again_goes_on(found):
    """Database, keys and gates; nothing else stays."""
    assert found["uninstall"][0] == 0
    assert found["left"] == [False, False, True]
    assert not found["unit left"]
    assert (found["back"][0], found["ready when back"], found["receipt when back"]) == (0, 200, "1 1"), found["back"]


def test_it_stops_cleanly_and_a_restored_one_begins_a_higher_epoch(found):
    """Exit code 0 within the grace; after `restore` the gate's receipt names the new epoch."""
    assert found["stop"] == [0, "success", "0"]
    assert found["restore"][0] == 0, found["restore"]
    assert found["check"][0] == 0, found["check"]
    assert found["receipt of the restored"].split()[0] == "1"
    assert int(found["receipt of the restored"].split()[1]) > 1
