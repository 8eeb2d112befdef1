"""A device with its town's root key alone becomes a gate: three real programs, a picture before a camera (R25)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sync.cli import main as gate_sync
from sync.collector.centre import Centre
from sync.collector.config import StateDir as CentreDir
from sync.wire.statedir import StateDir
from tests.sync.programs import BIN, Processes, programs, until


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Processes]:
    with programs(tmp_path) as made:
        yield made


def told(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}


def test_a_device_shown_its_code_is_a_gate_within_seconds(town: Processes) -> None:
    """No shell on the device: the camera reads, the display shows the words, IT says yes, the first record arrives."""
    town.found()
    town.serve()
    picture = town.directory / "camera" / "code.png"
    picture.parent.mkdir()
    town.collector("gate", "enrol", "gate-1", "--collector-url", town.address.rstrip("/"), "--out", str(picture))
    device = StateDir.at(town.directory / "device")
    device.run.mkdir(parents=True)
    centre = Centre.open(CentreDir(town.centre))
    device.root_key.write_text(centre.keys.current().root_public.hex())
    centre.close()
    town.sync(device)
    settings = town.directory / "gate.toml"
    settings.write_text(
        f'[state]\ndirectory = "{device.root}"\n[pins]\nfactory = "mock"\n'
        f'[camera]\nsource = "directory"\ndirectory = "{picture.parent}"\n'
    )
    command = [BIN / "gate", "run", "--config", settings]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as gate:
        try:
            until(lambda: (told(device.sync_status).get("setup") or {}).get("step") == "confirm", 30)  # type: ignore[attr-defined]
            until(lambda: told(device.status).get("signal") in ("confirm_words", "code_taken"), 10)
            assert told(device.status)["enrolled"] is False
            assert town.count() == 0
            words = told(device.sync_status)["setup"]["words"]  # type: ignore[index]
            town.collector("gate", "confirm", "gate-1", "--words", words)
            until(lambda: town.count() >= 2, 30)  # started, adopted
            assert told(device.status)["gate"] == "gate-1"
            assert told(device.sync_status)["setup"]["step"] == "enrolled"  # type: ignore[index]
        finally:
            gate.terminate()
            gate.wait(20)
    status = CliRunner().invoke(gate_sync, ["status", "--state", str(device.root), "--json"])
    assert '"connected": true' in status.stdout.lower(), status.stdout
