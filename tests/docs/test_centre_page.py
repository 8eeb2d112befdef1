"""docs/CENTRE.md: its commands for personal data, as somebody types them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.sync.collector.people import somebody
from tests.sync.collector.processes import collector

PAGE = (Path(__file__).parents[2] / "docs" / "CENTRE.md").read_text(encoding="utf-8")


def test_the_commands_for_personal_data_work_as_printed(tmp_path: Path) -> None:
    """One after the other, from an empty directory on."""
    section = PAGE[PAGE.index("## Personal data") : PAGE.index("## The fleet")]
    lines = "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(lines) == 12
    person, visitor = somebody(1), "VISITOR"
    answers = {"add": f"{person.name}\n{person.number}\n{person.phone}\n", "find": f"{person.phone}\n"}
    assert collector(tmp_path, "init").exit_code == 0
    for line in lines:
        program, *arguments = [visitor if word == "VISITOR" else word for word in shlex.split(line, comments=True)]
        assert program == "collector"
        done = collector(tmp_path, *arguments, stdin=answers.get(arguments[1]))
        assert done.exit_code == 0, (line, done.stderr)
        if arguments[1] == "add":
            visitor = done.stdout.strip()
        if line.endswith("visitors 365"):
            assert done.stdout == "records\t21\napart\t90\nvisitors\t365\n"
    assert collector(tmp_path, "db", "check").exit_code == 0


def test_the_commands_for_accounts_work_as_printed(tmp_path: Path) -> None:
    """One after the other, in a centre with a venue; a link is printed where the page says so."""
    section = PAGE[PAGE.index("## Accounts") : PAGE.index("## What this machine carries")]
    lines = "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(lines) == 5
    first = collector(tmp_path, "init")
    assert first.stdout.startswith("http://127.0.0.1:8000/link/")
    assert collector(tmp_path, "venue", "create", "东门市场").exit_code == 0
    links = {first.stdout}
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "collector"
        done = collector(tmp_path, *arguments)
        assert done.exit_code == 0, (line, done.stderr)
        links.add(done.stdout)
        if arguments[1] == "list":
            assert "mei\tno password\tno\tinspector of venue 1\t李梅" in done.stdout
    assert len([link for link in links if "/link/" in link]) == 3
