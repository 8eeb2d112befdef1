"""PURE: where a venue is, in WGS-84, and the two shifted systems of Chinese maps (R11).

GCJ-02 (高德, 腾讯) shifts WGS-84 by some hundred metres, BD-09 (百度) shifts that again. The formulas were never
published officially; these are the ones that everybody uses, right to about a metre. The way back is found by
iteration. What it does not establish: in which system somebody's coordinates are – they look alike – nor that they are
the venue's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import atan2, cos, hypot, isfinite, pi, radians, sin, sqrt

from sync.collector.errors import Mistake

MAX_TEXT = 100
_AXIS_METRES = 6_378_245.0  # Krasovsky 1940
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347  # within which maps are shifted
_CLOSE_DEGREES = 1e-10  # 0.01 mm
_ROUNDS = 30

Pair = tuple[float, float]


class PositionFault(Enum):
    """What is wrong with a position."""

    FORM = "coordinates are two numbers, such as 23.155800, 112.896700"
    RANGE = "a latitude is -90 to 90, a longitude -180 to 180"


class BadPosition(Mistake):
    """This is no position; `fault` says why."""

    def __init__(self, fault: PositionFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class System(Enum):
    """In which coordinates are. WGS-84: satellites and phones; GCJ-02: 高德, 腾讯; BD-09: 百度."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees in WGS-84. Raises BadPosition for what is on no globe."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (isfinite(self.latitude) and isfinite(self.longitude)):
            raise BadPosition(PositionFault.RANGE)
        if abs(self.latitude) > 90 or abs(self.longitude) > 180:
            raise BadPosition(PositionFault.RANGE)

    def __str__(self) -> str:
        """To 0.1 m, latitude first, as `read` takes it."""
        return f"{self.latitude:.6f}, {self.longitude:.6f}"


def to_gcj02(position: Position) -> Pair:
    """Latitude and longitude on a Chinese map; outside of China as they are."""
    at = position.latitude, position.longitude
    return _gcj02(*at) if _is_shifted(*at) else at


def from_gcj02(latitude: float, longitude: float) -> Position:
    """Where that is, to a centimetre of what `to_gcj02` shifted. Raises BadPosition."""
    seen = Position(latitude, longitude)
    return Position(*_inverse(_gcj02, latitude, longitude)) if _is_shifted(latitude, longitude) else seen


def to_bd09(position: Position) -> Pair:
    """Latitude and longitude on Baidu's map; outside of China as they are."""
    at = to_gcj02(position)
    return _bd09(*at) if _is_shifted(*at) else at


def from_bd09(latitude: float, longitude: float) -> Position:
    """Where that is. Raises BadPosition."""
    seen = Position(latitude, longitude)
    return from_gcj02(*_inverse(_bd09, latitude, longitude)) if _is_shifted(latitude, longitude) else seen


_FROM: dict[System, Callable[[float, float], Position]] = {
    System.WGS84: Position,
    System.GCJ02: from_gcj02,
    System.BD09: from_bd09,
}


def read(text: str, system: System | str = System.WGS84) -> Position:
    """Typed coordinates: "23.1558, 112.8967", "112.8967，23.1558", "北纬23°9′21″ 东经112°53′48″", "23.1558N 112.8967E".

    Which comes first: what letters say; else a number above 90 is the longitude, and so is one of China's longitudes
    before one of its latitudes; else latitude. Raises BadPosition.
    """
    match = _PAIR.fullmatch(_folded(text)) if len(text) <= MAX_TEXT else None
    if match is None:
        raise BadPosition(PositionFault.FORM)
    first, first_axis = _degrees(*match.groups()[:5])
    second, second_axis = _degrees(*match.groups()[5:])
    if first_axis and first_axis == second_axis:
        raise BadPosition(PositionFault.FORM)
    is_turned = first_axis == _LONGITUDE or second_axis == _LATITUDE
    if not (first_axis or second_axis):
        is_turned = abs(first) > 90 or (first >= _WEST and _SOUTH <= second <= _NORTH)
    latitude, longitude = (second, first) if is_turned else (first, second)
    return _FROM[System(system)](latitude, longitude)


