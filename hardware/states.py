"""PURE: everything that the gate shows about itself and about a visitor – one table: rhythm, colour, sound, word (R5).

A visitor's result is on the three result lamps; a condition is the inspector's, on the service lamp. By its rhythm
alone, by its sound alone and by its word alone each can be told from every other; colour only helps.
docs/OPERATIONS.md prints the same table, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hardware.ports import Condition, Signal
from hardware.rhythm import STEADY, Rhythm, flashes

RESULT_LAMPS = ("pass", "deny", "refer")
SERVICE_LAMP, BUZZER = "link", "buzzer"
COLOURS: Mapping[str, str] = {"pass": "green", "deny": "red", "refer": "yellow", SERVICE_LAMP: "blue"}


@dataclass(frozen=True, slots=True)
class Word:
    """What is written for it, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is told. lamps: which of them, in one rhythm; () is dark. sound: played when it begins, or None."""

    word: Word
    lamps: tuple[str, ...]
    rhythm: Rhythm | None
    sound: Rhythm | None


def _tones(*steps: float) -> Rhythm:
    return Rhythm(steps, repeats=False)


def _counted(word: Word, count: int) -> Look:
    """A condition that is counted: so many flashes; one long tone, then as many ticks."""
    return Look(word, (SERVICE_LAMP,), flashes(count), _tones(0.6, 0.4, *(0.05, 0.2) * count))


RESULTS: Mapping[Signal, Look] = {
    Signal.READY: Look(Word("请出示通行码", "Show your pass"), (), None, None),
    Signal.READING: Look(Word("正在读码", "Reading"), ("refer",), Rhythm((0.05, 0.15)), _tones(0.03)),
    Signal.PASS: Look(Word("请通行", "Please pass"), ("pass",), STEADY, _tones(0.4)),
    Signal.DENY: Look(
        Word("不能通行", "No entry"), ("deny",), Rhythm((0.12, 0.12)), _tones(0.12, 0.1, 0.12, 0.1, 0.12, 0.1, 0.12)
    ),
    Signal.REFER: Look(Word("请找检测员", "See the inspector"), ("refer",), Rhythm((0.6, 0.4)), _tones(0.4, 0.3, 0.4)),
    Signal.ALREADY_USED: Look(
        Word("此码已使用", "Already used"), ("deny", "refer"), Rhythm((0.12, 0.2, 0.12, 0.8)), _tones(0.12, 0.15, 0.5)
    ),
    Signal.ONE_AT_A_TIME: Look(
        Word("请一人一码", "One code at a time"), ("deny", "refer"), Rhythm((0.5, 1.1)), _tones(0.12, 0.6, 0.12)
    ),
    Signal.OUT_OF_ORDER: Look(
        Word("暂停使用", "Out of order"), ("deny", "refer"), Rhythm((2.0, 0.25)), _tones(1.2, 0.4, 1.2)
    ),
    Signal.NOT_ENROLLED: Look(
        Word("请出示开通码", "Show the enrolment code"), ("refer",), Rhythm((1.5, 1.5)), _tones(1.2)
    ),
    Signal.CODE_TAKEN: Look(
        Word("已读到设置码", "Setting up"), ("refer",), Rhythm((0.12, 0.4)), _tones(0.05, 0.1, 0.05)
    ),
    Signal.CONFIRM_WORDS: Look(
        Word("请核对钥匙词", "Compare the key words"), ("refer",), Rhythm((0.5, 0.2, 0.5, 0.8)), _tones(0.4, 0.15, 0.4)
    ),
    Signal.SETUP_DONE: Look(
        Word("设置完成", "Set up"), ("pass",), Rhythm((0.12, 0.2, 0.5, 0.6)), _tones(0.12, 0.1, 0.5, 0.1, 0.12)
    ),
    Signal.SETUP_FAILED: Look(
        Word("设置未成功", "Setting up failed"), ("deny",), Rhythm((0.5, 0.2, 0.12, 0.6)), _tones(0.5, 0.15, 0.12)
    ),
    Signal.REVOKED: Look(
        Word("本机已停用", "Not in service"), ("deny",), Rhythm((1.2, 0.2, 0.12, 0.2)), _tones(1.2, 0.15, 0.12)
    ),
}
"""Dark and silent is ready, and only ready."""

STANDING = (
    *(Signal.READY, Signal.OUT_OF_ORDER, Signal.NOT_ENROLLED),
    *(Signal.CODE_TAKEN, Signal.CONFIRM_WORDS, Signal.REVOKED),
)
"""They stand until something happens: shown again, they go on and do not begin anew."""

CONDITIONS: Mapping[Condition, Look] = {
    Condition.WELL: Look(Word("正常", "All is well"), (SERVICE_LAMP,), STEADY, None),
    Condition.OFFLINE: _counted(Word("离线，正常工作", "Offline but working"), 1),
    Condition.DATA_STALE: _counted(Word("核验数据过旧", "Checking data is old"), 2),
    Condition.CLOCK_DOUBTFUL: _counted(Word("时钟不可信", "Clock is doubtful"), 3),
    Condition.DISK_NEARLY_FULL: _counted(Word("存储卡将满", "Storage card nearly full"), 4),
    Condition.THERMOMETER_LOST: _counted(Word("测温仪无应答", "Thermometer lost"), 5),
    Condition.CAMERA_LOST: _counted(Word("摄像头无画面", "Camera lost"), 6),
    Condition.FORCED: Look(
        Word("闸门被强行通过或顶住", "Barrier forced or held open"),
        (SERVICE_LAMP,),
        Rhythm((0.12, 0.2, 0.5, 0.2)),
        Rhythm((0.12, 0.12, 0.5, 0.3)),
    ),
    Condition.COPYING: Look(
        Word("正在拷贝到U盘，请勿拔出", "Copying to the stick: do not pull it"),
        (SERVICE_LAMP,),
        Rhythm((0.05, 0.1, 0.05, 0.1, 0.05, 0.6)),
        _tones(0.05, 0.1, 0.05, 0.1, 0.05),
    ),
    Condition.COPIED: Look(
        Word("U盘可以拔出", "The stick may be pulled"),
        (SERVICE_LAMP,),
        Rhythm((1.2, 0.4)),
        _tones(0.12, 0.1, 0.12, 0.1, 0.5),
    ),
    Condition.COPY_FAILED: Look(
        Word("U盘拷贝未完成，可以拔出", "Copying failed: the stick may be pulled"),
        (SERVICE_LAMP,),
        Rhythm((1.2, 0.2, 0.05, 0.2, 0.05, 0.6)),
        _tones(0.5, 0.1, 1.2),
    ),
    Condition.SETUP_OPEN: Look(
        Word("十分钟内可出示设置码", "Setting-up codes are read, for ten minutes"),
        (SERVICE_LAMP,),
        Rhythm((0.6, 0.2)),
        _tones(0.4, 0.4, 0.4, 0.4, 0.4),
    ),
    Condition.REVOKED: Look(
        Word("本机已被中心吊销", "Revoked by the centre"),
        (SERVICE_LAMP,),
        Rhythm((1.2, 0.2, 0.05, 0.2)),
        _tones(1.2, 0.15, 0.05),
    ),
}
"""WELL is steady and silent: the lamp that says that there is power and a program."""

SEVERITY = (
    Condition.FORCED,
    Condition.COPYING,
    Condition.COPIED,
    Condition.COPY_FAILED,
    Condition.SETUP_OPEN,
    Condition.REVOKED,
    Condition.CAMERA_LOST,
    Condition.DISK_NEARLY_FULL,
    Condition.THERMOMETER_LOST,
    Condition.CLOCK_DOUBTFUL,
    Condition.DATA_STALE,
    Condition.OFFLINE,
    Condition.WELL,
)
"""Of several conditions the first of this order is shown; the page lists them all."""


def worst(conditions: set[Condition]) -> Condition:
    """The one to show, WELL for none."""
    return next(condition for condition in SEVERITY if condition in conditions or condition is Condition.WELL)
