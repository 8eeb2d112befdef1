"""The official divisions of China (R11): complete to the township, nested by code, the odd ones right."""

from __future__ import annotations

import lzma
import subprocess
import sys

import pytest

from sync.collector.errors import Mistake
from sync.collector.venues import divisions
from sync.collector.venues.division_table import TAIWAN, Row, table
from sync.collector.venues.divisions import Division, below, find, full_name, is_lowest, is_township, path

SANSHUI = {
    "440607001": "西南街道",
    "440607004": "云东海街道",
    "440607101": "大塘镇",
    "440607103": "乐平镇",
    "440607104": "白坭镇",
    "440607105": "芦苞镇",
    "440607106": "南山镇",
}


def all_below(code: str) -> list[Division]:
    """Everything in a division, by walking down."""
    return [each for child in below(code) for each in (child, *all_below(child.code))]


def test_the_notice_s_own_town_is_found_with_its_neighbours() -> None:
    """Foshan's five districts, Sanshui's seven towns and streets, as of the end of 2025."""
    assert [each.name for each in below("4406")] == ["禅城区", "南海区", "顺德区", "三水区", "高明区"]
    assert {each.code: each.name for each in below("440607")} == SANSHUI
    assert path("440607001") == (
        Division("44", "广东省"),
        Division("4406", "佛山市"),
        Division("440607", "三水区"),
        Division("440607001", "西南街道"),
    )


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("440607001", "广东省佛山市三水区西南街道"),
        ("441900003", "广东省东莞市东城街道"),
        ("442000001", "广东省中山市石岐街道"),
        ("110101001", "北京市东城区东华门街道"),
        ("500103001", "重庆市渝中区七星岗街道"),
        ("429004", "湖北省仙桃市"),
        ("429021100", "湖北省神农架林区松柏镇"),
        ("460302", "海南省三沙市西沙区"),
        ("460400100", "海南省儋州市那大镇"),
        ("659001001", "新疆维吾尔自治区石河子市新城街道"),
        ("440106", "广东省广州市天河区"),
    ],
)
def test_a_full_name_has_no_placeholder_where_a_level_is_missing(code: str, name: str) -> None:
    """No 市辖区, no 省直辖县级行政区划, nothing twice."""
    assert full_name(code) == name


def test_a_city_without_counties_has_its_towns_directly_below() -> None:
    """Dongguan has 32 towns and streets, Zhongshan 23; a municipality has its districts."""
    assert (len(below("4419")), len(below("4420"))) == (32, 23)
    assert all(is_township(each.code) for each in (*below("4419"), *below("4420")))
    assert below("11")[0] == Division("110101", "东城区")
    assert below("65")[-1] == Division("659012", "白杨市")


def test_walking_down_reaches_every_division_once_and_its_parent_is_who_led_there() -> None:
    """34 provinces; Guangdong's 21 cities, 122 counties and 1,610 townships; 38,723 townships in China."""
    codes = [each.code for each in all_below("")]
    assert len(codes) == len(set(codes)) == 41_935
    assert (len(below("")), len(below("44"))) == (34, 21)
    guangdong = [code for code in codes if code.startswith("44")]
    assert [sum(len(code) == digits for code in guangdong) for digits in (6, 9)] == [122, 1_610]
    assert sum(map(is_township, codes)) == 38_723
    for code in guangdong:
        above = path(code)
        assert above[-1] == find(code)
        assert len(above) < 2 or above[-1] in below(above[-2].code)


def test_a_venue_s_region_ends_at_a_township_or_where_there_are_none() -> None:
    """Sanya's districts and Longgang have no townships; a county that has them is not enough."""
    assert [is_lowest(code) for code in ("440607001", "460203", "330383", "460302")] == [True] * 4
    assert [is_lowest(code) for code in ("440607", "4419", "44", "", "440607999")] == [False] * 5
    assert [is_township(code) for code in ("460203", "440607", "440607999", "440607001")] == [False, False, False, True]


@pytest.mark.parametrize(
    "code", ["", "4", "440", "440600", "440607999", "４４", "44 ", " 44", "44\n", "44 广东省", "x" * 99]
)
def test_what_is_no_code_is_nowhere(code: str) -> None:
    """Nothing found, nothing below, no name; "" alone stands for the whole."""
    assert (find(code), path(code), full_name(code), is_township(code)) == (None, (), "", False)
    assert not code or below(code) == ()


def test_the_table_is_loaded_when_it_is_asked_and_small() -> None:
    """Importing reads nothing; loaded it takes under 100 ms and 4 MB."""
    script = (
        "import tracemalloc, time\n"
        "from sync.collector.venues import divisions\n"
        "assert divisions._lines.cache_info().currsize == 0\n"
        "begun = time.process_time(); divisions.find('44'); took = time.process_time() - begun\n"
        "divisions._lines.cache_clear(); tracemalloc.start(); divisions.find('44')\n"
        "print(took, *tracemalloc.get_traced_memory())\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    took, kept, most = map(float, answer.stdout.split())
    assert (took < 0.1, kept < 4e6, most < 8e6) == (True, True, True), answer.stdout


def rows_of_the_table() -> list[Row]:
    """What the shipped table was made from, as far as it can be told from it."""
    rows: list[Row] = []
    for each in all_below(""):
        above = path(each.code)
        parent = above[-2].code.ljust(6, "0") if len(above) > 1 else ""
        rows.append((len(above), each.code.ljust(6, "0"), parent, each.name))
    return [row for row in rows if row != TAIWAN]


def test_the_shipped_table_is_what_its_maker_makes() -> None:
    """The same lines from the same rows: nobody edited it by hand."""
    assert lzma.decompress(table(rows_of_the_table())) == lzma.decompress(divisions.TABLE.read_bytes())


@pytest.mark.parametrize(
    "row",
    [
        (4, "440607001", "440606", "西南街道"),
        (4, "440607001", "440600", "西南街道"),
        (3, "440607", "", "三水区"),
        (2, "440600", "440000", "佛山 市"),
        (2, "440000", "", "广东省"),
    ],
)
def test_rows_that_do_not_nest_by_code_are_refused(row: Row) -> None:
    """A region works by prefix: a table where that is not so would show one town another's venues."""
    good: list[Row] = [
        (1, "440000", "", "广东省"),
        (2, "440600", "440000", "佛山市"),
        (3, "440607", "440600", "三水区"),
    ]
    table(good)
    with pytest.raises(Mistake):
        table([*(each for each in good if each[1] != row[1] or row[1] == "440000"), row])
