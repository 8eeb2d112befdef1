"""The fleet as a file: CSV that a spreadsheet opens with its Chinese whole, and JSON with plain figures."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sync.collector import languages, spreadsheet
from sync.collector.fleet import words
from sync.collector.fleet.overview import GateState
from sync.collector.languages import translate as _
from sync.wire import jsonform


class ToldCondition(msgspec.Struct, frozen=True):
    """A condition with its words. since: seconds since 1970, None where nobody knows."""

    kind: str
    severity: str
    subject: str
    since: float | None
    figures: dict[str, float]
    title: str
    advice: str


class ToldGate(msgspec.Struct, frozen=True):
    """A gate as a file tells of it. Times: seconds since 1970; what is of its last contact is None before the first."""

    gate: str
    name: str
    venue: int
    venue_name: str
    checkpoint: int
    checkpoint_name: str
    direction: str
    severity: str
    link: str
    last_contact: float | None
    backlog: int | None
    clock_error_seconds: float | None
    trust_issued_at: float | None
    software: str | None
    disk_used: float | None
    board_celsius: float | None
    set_aside: int
    conflicts: int
    quarantined: int
    conditions: list[ToldCondition]


class ToldFleet(msgspec.Struct, frozen=True):
    """as_of: seconds since 1970."""

    as_of: float
    gates: list[ToldGate]


def as_json(states: Iterable[GateState], now: float) -> bytes:
    """`ToldFleet`, sentences in the language that is spoken."""
    return jsonform.encode(ToldFleet(now, [told(gate) for gate in states])) + b"\n"


def as_csv(states: Iterable[GateState]) -> bytes:
    """Times in China time, heads in the language that is spoken."""
    return spreadsheet.as_csv(_heads(), map(_line, states))


def told(gate: GateState) -> ToldGate:
    """One gate."""
    report = gate.report
    return ToldGate(
        gate=gate.id,
        name=gate.name,
        venue=gate.venue,
        venue_name=gate.venue_name,
        checkpoint=gate.checkpoint,
        checkpoint_name=gate.checkpoint_name,
        direction=gate.direction,
        severity=gate.severity.value,
        link=gate.link.value,
        last_contact=gate.last_contact,
        backlog=gate.backlog,
        clock_error_seconds=gate.clock_error_seconds,
        trust_issued_at=gate.trust_issued_at,
        software=report.software if report else None,
        disk_used=report.disk_used if report else None,
        board_celsius=report.board_celsius if report else None,
        set_aside=gate.set_aside,
        conflicts=gate.conflicts,
        quarantined=gate.quarantined,
        conditions=[
            ToldCondition(
                each.kind.value,
                each.severity.value,
                each.subject,
                each.since,
                dict(each.figures),
                words.title(each),
                words.advice(each),
            )
            for each in gate.conditions
        ],
    )


def _heads() -> list[str]:
    return [
        _("编号"),
        _("闸机名称"),
        _("场所"),
        _("检测点"),
        _("方向"),
        _("状态"),
        _("问题"),
        _("怎么办"),
        _("最近联系"),
        _("待传记录"),
        _("时钟误差（秒）"),
        _("更新签发"),
        _("软件版本"),
        _("存储已用（百分比）"),
        _("主板温度（℃）"),
        _("搁置"),
        _("冲突"),
        _("隔离"),
    ]


def _line(gate: GateState) -> list[object]:
    report = gate.report
    disk = report.disk_used if report else None
    return [
        gate.id,
        gate.name,
        gate.venue_name,
        gate.checkpoint_name,
        words.direction(gate.direction),
        words.severity(gate.severity),
        languages.separator().join(map(words.title, gate.conditions)),
        languages.separator().join(map(words.advice, gate.conditions)),
        _moment(gate.last_contact),
        gate.backlog,
        None if gate.clock_error_seconds is None else round(gate.clock_error_seconds, 1),
        _moment(gate.trust_issued_at),
        report.software if report else None,
        None if disk is None else round(disk * 100),
        report.board_celsius if report else None,
        gate.set_aside,
        gate.conflicts,
        gate.quarantined,
    ]


def _moment(at: float | None) -> str | None:
    return None if at is None else languages.moment(at)
