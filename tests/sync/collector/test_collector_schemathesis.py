"""schemathesis asks a real, serving collector whatever its OpenAPI description allows, and what it does not (issue 8).

Statuses, media types, headers and bodies must be those that are described, and none of them a 500.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sync.collector.interface import PATH
from sync.collector.invariants import broken
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import Gate, Served, Site
from tests.sync.collector.processes import start_serving

ROOT = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).with_name("schemathesis")
EXAMPLES = 500  # of each operation, besides the boundary values that schemathesis works out itself
# What makes a batch genuine is a signature, which no schema can say: a described body may be refused.
UNSAID = "positive_data_acceptance"

pytestmark = [
    pytest.mark.stress,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not shutil.which(PROGRAM), reason="make stress installs schemathesis"),
]


@pytest.fixture
def serving(site: Site) -> Iterator[Served]:
    process, address = start_serving(site.centre.state.path)
    yield Served(site.centre, urlsplit(address).port or 0)
    process.kill()
    process.wait()


@pytest.mark.parametrize("new_state", DATABASES, indirect=True)
def test_every_answer_is_as_described(serving: Served, gate: Gate, tmp_path: Path) -> None:
    """Boundary values, fuzzing and negative cases of every operation, over HTTP; the database is whole afterwards."""
    done = subprocess.run(
        [
            *(PROGRAM, "run", f"http://127.0.0.1:{serving.port}{PATH}"),
            *("--max-examples", str(EXAMPLES), "--checks", "all", "--exclude-checks", UNSAID, "--mode", "all"),
            *("--suppress-health-check", "all", "--no-color", "--seed", "1"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,  # it leaves a directory of its own
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": "tests.sync.collector.schemathesis_hooks",
            "ROGUE_GATE": str(gate.files.root),
            "PYTHONPATH": str(ROOT),
        },
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert broken(serving.centre.database) == []
    assert serving.request("GET", "/readyz").status == 200
