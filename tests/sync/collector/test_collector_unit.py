"""The centre's unit as systemd judges it, and what its installer lays out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sync.collector.config import DEFAULT_STATE, Settings
from sync.collector.server import GRACE_SECONDS

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "systemd" / "collector.service"
RETENTION = ROOT / "systemd" / "collector-retention.service"
TIMER = RETENTION.with_suffix(".timer")
SERVICES = pytest.mark.parametrize("unit", [UNIT, RETENTION], ids=lambda unit: unit.stem)


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=60)


def directive(name: str, unit: Path = UNIT) -> str:
    found = re.search(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, name
    return found.group(1)


@SERVICES
def test_the_exposure_is_small(unit: Path) -> None:
    """DESIGN 9: `systemd-analyze security` ≤ 2.5."""
    judged = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    exposure = re.search(rf"exposure level for {unit.name}: ([0-9.]+)", judged.stdout)
    assert exposure, judged.stderr
    assert float(exposure.group(1)) <= 2.5


def test_systemd_finds_nothing_to_say(tmp_path: Path) -> None:
    """`verify` on the units as they are, except that the program is where this test finds it."""
    program = directive("ExecStart").split()[0]
    there = str(Path(sys.executable).with_name("collector"))
    units = [tmp_path / unit.name for unit in (UNIT, RETENTION, TIMER)]
    for unit in units:
        unit.write_text((ROOT / "systemd" / unit.name).read_text(encoding="utf-8").replace(program, there))
    verified = run("systemd-analyze", "verify", "--man=no", *units)
    assert (verified.returncode, verified.stderr.strip()) == (0, "")


def test_systemd_waits_longer_than_requests_may_take() -> None:
    """Shutdown finishes transactions: the kill comes only after the grace."""
    assert int(directive("TimeoutStopSec")) > GRACE_SECONDS


@SERVICES
def test_the_service_never_sees_the_root_key(unit: Path) -> None:
    """It signs key lists offline (DESIGN 4); and the state is where the command line looks for it."""
    assert directive("InaccessiblePaths", unit) == f"-{DEFAULT_STATE}/root"
    assert f"/var/lib/{directive('StateDirectory', unit)}" == str(DEFAULT_STATE)


def test_retention_runs_every_night_as_the_services_user() -> None:
    """One process, whatever the number of workers; a night that was missed is made up for."""
    assert directive("ExecStart", RETENTION).endswith("/bin/collector privacy purge")
    assert directive("User", RETENTION) == directive("User")
    assert directive("Persistent", TIMER) == "yes"
    assert run("systemd-analyze", "calendar", directive("OnCalendar", TIMER)).returncode == 0


def test_the_installer_lays_out_the_unit_and_its_user(tmp_path: Path) -> None:
    """As far as it goes without a machine."""
    done = run(ROOT / "systemd" / "install-collector", "--root", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for unit in (UNIT, RETENTION, TIMER):
        assert (tmp_path / "etc/systemd/system" / unit.name).read_bytes() == unit.read_bytes()
    assert directive("User") in (tmp_path / "etc/sysusers.d/venue-gate-collector.conf").read_text()
    assert run(ROOT / "systemd" / "install-collector", "--what").returncode == 1


def test_the_documented_settings_are_the_settings() -> None:
    """docs/CENTRE.md names every key of collector.toml, with its default."""
    page = (ROOT / "docs" / "CENTRE.md").read_text(encoding="utf-8")
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found
    assert msgspec.toml.decode(found.group(1), type=Settings) == Settings()
    keys = set(re.findall(r"^(?:# )?(\w+) = ", found.group(1), re.MULTILINE))
    tables = set(re.findall(r"^\[(\w+)\]", page, re.MULTILINE))  # shown where they are explained
    assert keys | tables == set(Settings.__struct_fields__)
