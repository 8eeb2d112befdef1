"""The map on which a venue's position is chosen: `[map]` in collector.toml, and what its page must ask of browsers.

Without tiles there is no map, only two fields and the phone's own position. What it does not establish: that tiles
come – a browser that cannot reach the server shows an empty map – and that the server has them up to zoom 18.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from flask import Response

from sync.collector import headers
from sync.collector.venues.positions import BadPosition, Position, PositionFault, System, read

MAX_TILES = 500
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.?", re.ASCII)
_PLACES = ("{z}", "{x}", "{y}")
_FORM = "`tiles` is https://server/path with {z}, {x} and {y} once each, without user, #, blanks or other braces"


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the map shows while there is no position. Degrees in WGS-84; zoom: 0 the world, 12 a town."""

    latitude: Annotated[float, msgspec.Meta(ge=-85, le=85)] = 35.0
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] = 105.0
    zoom: Annotated[int, msgspec.Meta(ge=0, le=18)] = 4


class MapSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """tiles: address of a tile server's pictures, such as https://tiles.example/{z}/{x}/{y}.png; http only for one at a
    private address, and only of use where the centre's own pages are http too. coordinates: the tiles' system, gcj02
    for those of Chinese maps. attribution: whose map it is, shown in its corner. view: where it begins.
    """

    tiles: Annotated[str, msgspec.Meta(max_length=MAX_TILES)] | None = None
    coordinates: Literal["wgs84", "gcj02"] = "wgs84"
    attribution: Annotated[str, msgspec.Meta(max_length=200)] = ""
    view: View = View()

    def __post_init__(self) -> None:
        if self.tiles is not None:
            _origin(self.tiles)

    @property
    def image_source(self) -> str | None:
        """Where its pictures come from, as a content security policy names it; None without a map."""
        return None if self.tiles is None else _origin(self.tiles)


def allowing(answer: Response, settings: MapSettings) -> Response:
    """The answer of a page with the position's fields: tiles may be shown there, the phone may be asked where it is."""
    images = " ".join(filter(None, (headers.IMAGES, settings.image_source)))
    answer.headers["Content-Security-Policy"] = headers.POLICY.replace(headers.IMAGES, images)
    answer.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(self)"
    return answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What `templates/venues/position.html` draws. The values are what somebody typed, right or wrong.

    latitude_name, longitude_name, system_name: of the fields; system_name "" where only WGS-84 can be typed. faults:
    sentences, shown below the fields.
    """

    latitude_name: str = "latitude"
    longitude_name: str = "longitude"
    system_name: str = ""
    latitude: str = ""
    longitude: str = ""
    system: str = "wgs84"
    faults: tuple[str, ...] = ()

    def position(self) -> Position | None:
        """What was typed, in whichever order and even all in one field; None for nothing. Raises BadPosition."""
        text = f"{self.latitude} {self.longitude}".strip()
        if self.system not in {each.value for each in System}:
            raise BadPosition(PositionFault.FORM)
        return read(text, self.system) if text else None

    @classmethod
    def at(cls, position: Position | None) -> Asked:
        """A stored position, to be changed."""
        if position is None:
            return cls()
        return cls(latitude=f"{position.latitude:.6f}", longitude=f"{position.longitude:.6f}")


def _origin(tiles: str) -> str:
    """Raises ValueError for what no browser should be sent to; its sentence goes into collector.toml's error."""
    try:
        parts = urlsplit(tiles)
        host, port = parts.hostname or "", parts.port
    except ValueError as cause:
        raise ValueError(_FORM) from cause
    bare = tiles
    for place in _PLACES:
        bare = bare.replace(place, "", 1)
    is_plain = tiles.isascii() and tiles.isprintable() and not set(bare) & set(" \"'<>\\^`{|}#")
    has_places = all(place in f"{parts.path}?{parts.query}" for place in _PLACES)
    if parts.scheme not in ("http", "https") or not (is_plain and has_places and _HOST.fullmatch(host)):
        raise ValueError(_FORM)
    if "@" in parts.netloc:
        raise ValueError(_FORM)
    if parts.scheme == "http" and not _is_private(host):
        raise ValueError("`tiles` is https, or http at a private address such as 10.1.2.3")
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return address.is_private and not address.is_unspecified
