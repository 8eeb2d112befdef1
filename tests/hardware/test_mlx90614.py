"""The thermometer on a bus that fails as the real one does (R4)."""

from __future__ import annotations

import re

import pytest

from hardware.errors import ThermometerError
from hardware.mlx90614 import Mlx90614, Optics, Raw, celsius, open_system_bus, packet_error_code
from hardware.simulated_sensors import SimulatedBus
from hardware.thermometer import Measurements, Plausibility

PLAIN = Optics(emissivity=1.0)


def words(degrees: float, ambient: float = 22.0) -> Raw:
    return Raw(round((degrees + 273.15) / 0.02), round((ambient + 273.15) / 0.02))


def test_the_datasheets_own_example_is_read():
    """Melexis 3901090614, "Read word": B4 07 B5 D2 3A with PEC 30 is 0x3AD2, 28.01 °C."""
    assert packet_error_code(bytes.fromhex("b407b5d23a")) == 0x30
    assert celsius(Raw(0x3AD2, 0x3AD2), PLAIN) == pytest.approx(28.01)


def test_skin_is_corrected_for_its_emissivity():
    """A sensor made for black bodies tells too little about skin in a cool hall, and the right thing in a warm one."""
    assert celsius(words(36.5, ambient=22.0), Optics(0.98)) == pytest.approx(36.78, abs=0.02)
    assert celsius(words(36.5, ambient=36.5), Optics(0.98)) == pytest.approx(36.5, abs=0.02)
    assert celsius(words(35.0, ambient=22.0), Optics(1.0, offset_celsius=1.4)) == pytest.approx(36.4, abs=0.02)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [("missing", "no thermometer answers at 0x5a .*I²C is enabled"), ("damaged", "damaged"), ("flagged", "of its own")],
)
def test_a_bus_that_fails_is_one_sentence_and_recovers(fault, sentence):
    """Errno 121, a flipped bit, the sensor's error bit: each is told, and the next reading tries anew."""
    bus = SimulatedBus(celsius=36.5)
    sensor = Mlx90614(bus.open)
    setattr(bus, fault, True)
    with pytest.raises(ThermometerError, match=sentence):
        sensor.read()
    setattr(bus, fault, False)
    assert celsius(sensor.read(), PLAIN) == pytest.approx(36.5, abs=0.05)


@pytest.mark.parametrize("wire", [0x00, 0xFF])
def test_a_bus_that_hangs_low_or_floats_is_no_reading(wire):
    """All zeros is absolute zero, all ones an error: the checksum knows both."""

    class Wire(SimulatedBus):
        def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
            return [wire] * length

    with pytest.raises(ThermometerError):
        Mlx90614(Wire().open).read()


def test_after_a_failure_the_bus_is_opened_again():
    """/dev/i2c-1 that appears late, or a driver that was reloaded."""
    bus, opened = SimulatedBus(), 0

    def open_bus() -> SimulatedBus:
        nonlocal opened
        opened += 1
        if opened == 1:
            raise FileNotFoundError(2, "No such file or directory")
        return bus.open()

    sensor = Mlx90614(open_bus)
    with pytest.raises(ThermometerError, match="No such file"):
        sensor.read()
    sensor.read()
    bus.missing = True
    with pytest.raises(ThermometerError):
        sensor.read()
    assert not bus.is_open
    bus.missing = False
    sensor.read()
    assert opened == 3


def test_the_system_bus_says_when_it_is_not_there():
    """OSError, as every other failure of the bus."""
    with pytest.raises(OSError, match=re.escape("/dev/i2c-87")):
        open_system_bus(87)


def measurements(**plausible: float) -> Measurements:
    return Measurements(PLAIN, Plausibility(**plausible), now=0.0)


def test_a_reading_belongs_to_the_scan_by_time():
    """The visitor before was hot; a second later that is nobody's temperature any more."""
    taken = measurements()
    taken.take(words(39.0), 10.0)
    taken.take(words(36.4), 11.0)
    assert taken.visitor(10.1) == pytest.approx(39.0, abs=0.02)
    assert taken.visitor(11.1) == pytest.approx(36.4, abs=0.02)


def test_the_warmest_moment_counts():
    """Hair and glasses only cool."""
    taken = measurements()
    for step, degrees in enumerate((36.1, 37.4, 35.2)):
        taken.take(words(degrees), 10.0 + step / 10)
    assert taken.visitor(10.3) == pytest.approx(37.4, abs=0.02)


@pytest.mark.parametrize("degrees", [22.0, 32.9, 43.2, 80.0])
def test_what_cannot_be_a_person_is_not_measured(degrees):
    """A wall, a hand far off, a cup of tea: not measured, which is not normal."""
    taken = measurements()
    taken.take(words(degrees), 10.0)
    assert taken.visitor(10.1) is None


def test_a_value_that_never_trembles_is_no_value():
    """A sensor that hangs tells the same for ever: told after a minute, gone with the first change."""
    taken = measurements()
    for second in range(60):
        taken.take(words(36.4), float(second))
        assert taken.visitor(second + 0.1) is not None
    taken.take(words(36.4), 60.0)
    with pytest.raises(ThermometerError, match="hangs"):
        taken.visitor(60.1)
    taken.take(words(36.42), 61.0)
    assert taken.visitor(61.1) is not None


def test_a_sensor_that_went_silent_is_lost_with_its_own_reason():
    """After two seconds; what it told before is forgotten by then."""
    taken = measurements()
    taken.take(words(36.4), 10.0)
    taken.fail(ThermometerError("errno 121"))
    assert taken.visitor(10.5) is not None
    with pytest.raises(ThermometerError, match="errno 121"):
        taken.visitor(12.1)
