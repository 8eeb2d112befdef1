"""What the pages say is true today: their examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from edge.config import Config, Pins
from hardware import wiring
from tests.docs import lamp_table

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


def test_the_lamp_table_is_the_table_of_the_code():
    """One data structure in the code, one table in the docs."""
    page = (ROOT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    assert "\n".join(lamp_table.rows()) in page


def test_the_wiring_drawing_is_what_the_script_draws():
    """And every pin that it names is the one that gate.toml has by default."""
    drawing = (ROOT / "docs" / "wiring.svg").read_text(encoding="utf-8")
    assert drawing == wiring.draw()
    ElementTree.fromstring(drawing)
    drawn = [f"GPIO{number}" for number in msgspec.structs.asdict(Pins()).values() if type(number) is int]
    header = {wiring.HEADER[number] for part in wiring.PARTS for number, _ in part.wires}
    assert sorted(drawn) == sorted(header - {"3V3", "5V", "GND", "GPIO2", "GPIO3"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page):
    """No page names a file that is not there."""
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