_LATITUDE, _LONGITUDE = "latitude", "longitude"
_AXES = {
    **dict.fromkeys(("n", "北纬", "北", "lat", "latitude", "纬度"), (_LATITUDE, 1)),
    **dict.fromkeys(("s", "南纬", "南"), (_LATITUDE, -1)),
    **dict.fromkeys(("e", "东经", "东", "lng", "lon", "longitude", "经度"), (_LONGITUDE, 1)),
    **dict.fromkeys(("w", "西经", "西"), (_LONGITUDE, -1)),
}
_AXIS = "|".join(sorted(_AXES, key=len, reverse=True))
_SIXTIETHS = r"(\d{1,2}(?:\.\d{1,16})?)"


def _number(group: int) -> str:
    """Five groups: letters, degrees, minutes, seconds, letters; the last only where the first – `group` – is not."""
    return (
        rf"(?:({_AXIS})[ :=]*)?([+-]?\d{{1,3}}(?:\.\d{{1,16}})?)"
        rf"(?: ?°(?: ?{_SIXTIETHS} ?'(?: ?{_SIXTIETHS} ?(?:\"|''))?)?)?(?({group})|(?: ?({_AXIS}))?)"
    )


_BETWEEN = r"(?: ?[,;/] ?| |(?<=[^\d.])|(?=[^\d.,;/+-]))"  # nothing only where a letter or a sign of degrees parts them
_PAIR = re.compile(rf"[(\[]?{_number(1)}{_BETWEEN}{_number(6)}[)\]]?", re.ASCII)
_SIGNS = str.maketrans(
    dict.fromkeys("″”“秒", '"') | dict.fromkeys("′’‘分", "'") | dict.fromkeys("º˚度", "°") | {"、": ",", "−": "-"}
)


def _folded(text: str) -> str:
    """Chinese and typographic forms as plain ones, single blanks. 纬度 and 经度 end in a sign of degrees."""
    kept = text.replace("纬度", "lat ").replace("经度", "lng ")
    return " ".join(unicodedata.normalize("NFKC", kept.translate(_SIGNS)).lower().split())


def _degrees(
    before: str | None, degrees: str, minutes: str | None, seconds: str | None, behind: str | None
) -> tuple[float, str | None]:
    """A number and which of the two it is, if it says so."""
    least = [float(part or 0) for part in (minutes, seconds)]
    axis, sign = _AXES.get(before or behind or "", (None, 1))
    if max(least) >= 60 or (sign < 0 and degrees[0] in "+-"):
        raise BadPosition(PositionFault.FORM)
    size = abs(float(degrees)) + least[0] / 60 + least[1] / 3600
    return (-size if degrees.startswith("-") else size) * sign, axis


def _is_shifted(latitude: float, longitude: float) -> bool:
    return _SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST


def _gcj02(latitude: float, longitude: float) -> Pair:
    """Shifted by metres that depend on where; metres are laid on an ellipsoid that is not WGS-84's."""
    x, y = longitude - 105.0, latitude - 35.0
    ripple = _waves(x, (20, 6), (20, 2))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + ripple
    north += _waves(y, (20, 1), (40, 1 / 3), (160, 1 / 12), (320, 1 / 30))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + ripple
    east += _waves(x, (20, 1), (40, 1 / 3), (150, 1 / 12), (300, 1 / 30))
    bulge = 1 - _ECCENTRICITY_SQUARED * sin(radians(latitude)) ** 2
    metres_north = radians(_AXIS_METRES * (1 - _ECCENTRICITY_SQUARED) / bulge**1.5)
    metres_east = radians(_AXIS_METRES / sqrt(bulge) * cos(radians(latitude)))
    return latitude + north / metres_north, longitude + east / metres_east


def _waves(at: float, *waves: tuple[float, float]) -> float:
    return sum(size * sin(often * at * pi) for size, often in waves) * 2 / 3


def _bd09(latitude: float, longitude: float) -> Pair:
    """GCJ-02 as polar coordinates, both a little disturbed, and a constant on top."""
    radius = hypot(longitude, latitude) + 0.00002 * sin(radians(latitude * 3000))
    angle = atan2(latitude, longitude) + 0.000003 * cos(radians(longitude * 3000))
    return radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065


def _inverse(shifted: Callable[[float, float], Pair], latitude: float, longitude: float) -> Pair:
    """Where `shifted` leads to that point from: a fixed point, as the shift changes slowly."""
    at = latitude, longitude
    for _round in range(_ROUNDS):
        reached = shifted(*at)
        error = latitude - reached[0], longitude - reached[1]
        at = at[0] + error[0], at[1] + error[1]
        if max(map(abs, error)) < _CLOSE_DEGREES:
            break
    return at
