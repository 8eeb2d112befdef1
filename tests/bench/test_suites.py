"""Every benchmark runs, quickly: a broken one is found before somebody needs its numbers. No wall time is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SUITES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_runs_and_writes_its_rows(suite, tmp_path):
    """name, value, unit, goal, holds – as JSON, for whoever compares runs."""
    done = subprocess.run(
        [sys.executable, HERE / "run.py", suite],
        cwd=tmp_path,
        env=os.environ | {"QUICK": "1", "SEED": "3", "PHOTOS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "build" / "bench" / f"{suite}.json").read_text())
    assert rows
    assert all(set(row) == {"name", "value", "unit", "goal", "holds"} for row in rows)


def test_an_unknown_suite_is_told(tmp_path):
    """With the names that there are."""
    done = subprocess.run([sys.executable, HERE / "run.py", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such suite: nonsense" in done.stderr
