"""The words of the live page, message ids in Chinese."""

from __future__ import annotations

from sync.collector import languages
from sync.collector.fleet import words as fleet
from sync.collector.fleet.overview import GateState
from sync.collector.intake.arrivals import Arrival
from sync.collector.intake.rows import WORD
from sync.collector.languages import translate as _


def result(record: Arrival) -> str:
    """What the gate answered, or what else the record tells."""
    if is_taking_back(record):
        return _("撤销登记")
    match record.type, record.outcome:
        case "scan", "pass":
            return _("通行")
        case "scan", "refer":
            return _("转人工")
        case "scan", "deny":
            return _("禁止通行")
        case "registered", "pass":
            return _("人工登记")
        case "registered", _outcome:
            return _("人工拒绝")
        case "folded", _outcome:
            return _("无效码")
        case "passage", _outcome:
            return _("闸门通过情况")
        case "adopted", _outcome:
            return _("策略生效")
        case _type, _outcome:
            return _("闸机启动")


def why(record: Arrival) -> str:
    """The reasons in words, the deciding one first."""
    sentence = languages.separator().join(languages.reason(code) for code in record.reasons)
    return f"{sentence} × {abs(record.count)}" if abs(record.count) > 1 else sentence


def look(record: Arrival) -> str:
    """Which mark and colour its result has."""
    if record.type not in ("scan", "registered"):
        return record.type
    return "folded" if is_taking_back(record) else record.outcome or record.type


def is_taking_back(record: Arrival) -> bool:
    """Whether it says that a registration does not hold."""
    return record.type == "registered" and record.count < 0


def kind(record: Arrival) -> str:
    """The kind of pass; one that this centre does not know is shown as it is."""
    if record.type == "registered":
        return ""
    known = {"scan_result": _("扫码结果"), "saved": _("离线码"), "paper": _("纸质码"), None: ""}
    return known.get(record.kind, record.kind or "")


def temperature(record: Arrival) -> str:
    """In degrees, or that it was not measured; nothing where no person was measured."""
    if record.temperature is not None:
        return f"{record.temperature:.1f} ℃"
    if record.type == "registered" and record.kind == WORD:
        return _("正常（检测员确认）")
    return _("未测") if record.type in ("scan", "registered") else ""


def direction(value: str) -> str:
    """Entry or exit."""
    return fleet.direction(value)


def place(name: str | None, number: int) -> str:
    """A venue's or checkpoint's name; its number where the centre has none of that number."""
    return name or _("编号 %(number)s", number=number)


def link(gate: GateState) -> str:
    """Whether the centre hears of the gate."""
    return fleet.link(gate.link)


def clock_error(gate: GateState) -> str:
    """How far the gate's clock is off."""
    return "" if gate.clock_error_seconds is None else fleet.clock(gate.clock_error_seconds)


def notes(gate: GateState) -> list[str]:
    """What IT should look at, and what to do."""
    pairs = ((fleet.title(condition), fleet.advice(condition)) for condition in gate.conditions)
    return [f"{title}{languages.separator()}{advice}" for title, advice in pairs]
