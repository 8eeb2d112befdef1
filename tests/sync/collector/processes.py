"""`collector` as people run it: real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COLLECTOR = Path(sys.executable).with_name("collector")


def collector(state: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [str(COLLECTOR), "--state", str(state), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def start_serving(state: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A running `collector serve` on a free port, and its base address. Fails if it does not come up."""
    command = [str(COLLECTOR), "--state", str(state), "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Collector: http://"), line
    return process, line.split()[1].rstrip("/")
