"""MLX90614, a contactless thermometer on I²C (Melexis 3901090614): raw words, checked and turned into °C.

What it does NOT establish: a body temperature. It averages whatever fills its field of view (90° for the type BAA,
5° for DCI): 30 cm away a DCI sees 3 cm of forehead, a BAA the wall behind it. Skin is two to four degrees cooler than
the body, more in the cold. `Optics` is where a town enters what its comparison with a clinical thermometer showed.
The sensor's own EEPROM (its emissivity is 1.0) is never written: the correction is made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hardware.errors import ThermometerError

ADDRESS, BUS = 0x5A, 1
_AMBIENT, _OBJECT = 0x06, 0x07
_ERROR_FLAG = 0x8000
_ZERO_CELSIUS = 273.15
_KELVIN_A_STEP = 0.02


class Bus(Protocol):
    """What is used of `smbus2.SMBus`. Every call raises OSError where the device does not answer."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """Write the register's number, then read so many bytes."""
        ...

    def close(self) -> None:
        """Free the bus."""
        ...


@dataclass(frozen=True, slots=True)
class Optics:
    """emissivity: of what is measured, 0.98 for skin. offset_celsius: added to the skin's temperature."""

    emissivity: float = 0.98
    offset_celsius: float = 0.0


@dataclass(frozen=True, slots=True)
class Raw:
    """The two words of one measurement, in steps of 0.02 K."""

    thing: int
    ambient: int


def celsius(raw: Raw, optics: Optics) -> float:
    """The temperature of what the sensor looks at, corrected for its emissivity (Stefan and Boltzmann's law).

    The sensor assumes a black body; a real one also reflects its surroundings, taken to be as warm as the sensor.
    """
    seen, ambient = raw.thing * _KELVIN_A_STEP, raw.ambient * _KELVIN_A_STEP
    emitted = (seen**4 - (1 - optics.emissivity) * ambient**4) / optics.emissivity
    if emitted < 0:
        raise ThermometerError("the thermometer tells impossible temperatures: check its wiring")
    return float(emitted**0.25) - _ZERO_CELSIUS + optics.offset_celsius


class Mlx90614:
    """Reads one sensor. The bus is opened by the first reading and, after a failure, by the next one."""

    def __init__(self, open_bus: Callable[[], Bus], address: int = ADDRESS) -> None:
        self._open_bus, self._address = open_bus, address
        self._bus: Bus | None = None

    def read(self) -> Raw:
        """One measurement. Raises ThermometerError; the next call tries anew."""
        try:
            if self._bus is None:
                self._bus = self._open_bus()
            return Raw(self._word(self._bus, _OBJECT), self._word(self._bus, _AMBIENT))
        except OSError as cause:
            self.close()
            raise ThermometerError(
                f"no thermometer answers at 0x{self._address:02x} ({cause.strerror or cause}): check its four wires, "
                "and that I²C is enabled (raspi-config nonint do_i2c 0)"
            ) from cause

    def close(self) -> None:
        """Free the bus."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.close()

    def _word(self, bus: Bus, register: int) -> int:
        low, high, pec = bus.read_i2c_block_data(self._address, register, 3)
        sent = (self._address << 1, register, self._address << 1 | 1, low, high)
        if packet_error_code(bytes(sent)) != pec:
            raise ThermometerError(
                "the thermometer's answer arrived damaged: keep its cable short and away from the lock's"
            )
        word = high << 8 | low
        if word & _ERROR_FLAG:
            raise ThermometerError("the thermometer reports an error of its own")
        return word


def packet_error_code(message: bytes) -> int:
    """The CRC-8 that ends an SMBus message (SMBus 3.2, §6.4.1: x⁸ + x² + x + 1)."""
    crc = 0
    for byte in message:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ (0x107 if crc & 0x80 else 0)
    return crc


def open_system_bus(number: int = BUS) -> Bus:
    """`/dev/i2c-<number>`. Raises OSError where it is not there."""
    from smbus2 import SMBus  # only a gate with a thermometer needs it

    bus: Bus = SMBus(number)
    return bus
