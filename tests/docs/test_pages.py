"""What the pages say is true today: their examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge.config import Config
from hardware.indicator import PATTERNS
from hardware.ports import Signal

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_printed_gate_toml_is_the_default_configuration():
    """Every key of the page exists, and its value is the one that holds without it."""
    (text,) = blocks(ROOT / "docs" / "OPERATIONS.md", "toml")
    assert msgspec.toml.decode(text, type=Config) == Config()


def test_a_gate_by_hand_works_as_printed(tmp_path):
    """The commands of the page, one after the other, as an IT person types them."""
    (text,) = [block for block in blocks(ROOT / "docs" / "OPERATIONS.md", "") if "provision" in block]
    commands = [shlex.split(line.replace("/srv/collector", str(tmp_path / "collector"))) for line in text.splitlines()]
    serve = commands.pop()
    assert serve[-1] == "serve"
    for command in commands:
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run([program, *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
    check = [Path(sys.executable).with_name("gate"), "check", "hello", "--trust", str(tmp_path / "south-1")]
    assert subprocess.run(check, capture_output=True, text=True, check=True).stdout.startswith("deny")


def test_the_lamp_table_has_a_row_for_every_signal():
    """One data structure in the code, one table in the docs."""
    page = (ROOT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and line.count("|") == 6]
    states = [row.split("|")[1].strip() for row in rows]
    for signal in Signal:
        (state,) = [state for state in states if state.startswith(signal.value.replace("_", " "))]
        cells = dict(zip(("pass", "deny", "refer", "buzzer"), _cells(rows[states.index(state)]), strict=True))
        dark = {name for name, cell in cells.items() if cell in ("dark", "silent")}
        assert dark == set(cells) - set(PATTERNS[signal]), signal


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")[2:6]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page):
    """No page names a file that is not there."""
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
