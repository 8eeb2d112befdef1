"""Where a venue is (R11): Chinese maps' coordinates shifted back, and what people type understood or refused."""

from __future__ import annotations

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.venues.positions import (
    BadPosition,
    Pair,
    Position,
    PositionFault,
    System,
    from_bd09,
    from_gcj02,
    read,
    to_bd09,
    to_gcj02,
)

PUBLISHED_GCJ02 = [  # WGS-84, GCJ-02: the pairs that implementations test themselves against
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ((39.915, 116.404), (39.91640428150164, 116.41024449916938)),
]
PUBLISHED_BD09 = ((39.915, 116.404), (39.92133699351021, 116.41036949371029))  # GCJ-02, BD-09
CHINA = st.builds(Position, st.floats(18, 53.5), st.floats(73.6, 135))


def metres(one: Pair, other: Pair) -> float:
    """Between points that are close."""
    east = (one[1] - other[1]) * cos(radians(one[0]))
    return hypot(one[0] - other[0], east) * 111_320


def pair(position: Position) -> Pair:
    """Latitude and longitude."""
    return position.latitude, position.longitude


@pytest.mark.parametrize(("earth", "chinese_map"), PUBLISHED_GCJ02)
def test_published_points_are_met_both_ways(earth: Pair, chinese_map: Pair) -> None:
    """To a centimetre; the shift itself is some 600 metres."""
    assert metres(to_gcj02(Position(*earth)), chinese_map) < 0.01
    assert metres(pair(from_gcj02(*chinese_map)), earth) < 0.01
    assert 300 < metres(earth, chinese_map) < 800


def test_a_published_point_on_baidu_s_map_is_met() -> None:
    """BD-09 is made from GCJ-02."""
    gcj02, bd09 = PUBLISHED_BD09
    assert metres(to_bd09(from_gcj02(*gcj02)), bd09) < 0.01
    assert metres(to_gcj02(from_bd09(*bd09)), gcj02) < 0.01


@given(CHINA)
def test_shifting_there_and_back_leads_home(position: Position) -> None:
    """Everywhere in China, to a millimetre."""
    assert metres(pair(from_gcj02(*to_gcj02(position))), pair(position)) < 0.001
    assert metres(pair(from_bd09(*to_bd09(position))), pair(position)) < 0.001


@pytest.mark.parametrize("place", [(35.681236, 139.767125), (48.85, 2.35), (-33.9, 18.4), (0.0, 0.0), (90.0, 180.0)])
def test_outside_of_china_nothing_is_shifted(place: Pair) -> None:
    """Nobody shifts maps there."""
    assert to_gcj02(Position(*place)) == to_bd09(Position(*place)) == place
    assert pair(from_gcj02(*place)) == pair(from_bd09(*place)) == place


@pytest.mark.parametrize(
    "text",
    [
        "23.1558, 112.8967",
        "112.8967,23.1558",
        "112.8967，23.1558",
        "２３．１５５８，　１１２．８９６７",
        "23.1558、112.8967",
        " 23.1558  112.8967 ",
        "(23.1558; 112.8967)",
        "23.1558°, 112.8967°",
        "23.1558N 112.8967E",
        "N23.1558E112.8967",
        "112.8967°E，23.1558°N",
        "E112.8967 N23.1558",
        "北纬23.1558° 东经112.8967°",
        "东经112.8967度，北纬23.1558度",
        "纬度：23.1558 经度：112.8967",
        "lng=112.8967, lat=23.1558",
        "23°9′20.88″N 112°53′48.12″E",
        "23°09'20.88\" 112°53'48.12\"",
        "东经112度53分48.12秒，北纬23度9分20.88秒",
        "+23.1558, +112.8967",
    ],
)
def test_typed_coordinates_are_read_whichever_comes_first(text: str) -> None:
    """As Chinese maps copy them, as phones show them, as atlases print them."""
    assert str(read(text)) == "23.155800, 112.896700"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-33.9, 18.4", (-33.9, 18.4)),
        ("S33.9 E18.4", (-33.9, 18.4)),
        ("西经70.5° 南纬33.4°", (-33.4, -70.5)),
        ("40, 80", (40, 80)),
        ("80, 40", (40, 80)),
        ("80N, 40E", (80, 40)),
        ("-112.9, 45", (45, -112.9)),
        ("18.4, -33.9", (18.4, -33.9)),
    ],
)
def test_elsewhere_letters_decide_and_latitude_comes_first(text: str, expected: Pair) -> None:
    """80, 40 is Xinjiang before it is the Arctic Sea."""
    assert pair(read(text)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "23.1558",
        "23.1558, 112.8967, 5",
        "23,1558 112,8967",
        "23.15112.89",
        "23.15-112.89",
        "N23 N112",
        "-23S 112E",
        "N23N 112E",
        "23°70' 112°",
        "1e1, 3",
        "nan, 5",
        "人民路35号",
        "http://map/23.1,112.8",
        "1, 2" + " " * 200,
    ],
)
def test_what_is_no_pair_of_numbers_is_refused(text: str) -> None:
    """Better none than a venue in the sea."""
    with pytest.raises(BadPosition) as caught:
        read(text)
    assert caught.value.fault is PositionFault.FORM


@pytest.mark.parametrize("text", ["91, 181", "112.9, 112.8", "23.1, 180.5", "200, 300"])
def test_what_is_on_no_globe_is_refused(text: str) -> None:
    """Two longitudes are a slip too."""
    for system in System:
        with pytest.raises(BadPosition) as caught:
            read(text, system)
        assert caught.value.fault is PositionFault.RANGE


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 90.000001])
def test_a_position_is_never_off_the_globe(number: float) -> None:
    """Whoever makes it."""
    for make in (Position, from_gcj02, from_bd09):
        with pytest.raises(BadPosition):
            make(number, 0.0)


def test_typed_coordinates_of_a_chinese_map_become_wgs_84() -> None:
    """The system is the second word; "gcj02" as settings say it is as good as the enum."""
    where = Position(23.1558, 112.8967)
    for system, shifted in (("gcj02", to_gcj02(where)), ("bd09", to_bd09(where)), ("wgs84", pair(where))):
        text = f"{shifted[1]:.7f}，{shifted[0]:.7f}"
        assert metres(pair(read(text, system)), pair(where)) < 0.05
        assert read(text, System(system)) == read(text, system)


@given(st.text(max_size=120), st.sampled_from(System))
def test_any_text_is_a_position_or_refused(text: str, system: System) -> None:
    """Nothing else is raised."""
    try:
        position = read(text, system)
    except BadPosition:
        return
    assert abs(position.latitude) <= 90
    assert abs(position.longitude) <= 180


@given(st.text("0123456789.°'\" NSEW,+-北纬东经度分秒", max_size=100))
def test_hostile_text_is_read_in_no_time(text: str) -> None:
    """No form of digits and signs sends the pattern backtracking: the deadline of each example is 200 ms."""
    try:
        read(text)
    except BadPosition:
        return
