"""`collector` as people run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from sync.collector.cli import main

COLLECTOR = Path(sys.executable).with_name("collector")


def collector(state: Path, *arguments: str, stdin: str | None = None) -> Result:
    """Run one command to its end, within this process: a real one takes a second to start."""
    done = CliRunner().invoke(main, ["--state", str(state), *arguments], input=stdin, prog_name="collector")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def start_serving(state: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A running `collector serve` on a free port, and its base address. Fails if it does not come up."""
    command = [str(COLLECTOR), "--state", str(state), "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Collector: http://"), line
    return process, line.split()[1].rstrip("/")
