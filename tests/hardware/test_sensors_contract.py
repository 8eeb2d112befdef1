"""One suite for each sensor's port, over the real adapter (on mock pins, on a bus) and over the simulated one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from hardware.contacts import Contact, ContactPassageSensor, ContactSwitch, PinContact
from hardware.errors import PinsError, ThermometerError
from hardware.mlx90614 import Mlx90614, Optics
from hardware.pins import make_factory
from hardware.simulated import Doorway, Pace, SimulatedThermometer
from hardware.simulated_sensors import SimulatedBus, SimulatedContact, SimulatedPerson
from hardware.thermometer import NoThermometer, Plausibility, SampledThermometer
from hardware.turnstile import Patience, Turn

PIN = 5
PATIENCE = Patience(pass_seconds=1.5, held_seconds=1.5)


def until(get, holds, seconds: float = 5.0):
    """Ask until it holds, and return what held."""
    deadline = time.monotonic() + seconds
    while not holds(got := get()):
        assert time.monotonic() < deadline, got
    return got


class DeafPin(MockPin):
    """A pin whose chip reports no edge, as on an emulated Raspberry Pi 3."""

    def _call_when_changed(self) -> None:
        pass


class Rig:
    """A contact that the test moves, behind whichever adapter."""

    def __init__(self, contact: Contact, move: Callable[[bool], None], lose: Callable[[], None]) -> None:
        self.contact, self.move, self.lose = contact, move, lose


def _on_pin(factory: MockFactory, closed_is_active: bool) -> Rig:
    contact = PinContact(factory, "contact", PIN, closed_is_active)
    pin = factory.pin(PIN)

    def move(active: bool) -> None:
        (pin.drive_low if active is closed_is_active else pin.drive_high)()

    move(False)
    return Rig(contact, move, contact.close)


def _simulated() -> Rig:
    contact = SimulatedContact()
    return Rig(contact, lambda active: setattr(contact, "active", active), lambda: setattr(contact, "lost", True))


RIGS: dict[str, Callable[[], Rig]] = {
    "pin": lambda: _on_pin(make_factory("mock"), True),
    "pin, opening is active": lambda: _on_pin(make_factory("mock"), False),
    "pin without edges": lambda: _on_pin(MockFactory(pin_class=DeafPin), True),
    "simulated": _simulated,
}


@pytest.fixture(params=RIGS)
def rig(request) -> Rig:
    return RIGS[request.param]()


@pytest.fixture
def sensor(rig):
    rig.relay = False
    made = ContactPassageSensor(rig.contact, lambda: rig.relay, PATIENCE)
    until(lambda: made.busy, lambda busy: not busy)
    yield made
    made.close()


def turns(sensor, count: int) -> list[Turn]:
    """The next `count` things that it tells."""
    told: list[Turn] = []

    def more() -> list[Turn]:
        told.extend(turned.what for turned in sensor.turned())
        return told

    return until(more, lambda told: len(told) >= count)


def test_a_passage_after_an_opening_is_told_once(rig, sensor):
    """Passed, and nothing more."""
    rig.relay = True
    until(lambda: sensor.busy, bool)
    rig.move(True)
    time.sleep(0.5)  # the person's own time in the passage
    rig.relay = False
    rig.move(False)
    time.sleep(0.4)  # the verdict falls before anybody asks: until then it is busy
    assert sensor.busy
    assert turns(sensor, 1) == [Turn.PASSED]
    assert not sensor.busy
    assert sensor.turned() == ()


def test_nobody_after_an_opening_and_somebody_without_one_are_told(rig, sensor):
    """Not passed in time; forced, and held for too long, and free again."""
    rig.relay = True
    until(lambda: sensor.busy, bool)
    rig.relay = False
    assert turns(sensor, 1) == [Turn.NOT_PASSED]
    rig.move(True)
    assert turns(sensor, 2) == [Turn.FORCED, Turn.HELD_OPEN]
    rig.move(False)
    assert turns(sensor, 1) == [Turn.RELEASED]


def test_somebody_in_the_passage_at_the_start_forced_nothing(rig):
    """A gate that was killed while somebody passed; only if they stay is it an alarm."""
    rig.move(True)
    sensor = ContactPassageSensor(rig.contact, lambda: False, PATIENCE)
    assert turns(sensor, 1) == [Turn.HELD_OPEN]
    rig.move(False)
    assert turns(sensor, 1) == [Turn.RELEASED]
    sensor.close()


def test_a_bounce_is_no_passage(rig, sensor):
    """A contact that trembles for less than the debounce time moved nothing."""
    rig.move(True)
    rig.move(False)
    time.sleep(0.1)
    assert sensor.turned() == ()


def test_a_contact_that_is_lost_is_an_error_and_then_works_again(sensor, rig):
    """A state to show; the looking goes on."""
    rig.lose()
    until(lambda: _answers(sensor), lambda answers: not answers)
    if isinstance(rig.contact, SimulatedContact):
        rig.contact.lost = False
        until(lambda: _answers(sensor), bool)


def _answers(sensor) -> bool:
    try:
        sensor.turned()
    except PinsError:
        return False
    return True


def test_a_switch_follows_its_contact_and_counts_presses(rig):
    """The fire loop asks for the level, the button for the presses."""
    switch = ContactSwitch(rig.contact)
    assert not switch.active
    rig.move(True)
    until(lambda: switch.active, bool)
    rig.move(False)
    until(lambda: switch.active, lambda active: not active)
    assert (switch.presses(), switch.presses()) == (1, 0)
    switch.close()


def test_a_switch_that_is_active_from_the_start_is_so_at_once(rig):
    """An intact fire loop is not reported as opened for the first moments; and nobody pressed the button."""
    rig.move(True)
    switch = ContactSwitch(rig.contact)
    assert switch.active
    assert switch.presses() == 0
    switch.close()


def test_a_pin_in_use_is_told_by_name():
    """A sentence with the pin's number."""
    factory = make_factory("mock")
    held = PinContact(factory, "fire loop", PIN)
    with pytest.raises(PinsError, match="button on pin 5"):
        PinContact(factory, "button", PIN)
    held.close()


