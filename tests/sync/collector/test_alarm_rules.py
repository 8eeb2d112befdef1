"""The rules of alarms: told once, cleared once, and never for a flutter (R25)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.collector.alarms.limits import Limits
from sync.collector.alarms.rules import DAY_SECONDS, SILENT, Alarm, Lasting, Step, Trouble, Watch, step

LIMITS = Limits()
SILENT_SECONDS = 900.0
LASTING = Lasting(LIMITS, SILENT_SECONDS)
MINUTE, HOUR = 60.0, 3600.0
BEGIN = 2e6


@dataclass
class Centre:
    """Looks once a minute, from BEGIN on; keeps what a database would. told: (time, begun, over) of each message."""

    now: float = BEGIN
    watch: Watch | None = None
    alarms: tuple[Alarm, ...] = ()
    told: list[tuple[float, list[tuple[int, str]], list[tuple[int, str]]]] = field(default_factory=list)

    def look(self, troubles: Iterable[Trouble] = (), after: float = MINUTE) -> Step:
        self.now += after
        done = step(self.watch, self.alarms, list(troubles), self.now, LASTING)
        self.watch = done.watch
        recent = [alarm for alarm in done.alarms if self.now - (alarm.cleared_at or self.now) < DAY_SECONDS]
        self.alarms = tuple(replace(alarm, number=number) for number, alarm in enumerate(recent, 1))
        if done.begun or done.over:
            self.told.append((self.now, [alarm.key for alarm in done.begun], [alarm.key for alarm in done.over]))
        return done

    def run(self, seconds: float, troubles: Callable[[float], Iterable[Trouble]] = lambda _now: ()) -> None:
        end = self.now + seconds
        while self.now < end:
            self.look(troubles(self.now + MINUTE))


def silent(*gates: int, since: float) -> Callable[[float], list[Trouble]]:
    """As the fleet tells it: a silence of more than a minute, and whether it is one of 15."""
    return lambda now: [
        Trouble(gate, SILENT, since, now - since >= SILENT_SECONDS) for gate in gates if now - since > MINUTE
    ]


def sick(*gates: int, kind: str = "fault.camera") -> Callable[[float], list[Trouble]]:
    return lambda _now: [Trouble(gate, kind) for gate in gates]


def test_a_silent_gate_is_told_once_and_its_return_once() -> None:
    """15 minutes of silence, two to gather; ten minutes of calm, two to gather."""
    centre = Centre()
    centre.run(HOUR)
    centre.run(3 * HOUR, silent(1, since=BEGIN + HOUR))
    assert centre.told == [(BEGIN + HOUR + SILENT_SECONDS + LIMITS.gather_seconds, [(1, SILENT)], [])]
    centre.run(2 * HOUR)
    assert centre.told[1:] == [(BEGIN + 4 * HOUR + MINUTE + 600 + 120, [], [(1, SILENT)])]


def test_a_sick_gate_is_told_when_it_has_lasted() -> None:
    centre = Centre()
    centre.run(HOUR, sick(1))
    assert centre.told == [(BEGIN + MINUTE + 300 + LIMITS.gather_seconds, [(1, "fault.camera")], [])]


def test_a_short_trouble_is_told_to_nobody() -> None:
    centre = Centre()
    for _ in range(50):
        centre.run(5 * MINUTE, sick(1))
        centre.run(5 * MINUTE)
    assert centre.told == []
    assert centre.alarms == ()


def test_twenty_gates_that_fall_silent_are_one_message() -> None:
    """The town's line was cut: each gate's last word was at another second of the same minute."""
    centre = Centre()
    centre.run(HOUR)
    since = {gate: centre.now - 3.0 * gate for gate in range(20)}
    centre.run(HOUR, lambda now: [Trouble(g, SILENT, at) for g, at in since.items() if now - at >= SILENT_SECONDS])
    assert [len(begun) for _, begun, _ in centre.told] == [20]
    centre.run(HOUR)
    assert [len(over) for _, _, over in centre.told] == [0, 20]


def test_after_a_pause_of_the_centre_silence_counts_from_its_return() -> None:
    """A centre that was off for a night does not wake the town for all its gates."""
    centre = Centre()
    centre.run(HOUR)
    off = centre.now
    centre.look(silent(*range(20), since=off)(off + 8 * HOUR), after=8 * HOUR)
    centre.run(14 * MINUTE, silent(*range(20), since=off))
    assert centre.told == []
    centre.run(5 * MINUTE, silent(*range(20), since=off))
    assert len(centre.told) == 1  # they are silent indeed


def test_an_alarm_that_was_told_stays_one_over_a_pause() -> None:
    """And its calm begins anew: while nobody listened, nobody knows."""
    centre = Centre()
    centre.run(HOUR, sick(1))
    centre.run(5 * MINUTE)
    centre.look(after=8 * HOUR)
    assert len(centre.told) == 1
    centre.run(HOUR)
    assert [bool(over) for _, _, over in centre.told] == [False, True]


def test_a_flapping_gate_is_few_messages() -> None:
    """Silent for twenty minutes, back for one, all day long: one alarm."""
    centre = Centre()
    centre.run(HOUR)
    for _ in range(60):
        centre.run(20 * MINUTE, silent(1, since=centre.now))
        centre.run(MINUTE)
    assert len(centre.told) == 1


def test_a_gate_that_flaps_slowly_is_told_ever_more_seldom() -> None:
    """Half an hour silent, half an hour back: calm has to last longer each time."""
    centre = Centre()
    centre.run(HOUR)
    for _ in range(24):
        centre.run(30 * MINUTE, silent(1, since=centre.now))
        centre.run(30 * MINUTE)
    assert len(centre.told) <= 5


MOST_A_DAY = 18
"""Messages about one trouble of one gate: calm of 10, 20, 40 … 360 minutes, eight times, and the alarms between."""


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=30, max_size=50))
def test_no_pattern_of_flapping_tells_much(pattern: list[tuple[int, int]]) -> None:
    """Whatever the rhythm."""
    centre = Centre()
    for bad, good in pattern:
        centre.run(bad * MINUTE, sick(1))
        centre.run(good * MINUTE)
    times = [at for at, _, _ in centre.told]
    assert all(sum(began <= at < began + DAY_SECONDS for at in times) <= MOST_A_DAY for began in times)


GATES = st.sets(st.sampled_from([(1, SILENT), (1, "fault.camera"), (2, SILENT), (3, "disk_full")]))
DELAYS = st.sampled_from([1.0, 30.0, 60.0, 60.0, 60.0, 179.0, 181.0, 900.0, 7200.0, 90_000.0, -30.0, -400.0, -1e6])


@settings(deadline=None)
@given(st.lists(st.tuples(GATES, DELAYS, st.booleans(), st.booleans(), st.integers(1, 15)), max_size=40))
def test_each_alarm_is_told_once_and_cleared_once(
    looks: list[tuple[set[tuple[int, str]], float, bool, bool, int]],
) -> None:
    """Whatever comes, in whatever order of time: begin and end of a trouble take turns, messages keep their pause."""
    centre = Centre()
    is_told: dict[tuple[int, str], bool] = defaultdict(bool)
    steady = [look[:4] for look in looks for _ in range(look[4])]
    for seen, delay, with_since, begins in steady:
        before = centre.watch
        since = centre.now - 2000.0 if with_since else None
        done = centre.look([Trouble(*key, since, begins) for key in sorted(seen)], delay)
        for alarm in done.begun:
            assert not is_told[alarm.key]
            is_told[alarm.key] = True
        for alarm in done.over:
            assert is_told[alarm.key]
            is_told[alarm.key] = False
            assert alarm.key not in seen
        if (done.begun or done.over) and before is not None and delay > 0:
            assert done.watch.told_at - min(before.told_at, centre.now) >= LIMITS.pause_seconds
        open_keys = Counter(alarm.key for alarm in done.alarms if alarm.cleared_at is None)
        assert all(count == 1 for count in open_keys.values())
        assert {key for key, told in is_told.items() if told} <= open_keys.keys()


@settings(deadline=None)
@given(GATES, st.lists(st.tuples(GATES, DELAYS), max_size=40))
def test_what_lasts_is_told_and_what_is_over_is_cleared(
    lasting: set[tuple[int, str]], before: list[tuple[set[tuple[int, str]], float]]
) -> None:
    """After any history: two hours of the same troubles, and everybody knows exactly them; quiet, and all is clear."""
    centre = Centre()
    for seen, delay in before:
        centre.look([Trouble(*key) for key in seen], delay)
    centre.run(8 * HOUR, lambda _now: [Trouble(*key) for key in lasting])
    known = {alarm.key for alarm in centre.alarms if alarm.told_at is not None and alarm.cleared_at is None}
    assert known == lasting
    centre.run(8 * HOUR)
    assert [alarm for alarm in centre.alarms if alarm.cleared_at is None] == []


@pytest.mark.parametrize("calm", [0, 600])
def test_limits_of_nothing_tell_at_once(calm: int) -> None:
    """For a demo: no waiting anywhere."""
    lasting = Lasting(Limits(0, calm, 0, 0, 0), 0.0)
    begun = step(Watch(0.0, 0.0), (), [Trouble(1, SILENT, 50.0)], 60.0, lasting)
    assert [alarm.key for alarm in begun.begun] == [(1, SILENT)]
    over = step(begun.watch, begun.alarms, (), 60.0 + calm, lasting)
    if calm:
        over = step(over.watch, over.alarms, (), 120.0 + 2 * calm, lasting)
    assert len(over.over) <= 1
