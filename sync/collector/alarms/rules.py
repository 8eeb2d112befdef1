"""PURE: when a trouble of a gate is told, and when its end is – once each, and not for every flutter.

A trouble becomes an alarm when it has lasted; the alarm stays one until the trouble was gone for a while, and for
longer each time that it came back within a day. What is to be told is gathered for a moment, so that a cut line of the
town is one message, and there is a pause between two. After this centre was away, silence counts from its return.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sync.collector.alarms.limits import Limits

AWAY_SECONDS = 180.0
"""Nobody looked for longer: what was not heard in that time says nothing about gates."""
DAY_SECONDS = 86_400.0
SILENT = "silent"

Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is the matter with a gate at this moment. since: seconds since 1970, None where nobody knows.

    begins: False for what is too little to begin an alarm – a silence of a minute – and enough to keep one.
    """

    gate: int
    kind: str
    since: float | None = None
    begins: bool = True

    @property
    def key(self) -> Key:
        """The gate and what it has."""
        return (self.gate, self.kind)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A trouble over time; the fields are `model.AlarmRow`'s. number: 0 while it is not stored."""

    gate: int
    kind: str
    began_at: float
    told_at: float | None = None
    gone_at: float | None = None
    ended_at: float | None = None
    cleared_at: float | None = None
    number: int = 0

    @property
    def key(self) -> Key:
        """As of a `Trouble`."""
        return (self.gate, self.kind)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered beside the alarms; the fields are `model.WatchRow`'s."""

    looked_at: float
    listening_since: float
    told_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """alarms: all that are not forgotten, as they are now. begun, over: to be told now, in one message; maybe none."""

    watch: Watch
    alarms: tuple[Alarm, ...]
    begun: tuple[Alarm, ...] = ()
    over: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long a trouble must have lasted: the centre's settings."""

    limits: Limits
    silent_seconds: float

    def until(self, alarm: Alarm, watch: Watch) -> float:
        """When it has. A silence is seen only when it has: then this centre must have listened for as long too."""
        lasting = self.silent_seconds if alarm.kind == SILENT else self.limits.sick_after_seconds
        return max(alarm.began_at, watch.listening_since) + lasting


def step(
    watch: Watch | None, alarms: Iterable[Alarm], troubles: Sequence[Trouble], now: float, lasting: Lasting
) -> Step:
    """One look. alarms: those not cleared, and those that were within the last day. now: seconds since 1970."""
    limits = lasting.limits
    was_away = watch is None or not -AWAY_SECONDS < now - watch.looked_at <= AWAY_SECONDS
    listening_since = now if watch is None or was_away else watch.listening_since
    told_at = 0.0 if watch is None else min(watch.told_at, now)
    present: list[Alarm] = []
    past: list[Alarm] = []
    for alarm in alarms:
        (past if alarm.cleared_at is not None else present).append(alarm)
    moved = _moved(present, past, {trouble.key: trouble for trouble in troubles}, now, limits, was_away=was_away)
    after = Watch(now, listening_since, told_at)
    begun = [alarm for alarm in moved if alarm.told_at is None and lasting.until(alarm, after) <= now]
    over = [alarm for alarm in moved if alarm.ended_at is not None]
    ready = [lasting.until(alarm, after) for alarm in begun] + [alarm.ended_at or now for alarm in over]
    if not ready or now - min(ready) < limits.gather_seconds or now - told_at < limits.pause_seconds:
        return Step(after, (*past, *moved))
    begun = [replace(alarm, told_at=now) for alarm in begun]
    over = [replace(alarm, cleared_at=now) for alarm in over]
    rest = [alarm for alarm in moved if alarm.ended_at is None and alarm.key not in {each.key for each in begun}]
    return Step(replace(after, told_at=now), (*past, *rest, *begun, *over), tuple(begun), tuple(over))


def _moved(
    present: list[Alarm], past: list[Alarm], seen: dict[Key, Trouble], now: float, limits: Limits, *, was_away: bool
) -> list[Alarm]:
    """Alarms that go on, come back, go away, or begin. One that nobody was told of goes without a trace."""
    moved = []
    for alarm in present:
        trouble = seen.get(alarm.key)
        if trouble is not None and (trouble.begins or alarm.told_at is not None):
            moved.append(replace(alarm, began_at=min(alarm.began_at, now), gone_at=None, ended_at=None))
        elif alarm.told_at is not None:
            gone_at = now if alarm.gone_at is None or was_away else min(alarm.gone_at, now)
            is_over = now - gone_at >= _calm_seconds(alarm.key, past, now, limits)
            ended_at = now if alarm.ended_at is None and is_over else alarm.ended_at and min(alarm.ended_at, now)
            moved.append(replace(alarm, gone_at=gone_at, ended_at=ended_at))
    known = {alarm.key for alarm in present}
    new = [trouble for key, trouble in seen.items() if key not in known and trouble.begins]
    return moved + [Alarm(*trouble.key, now if trouble.since is None else min(trouble.since, now)) for trouble in new]


def _calm_seconds(key: Key, past: list[Alarm], now: float, limits: Limits) -> float:
    """Twice as long after each alarm of the same trouble within a day."""
    before = sum(alarm.key == key and now - (alarm.cleared_at or now) < DAY_SECONDS for alarm in past)
    return float(min(max(limits.calm_most_seconds, limits.calm_seconds), limits.calm_seconds * 2 ** min(before, 30)))