def test_a_simulated_person_passes_a_real_sensor_on_mock_pins():
    """What `make demo` and the soak use: the relay opens, the arm turns, the sensor tells."""
    factory, relay, willing = make_factory("mock"), [False], [True]
    sensor = ContactPassageSensor(PinContact(factory, "passage", PIN), lambda: relay[0], PATIENCE)
    pin = factory.pin(PIN)
    person = SimulatedPerson(
        lambda: relay[0], lambda there: (pin.drive_low if there else pin.drive_high)(), lambda: willing[0], 0.05, 0.5
    )
    until(lambda: sensor.busy, lambda busy: not busy)
    for willing[0], expected in ((True, Turn.PASSED), (False, Turn.NOT_PASSED)):
        relay[0] = True
        until(lambda: sensor.busy, bool)
        relay[0] = False
        assert turns(sensor, 1) == [expected]
    person.close()
    sensor.close()


class Sensed:
    """A thermometer, and how to put somebody before it."""

    def __init__(self, thermometer, stand: Callable[[float | None], None]) -> None:
        self.thermometer, self.stand = thermometer, stand


def _on_bus(_tmp_path) -> Sensed:
    bus = SimulatedBus()
    sampled = SampledThermometer(Mlx90614(bus.open), Optics(emissivity=1.0), Plausibility(window_seconds=0.3))
    return Sensed(sampled, lambda celsius: setattr(bus, "celsius", 22.0 if celsius is None else celsius))


def _in_the_doorway(tmp_path) -> Sensed:
    doorway = Doorway(tmp_path, Pace(approach=0.0, hold=0.0, gap=0.0))

    def stand(celsius: float | None) -> None:
        if celsius is not None:
            visitor = {"exhibits": [{"text": "x", "surface": "phone"}], "celsius": celsius}
            (tmp_path / "1.json").write_text(json.dumps(visitor))
        doorway.look()

    return Sensed(SimulatedThermometer(doorway), stand)


@pytest.fixture(params=[_on_bus, _in_the_doorway])
def sensed(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    if isinstance(made.thermometer, SampledThermometer):
        made.thermometer.close()


def test_nobody_is_not_measured_and_somebody_is(sensed):
    """R4: not measured is None, never a number."""
    assert sensed.thermometer.measure() is None
    sensed.stand(37.6)
    assert until(sensed.thermometer.measure, bool) == pytest.approx(37.6, abs=0.05)
    sensed.stand(None)
    until(sensed.thermometer.measure, lambda celsius: celsius is None)


def test_no_thermometer_measures_nothing():
    """Policy says what that is worth."""
    assert NoThermometer().measure() is None


def test_a_lost_thermometer_is_an_error_that_heals():
    """Unplugged and plugged in again while people pass."""
    bus = SimulatedBus(celsius=36.6)
    thermometer = SampledThermometer(Mlx90614(bus.open), Optics(1.0), Plausibility())
    until(thermometer.measure, bool)
    bus.missing = True
    until(lambda: _measures(thermometer), lambda measures: not measures)
    with pytest.raises(ThermometerError, match="no thermometer answers"):
        until(thermometer.measure, lambda _: False)
    bus.missing = False
    until(lambda: _measures(thermometer), bool)
    thermometer.close()
    assert not bus.is_open


def _measures(thermometer) -> bool:
    try:
        return thermometer.measure() is not None
    except ThermometerError:
        return False
