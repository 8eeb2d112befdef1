"""The relay, read from gpiozero's own mock pins."""

from __future__ import annotations

import threading
import time

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from hardware.barrier import RelayBarrier
from hardware.errors import PinsError
from hardware.pins import REAL_FACTORIES, drop, make_factory, trace_to_file

RELAY = 17


class Edges:
    """Every change of a pin, and a wait for the next one."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str, bool]] = []
        self._changed = threading.Condition()

    def __call__(self, pin: str, level: bool) -> None:
        with self._changed:
            self.seen.append((time.monotonic(), pin, level))
            self._changed.notify_all()

    def wait_for(self, count: int, seconds: float = 5.0) -> list[bool]:
        """The levels, once there are `count` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, seconds), self.seen
        return [level for _, _, level in self.seen]


@pytest.fixture
def edges() -> Edges:
    return Edges()


def barrier(edges: Edges, **options) -> RelayBarrier:
    return RelayBarrier(make_factory("mock", edges), RELAY, **({"open_seconds": 0.05} | options))


def test_one_opening_is_one_pulse_of_the_configured_length(edges):
    """R23: the relay is held for open_seconds and falls by itself."""
    lock = barrier(edges)
    lock.open()
    assert lock.is_open
    assert edges.wait_for(2) == [True, False]
    assert edges.seen[1][0] - edges.seen[0][0] >= 0.04  # the timer starts just before the relay
    assert not lock.is_open


def test_an_opening_under_way_is_neither_extended_nor_doubled(edges):
    """One passage, one person."""
    lock = barrier(edges, open_seconds=0.2)
    lock.open()
    lock.open()
    edges.wait_for(2)
    assert edges.seen[1][0] - edges.seen[0][0] < 0.39
    assert [level for _, _, level in edges.seen] == [True, False]


def test_it_opens_again_after_it_closed(edges):
    """The next visitor."""
    lock = barrier(edges)
    lock.open()
    edges.wait_for(2)
    lock.open()
    assert edges.wait_for(4) == [True, False, True, False]


def test_closing_drops_the_relay_at_once(edges):
    """Fail-secure: a gate that stops leaves nothing open."""
    lock = barrier(edges, open_seconds=60)
    lock.open()
    lock.close()
    assert edges.wait_for(2) == [True, False]
    lock.close()


def test_an_active_low_relay_rests_high(edges):
    """Polarity is configuration; at rest the lock is closed either way."""
    lock = barrier(edges, active_high=False)
    assert edges.wait_for(1) == [True]
    assert not lock.is_open
    lock.open()
    assert edges.wait_for(3) == [True, False, True]


def test_a_pin_that_is_in_use_is_told(edges):
    """A sentence with the pin's number."""
    factory = make_factory("mock", edges)
    held = RelayBarrier(factory, RELAY, 1.0)
    with pytest.raises(PinsError, match="pin 17"):
        RelayBarrier(factory, RELAY, 1.0)
    held.close()


def test_real_pins_are_never_replaced_by_mock_ones():
    """DESIGN 9: a factory that cannot be had is an error that says what to do, not a fallback."""
    for name in REAL_FACTORIES:
        try:
            factory = make_factory(name)
        except PinsError:
            continue
        assert not isinstance(factory, MockFactory)
    with pytest.raises(PinsError, match="not one of"):
        make_factory("automatic")


def test_a_trace_keeps_each_change_in_one_line(tmp_path):
    """What the tests of the whole gate read, as an analyser on the pins would."""
    path = tmp_path / "pins.log"
    lock = RelayBarrier(make_factory("mock", trace_to_file(path)), RELAY, 60)
    lock.open()
    lock.close()
    lines = [line.split() for line in path.read_text().splitlines()]
    assert [(pin, level) for _, pin, level in lines] == [("GPIO17", "1"), ("GPIO17", "0")]
    assert int(lines[0][0]) <= int(lines[1][0]) <= time.monotonic_ns()


class StickyPin(MockPin):
    """A pin that does not obey the first times that it is told to fall."""

    stuck = 3

    def _set_state(self, value: float) -> None:
        if self._function == "output" and self._state and not value and StickyPin.stuck:
            StickyPin.stuck -= 1
            raise OSError("the chip does not answer")
        super()._set_state(value)


def test_a_relay_that_does_not_fall_is_told_again_until_it_does():
    """Held open for ever is the worst that can happen."""
    lock = RelayBarrier(MockFactory(pin_class=StickyPin), RELAY, 0.05)
    lock.open()
    deadline = time.monotonic() + 5
    while lock.is_open:
        assert time.monotonic() < deadline
    assert StickyPin.stuck == 0
    lock.close()


def test_outputs_that_a_dead_program_left_on_are_dropped() -> None:
    """Raspberry Pi OS keeps a pin as its dead program had it; what is dropped stays dropped (DESIGN 9)."""
    edges = Edges()
    factory = make_factory("mock", edges)
    left_on, active_low = factory.pin(RELAY), factory.pin(22)
    left_on.output_with_state(1)
    active_low.output_with_state(0)
    drop(factory, {RELAY: True, 22: False})
    assert [(pin, level) for _, pin, level in edges.seen][-2:] == [("GPIO17", False), ("GPIO22", True)]


def test_a_pin_that_somebody_has_does_not_keep_the_others_from_being_dropped() -> None:
    """The relay of a gate that runs is its own: said, and left alone."""
    edges = Edges()
    factory = make_factory("mock", edges)
    barrier = RelayBarrier(factory, RELAY, open_seconds=30)
    barrier.open()
    factory.pin(22).output_with_state(1)
    with pytest.raises(PinsError, match="pin 17 cannot be dropped"):
        drop(factory, {RELAY: True, 22: True})
    assert barrier.is_open
    assert not factory.pin(22).state
    barrier.close()
