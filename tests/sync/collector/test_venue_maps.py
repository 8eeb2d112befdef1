"""`[map]` in collector.toml (R11): which tile servers browsers may be sent to, and what a page asks of them."""

from __future__ import annotations

import pytest
from flask import Response

from sync.collector import headers
from sync.collector.venues import maps
from sync.collector.venues.maps import Asked, MapSettings
from sync.collector.venues.positions import BadPosition, Position
from sync.wire import tomlform


def settings_of(text: str) -> MapSettings:
    """As they stand in collector.toml."""
    return tomlform.decode(text, MapSettings, "collector.toml")


@pytest.mark.parametrize(
    ("tiles", "source"),
    [
        ("https://tiles.example/{z}/{x}/{y}.png", "https://tiles.example"),
        ("https://tiles.example:8443/{z}/{y}/{x}", "https://tiles.example:8443"),
        ("https://TILES.example/wmts?TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=0a1b", "https://tiles.example"),
        ("http://10.1.2.3/{z}/{x}/{y}.png", "http://10.1.2.3"),
        ("http://192.168.0.9:8080/{z}/{x}/{y}.png", "http://192.168.0.9:8080"),
        ("http://127.0.0.1:9000/{z}/{x}/{y}.png", "http://127.0.0.1:9000"),
    ],
)
def test_a_tile_server_is_named_to_the_browser(tiles: str, source: str) -> None:
    """Its pictures and nobody else's; nothing else of the policy is loosened."""
    settings = settings_of(f"tiles = '{tiles}'\ncoordinates = 'gcj02'\nattribution = '© 本镇'\n")
    assert (settings.image_source, settings.coordinates) == (source, "gcj02")
    answer = headers.with_headers(maps.allowing(Response(), settings))
    policy = answer.headers.getlist("Content-Security-Policy")
    assert policy == [headers.POLICY.replace("img-src 'self' data:", f"img-src 'self' data: {source}")]
    assert policy != [headers.POLICY]
    assert answer.headers["Permissions-Policy"] == "camera=(), microphone=(), geolocation=(self)"


def test_without_tiles_only_the_phone_s_position_is_asked_for() -> None:
    """And on other pages not even that."""
    answer = headers.with_headers(maps.allowing(Response(), settings_of("")))
    assert answer.headers["Content-Security-Policy"] == headers.POLICY
    assert "geolocation=(self)" in answer.headers["Permissions-Policy"]
    assert "geolocation=()" in headers.with_headers(Response()).headers["Permissions-Policy"]


@pytest.mark.parametrize(
    "tiles",
    [
        "",
        "tiles.example/{z}/{x}/{y}.png",
        "ftp://tiles.example/{z}/{x}/{y}.png",
        "javascript:alert({z}{x}{y})",
        "http://tiles.example/{z}/{x}/{y}.png",
        "http://8.8.8.8/{z}/{x}/{y}.png",
        "http://0.0.0.0/{z}/{x}/{y}.png",
        "https://tiles.example/{z}/{x}.png",
        "https://tiles.example/{z}/{x}/{y}/{y}.png",
        "https://{s}.tiles.example/{z}/{x}/{y}.png",
        "https://{z}.{x}.{y}/tile.png",
        "https://tiles.example/#{z}/{x}/{y}",
        "https://me:secret@tiles.example/{z}/{x}/{y}.png",
        "https://tiles.example;script-src/{z}/{x}/{y}.png",
        "https://tiles.example, *.evil/{z}/{x}/{y}.png",
        "https://*/{z}/{x}/{y}.png",
        "https://瓦片.example/{z}/{x}/{y}.png",
        "https://[::1]/{z}/{x}/{y}.png",
        "https://tiles.example:99999/{z}/{x}/{y}.png",
        "https://tiles.example/{z}/{x}/{y}.png" + "a" * 500,
    ],
)
def test_what_is_no_tile_server_stops_the_centre_with_a_sentence(tiles: str) -> None:
    """Better at the start than a policy with a hole or a map without pictures."""
    with pytest.raises(tomlform.ConfigError, match=r"tiles|length"):
        settings_of(f"tiles = '{tiles}'")


@pytest.mark.parametrize("text", ["coordinates = 'bd09'", "zoom = 3", "[view]\nzoom = 19", "[view]\nlatitude = 90.0"])
def test_other_settings_are_checked_too(text: str) -> None:
    """A misspelt one is not ignored; tiles in BD-09 have another grid than everybody's."""
    with pytest.raises(tomlform.ConfigError):
        settings_of(text)


def test_what_was_typed_is_one_position_however_it_was_spread() -> None:
    """Without the script, somebody may paste both numbers into one field, or exchange them."""
    where = Position(23.1558, 112.8967)
    assert Asked.at(where).position() == where
    assert Asked(latitude="112.8967，23.1558").position() == where
    assert Asked(latitude=" 112.8967", longitude="23.1558 ").position() == where
    assert Asked(latitude=" ", longitude="").position() is Asked.at(None).position() is None
    for asked in (Asked(latitude="23.1558"), Asked(latitude="1", longitude="2", system="mars")):
        with pytest.raises(BadPosition):
            asked.position()
