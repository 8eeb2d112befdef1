"""`collector fleet` and `collector gate` as IT runs them: problems first, and an exit code that tells (R25)."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from sync.collector import languages
from sync.collector.fleet import export, shown
from sync.collector.fleet.overview import gate_states
from sync.collector.intake.api import take_batch
from sync.collector.privacy import audit
from sync.wire.receipt import Standing
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.processes import collector

PAGE = (Path(__file__).parents[3] / "docs" / "CENTRE.md").read_text(encoding="utf-8")


@pytest.fixture
def state(site: Site, gate: Gate) -> Path:
    """A centre with a gate that was last heard of at NOW: before the clock that commands go by."""
    take_batch(site.centre, gate.batch(1, [gate.record(1), b'"poison"']), NOW)
    return site.centre.state.path


def test_problems_stand_one_to_a_line_and_the_exit_code_tells(site: Site, state: Path) -> None:
    """Severity, gate, name, what, what to do; in a pipe, without a colour."""
    done = collector(state, "fleet")
    first, second, *_ = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.exit_code == 3
    assert first[:3] == ["broken", "gate-1", "1号闸机"]
    assert first[3].startswith("Silent for ")
    assert (second[0], second[3]) == ("attention", "Records that cannot be read: 1, set aside")
    assert all(len(line.split("\t")) == 5 for line in done.stdout.splitlines())
    assert "失去联系" in collector(state, "fleet", "--lang", "zh").stdout


def test_a_fleet_without_trouble_says_nothing_and_exits_0(site: Site, tmp_path: Path) -> None:
    """Unless all are asked for."""
    done = collector(site.centre.state.path, "fleet")
    assert (done.exit_code, done.stdout, "collector gate create" in done.stderr) == (0, "", True)
    collector(site.centre.state.path, "gate", "create", "--checkpoint", "1", "北门1号")
    done = collector(site.centre.state.path, "fleet")
    assert (done.exit_code, done.stdout.split("\t")[3]) == (0, "Not provisioned yet")


def test_json_holds_every_figure_and_sentence(state: Path) -> None:
    """For a script, whatever the language of the sentences."""
    done = collector(state, "fleet", "--json")
    (told,) = json.loads(done.stdout)["gates"]
    assert (done.exit_code, told["gate"], told["backlog"], told["set_aside"]) == (3, "gate-1", 0, 1)
    assert [each["kind"] for each in told["conditions"]][:2] == ["silent", "set_aside"]
    assert told["conditions"][0]["figures"]["seconds"] > 0


def test_show_tells_all_of_one_gate(state: Path) -> None:
    """Figures, what to do, what was done; another gate's acts are not among them."""
    collector(state, "gate", "create", "--checkpoint", "1", "--id", "gate-11", "北门1号")
    collector(state, "checkpoint", "create", "--venue", "1", "--direction", "out", "北门")
    assert collector(state, "gate", "move", "gate-1", "--checkpoint", "2", "--reason", "works").exit_code == 0
    shown_text = collector(state, "fleet", "show", "gate-1").stdout
    for part in ("1号闸机", "东门市场 · 北门 · Out", "0.1.0", "Silent for", "What was done", "works"):
        assert part in shown_text
    assert "Created" not in shown_text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fleet", "--watch"), "--watch needs a terminal"),
        (("fleet", "--watch", "--json"), "leave one out"),
        (("fleet", "show", "gate-9"), "there is no gate gate-9"),
        (("fleet", "nonsense"), "No such command 'nonsense'"),
        (("fleet", "kept", "show", "aside-1-99"), "there is no kept record"),
        (("fleet", "kept", "accept", "aside-1-2"), "--reason"),
        (("fleet", "kept", "accept", "aside-1-2", "--reason", "ticket 1"), "cannot be taken as a record"),
        (("gate", "retire", "gate-1"), "--reason"),
        (("gate", "move", "gate-1", "--checkpoint", "1"), "stands at checkpoint 1 already"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_said_in_a_sentence(state: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """And nothing on standard output."""
    done = collector(state, *arguments)
    assert done.exit_code in (1, 2)
    assert (done.stdout, sentence in done.stderr) == ("", True), done.stderr


def test_kept_records_are_listed_shown_and_decided(site: Site, gate: Gate, state: Path, tmp_path: Path) -> None:
    """Each act asks for a reason and names its line of the audit."""
    assert "aside-1-2\tgate-1\t" in collector(state, "fleet", "kept", "list").stdout
    assert 'kept: "poison"' in collector(state, "fleet", "kept", "show", "aside-1-2").stdout
    typed = tmp_path / "typed.json"
    typed.write_bytes(gate.record(2))
    done = collector(state, "fleet", "kept", "correct", "aside-1-2", str(typed), "--reason", "ticket 1")
    assert (done.exit_code, "it counts as centre-1/1. Line 1 of the audit" in done.stderr) == (0, True), done.stderr
    assert collector(state, "fleet", "kept", "list").stdout == ""
    assert "aside-1-2" in collector(state, "fleet", "kept", "list", "--resolved").stdout
    shown_text = collector(state, "fleet", "kept", "show", "aside-1-2").stdout
    assert "ticket 1" in shown_text
    assert "record: centre-1/1" in shown_text
    assert "already" in collector(state, "fleet", "kept", "discard", "aside-1-2", "--reason", "x").stderr
    assert collector(state, "db", "check").exit_code == 0


def test_a_retired_gate_is_out_of_the_fleet_and_trusted_no_more(site: Site, gate: Gate, state: Path) -> None:
    """Its valid batches are kept apart, with a signed receipt that says so; its records stay."""
    assert collector(state, "gate", "retire", "gate-1", "--reason", "market closed").exit_code == 0
    receipt = gate.receipt(take_batch(site.centre, gate.batch(3, [gate.record(3)]), NOW + 9))
    assert (receipt.standing, receipt.next) == (Standing.QUARANTINED, 4)
    assert collector(state, "fleet").stdout == ""
    assert "Retired" in collector(state, "fleet", "--retired").stdout
    assert "\tretired\t" in collector(state, "gate", "list").stdout
    assert "retired already" in collector(state, "gate", "retire", "gate-1", "--reason", "x").stderr
    with site.centre.database.read() as session:
        (line,) = audit.lines(session.connection())
    assert (line.act, line.reason, line.detail) == ("gate_retire", "market closed", "gate-1")
    provision = ("gate", "provision", str(gate.files.root), "--gate", "gate-1", "--collector-url", "http://127.0.0.1:1")
    assert "gate-1 is retired; say --replace" in collector(state, *provision).stderr
    assert collector(state, *provision, "--replace").exit_code == 0
    assert "gate-1" in collector(state, "fleet", "--all").stdout


def test_the_export_opens_in_a_spreadsheet(site: Site, state: Path, tmp_path: Path) -> None:
    """A byte order mark, Chinese whole, no cell that a spreadsheet would run."""
    collector(state, "gate", "create", "--checkpoint", "1", "=HYPERLINK(1)")
    target = tmp_path / "fleet.csv"
    assert collector(state, "fleet", "export", str(target), "--lang", "zh").exit_code == 0
    content = target.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    head, first, second = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert (head[0], first[1], first[2]) == ("编号", "1号闸机", "东门市场")
    assert second[1] == "'=HYPERLINK(1)"
    assert len({len(head), len(first), len(second)}) == 1
    piped = collector(state, "fleet", "export", "-", "--format", "json")
    assert len(json.loads(piped.stdout_bytes)["gates"]) == 2


@pytest.mark.parametrize("width", [60, 140])
def test_a_terminal_of_any_width_shows_what_to_do(site: Site, state: Path, width: int) -> None:
    """A table where there is room, a list where there is not; nothing is cut off."""
    with site.centre.database.read() as session:
        states = gate_states(session, NOW + 86_400 * 40, site.centre.settings)
    out = Console(width=width, file=io.StringIO(), force_terminal=False)
    with languages.spoken("zh"):
        out.print(shown.fleet(states, NOW + 86_400 * 40, with_fine=True, width=width))
        assert export.as_csv(states)
    text = "".join(str(out.file.getvalue()).split())  # type: ignore[attr-defined]
    for part in ("✖故障", "失去联系6周", "已拆除的请退役", "✖故障1"):
        assert part in text, text


def test_the_commands_of_the_manual_work_as_printed(
    site: Site, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a gate that was silent since, a conflict to accept, and two records that cannot be read."""
    monkeypatch.chdir(tmp_path)
    take_batch(site.centre, gate.batch(1, [gate.record(1), b'"poison"', b'"poison"']), NOW)
    take_batch(site.centre, gate.batch(1, [gate.record(9)]), NOW)
    (tmp_path / "FILE").write_bytes(gate.record(2))
    section = PAGE[PAGE.index("## The fleet") : PAGE.index("## Gates that move")]
    lines = "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(lines) == 10
    names: list[str] = []
    for line in lines:
        act = line.split()[3] if "kept" in line else ""
        name = {"accept": "conflict", "correct": "aside-1-2", "discard": "aside-1-3"}.get(act, "conflict")
        chosen = next((each for each in names if each.startswith(name)), "")
        program, *arguments = [chosen if word == "NAME" else word for word in shlex.split(line, comments=True)]
        assert program == "collector"
        done = collector(site.centre.state.path, *arguments)
        assert done.exit_code == (3 if arguments[-1] in ("fleet", "--all", "--json") else 0), (line, done.stderr)
        if act == "list":
            names = [row.split("\t")[0] for row in done.stdout.splitlines()]
    assert collector(site.centre.state.path, "db", "check").exit_code == 0
