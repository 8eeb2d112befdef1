"""The words of the statistics, message ids in Chinese."""

from __future__ import annotations

from sync.collector.fleet import words as fleet
from sync.collector.languages import translate as _
from sync.collector.statistics.figures import GATE


def columns() -> dict[str, str]:
    """The figures in the order in which they are shown, and what each is called."""
    return {
        "entered": _("进"),
        "left": _("出"),
        "measured": _("已测温"),
        "not_measured": _("未测温"),
        "fevers": _("发热"),
        "refused": _("禁止通行"),
        "referred": _("转人工"),
        "unused": _("开闸未通过"),
        "invalid": _("无效码"),
    }


def checkpoint(known: dict[int, str], number: int) -> str:
    """Its name; its number where the venue has none of that number."""
    return known.get(number) or _("编号 %(number)s", number=number)


def inspector(known: dict[int, str], number: int) -> str:
    """Their name, for whoever is told; the gates' own work under a word of its own."""
    if number == GATE:
        return _("闸机自动")
    return known.get(number) or _("检测员 %(number)s", number=number)


def direction(value: str) -> str:
    """Entry or exit."""
    return fleet.direction(value)
