"""The fleet in a terminal: problems first, each with what to do. Wide terminals get a table, narrow ones a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sync.collector import languages
from sync.collector.fleet import words
from sync.collector.fleet.conditions import Condition, Severity
from sync.collector.fleet.history import Sample, silences
from sync.collector.fleet.overview import GateState, by_severity
from sync.collector.languages import translate as _
from sync.collector.privacy.model import AuditLine

_WIDE = 110
_MARKS = {Severity.BROKEN: "✖", Severity.ATTENTION: "▲", Severity.NOTE: "●", Severity.FINE: "✔"}
_STYLES = {Severity.BROKEN: "bold red", Severity.ATTENTION: "yellow", Severity.NOTE: "cyan", Severity.FINE: "green"}
_ORDER = (Severity.BROKEN, Severity.ATTENTION, Severity.NOTE, Severity.FINE)
_LATEST = 10


def fleet(states: Sequence[GateState], now: float, *, with_fine: bool, width: int) -> RenderableType:
    """The gates with something to say, the worst first; with_fine: the others too, below them."""
    shown = [gate for gate in by_severity(states) if with_fine or gate.conditions]
    body: RenderableType = _table(shown, now) if width >= _WIDE else Group(*map(_entry, shown))
    return Group(body, summary(states)) if shown else summary(states)


def summary(states: Sequence[GateState]) -> Text:
    """How many gates are how, in one line."""
    counts = [(severity, sum(gate.severity is severity for gate in states)) for severity in _ORDER]
    parts = [
        Text.assemble((f"{_MARKS[severity]} {words.severity(severity)} {count}", _STYLES[severity]))
        for severity, count in counts
        if count
    ]
    return Text("   ").join(parts) if parts else Text(_("还没有闸机。"))


def lines(states: Sequence[GateState], *, with_fine: bool) -> Iterator[str]:
    """For scripts and pipes: severity, gate, name, what, what to do, separated by tabs; one line for each condition."""
    for gate in by_severity(states):
        for each in gate.conditions:
            yield "\t".join((each.severity.value, gate.id, gate.name, words.title(each), words.advice(each)))
        if with_fine and not gate.conditions:
            yield "\t".join((Severity.FINE.value, gate.id, gate.name, "", ""))


def gate(state: GateState, samples: Sequence[Sample], done: Sequence[AuditLine], now: float) -> RenderableType:
    """Everything of one gate."""
    place = f"{state.venue_name} · {state.checkpoint_name} · {words.direction(state.direction)}"
    figures = Table.grid(padding=(0, 2))
    for name, value in _figures(state, now):
        figures.add_row(Text(name, "dim"), value)
    parts: list[RenderableType] = [Text.assemble((state.name, "bold"), f"  {state.id}  {place}"), figures]
    parts += [Padding(_condition(each), (0, 0, 0, 2)) for each in state.conditions]
    parts += list(_section(_("一周内的失联"), [_silence(each) for each in silences(samples)][-_LATEST:]))
    parts += list(_section(_("操作记录"), [_act(line) for line in done[:_LATEST]]))
    return Group(*parts)


def _table(states: Iterable[GateState], now: float) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in (_("状态"), _("闸机"), _("位置"), _("问题"), _("怎么办"), _("最近联系")):
        table.add_column(head, overflow="fold")
    for each in states:
        contact = languages.duration(now - each.last_contact) if each.last_contact is not None else "—"
        titles = Text("\n").join(Text(words.title(one), _STYLES[one.severity]) for one in each.conditions)
        advice = words.advice(each.conditions[0]) if each.conditions else ""
        name, place = f"{each.name}\n{each.id}", f"{each.venue_name}\n{each.checkpoint_name}"
        table.add_row(mark(each.severity), name, place, titles, advice, contact)
    return table


def mark(severity: Severity) -> Text:
    """Sign and word."""
    return Text(f"{_MARKS[severity]} {words.severity(severity)}", _STYLES[severity])


def _entry(state: GateState) -> RenderableType:
    head = Text.assemble(mark(state.severity), "  ", (state.name, "bold"), f"  {state.id}  {state.venue_name}")
    return Group(head, *(Padding(_condition(each), (0, 0, 0, 2)) for each in state.conditions))


def _condition(each: Condition) -> Text:
    return Text.assemble((words.title(each), _STYLES[each.severity]), languages.separator(), words.advice(each))


def _figures(state: GateState, now: float) -> Iterator[tuple[str, str]]:
    report = state.report
    yield _("状态"), words.severity(state.severity)
    if state.last_contact is None or report is None:
        yield _("最近联系"), words.link(state.link)
        return
    ago = _("%(time)s前", time=languages.duration(now - state.last_contact))
    yield _("最近联系"), f"{languages.moment(state.last_contact)}  {ago}"
    yield _("待传记录"), str(state.backlog)
    yield _("时钟误差"), words.clock(state.clock_error_seconds or 0.0)
    if state.trust_issued_at is not None:
        yield _("更新签发"), languages.moment(state.trust_issued_at)
    yield _("软件版本"), report.software
    if report.disk_used is not None:
        yield _("存储已用"), f"{report.disk_used:.0%}"
    if report.board_celsius is not None:
        yield _("主板温度"), f"{report.board_celsius:.0f} ℃"
    if (last := state.last_fault) is not None:
        ended = _("仍在") if last.ended_at is None else languages.moment(last.ended_at)
        named = languages.separator().join(map(words.fault, last.codes))
        yield _("最近故障"), f"{named}  {languages.moment(last.began_at)} – {ended}"


def _section(head: str, told: Sequence[str]) -> Iterator[RenderableType]:
    if told:
        yield Text(head, "bold")
        yield from (Padding(Text(line), (0, 0, 0, 2)) for line in told)


def _silence(span: tuple[float, float]) -> str:
    began, ended = span
    return f"{languages.moment(began)} – {languages.moment(ended)}  {languages.duration(ended - began)}"


def _act(line: AuditLine) -> str:
    return f"{languages.moment(line.at)}  {words.act(line.act)}  {line.actor}  {line.reason}"


def console() -> Console:
    """Standard output, where figures are not coloured by themselves."""
    return Console(highlight=False, soft_wrap=False)
