"""The poster on the wall: its words, its paper, and whether a phone before it reads the code (R1, R4b, R6)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from hardware.symbols import CascadeReader
from sync.collector import languages
from sync.collector.venues import poster
from sync.collector.venues.code_model import VenueCode
from sync.collector.venues.press import NOTO, NoFont, NoGlyph, Press
from tests.scenes.wall import photograph
from tests.sync.collector import sheets
from tests.sync.collector.gateside import NOW
from tests.sync.collector.sheets import CENTRE, TOKEN, code

CODED = f"HTTPS://CENTRE.EXAMPLE/V/{TOKEN}"
MARGIN_MILLIMETRES = 10.0
PATIENCE_FRAMES = 3


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Press:
    """With Debian's fonts, and none of the town's."""
    return Press(tmp_path_factory.mktemp("town") / "fonts")


@pytest.fixture(autouse=True)
def spoken() -> Iterator[None]:
    """Whoever prints it reads English: the poster has both languages all the same."""
    with languages.spoken("en"):
        yield


def drawn(press: Press, what: VenueCode, centre: str = CENTRE, *, is_demo: bool = False, now: float = NOW) -> bytes:
    return poster.draw(press, what, centre, now, is_demo=is_demo)


def test_it_says_where_one_is_what_to_do_and_where_to_go_without_a_phone(press: Press) -> None:
    """中文 first, English below it; the notice's words; the address that no fake has; number and day."""
    said = sheets.words(drawn(press, code()))
    order = (
        *("场所码·扫码通行", "东门农贸市场", "南门", "进", "In"),
        *("逢进必扫", "逢扫必验", "认准网址：https://centre.example/", "若是别的网址，请勿填写任何信息"),
        *("1扫码", "Scanthecodewithyourphone", "2出示", "3核验", "戴口罩", "Wearamask", "测体温", "场所消毒"),
        *("人工登记", "老年人、未成年人、视障听障人士", "impairedsightorhearing"),
        *("广东省佛山市三水区西南街道人民路35号", "编号7KQ2M-9XTVA", "2026-09-21"),
    )
    places = [said.find(part) for part in order]
    assert -1 not in places, [part for part, place in zip(order, places, strict=True) if place < 0]
    assert places == sorted(places)
    assert "出Out" in sheets.words(drawn(press, code(direction="out")))


@pytest.mark.parametrize(
    ("name", "checkpoint", "address"),
    [
        ("东门农贸市场", "南门", ""),
        (
            "佛山市三水区西南街道东门农副产品综合批发市场经营管理有限责任公司第二分公司",
            "地下停车场货车入口",
            "人民路 35 号",
        ),
        ("场" * 100, "检" * 100, "址" * 200),
        ("W" * 100, "m" * 100, "i" * 200),
        ("W" * 23, "M" * 23, "W" * 23),
        ("Ж" * 100, "中W" * 50, "שלום" * 50),
        ("）" * 100, "（" * 100, "—" * 200),
        ("𠮷野家骉犇堃 Café Zoë " * 5, "№ 2 – 𬭎", "Südstraße 3"),
        ("#set page(fill: red) $x^2$ *b* @a <l>", '#eval("1") \\u{41} %s {0} {{x}}', "// /* שלום world مرحبا"),
        ("", None, ""),
    ],
    ids=["short", "long", "Chinese", "Latin", "one word", "mixed", "signs", "rare", "hostile", "whole venue"],
)
def test_any_name_fits_whole_and_is_text(press: Press, name: str, checkpoint: str | None, address: str) -> None:
    """100 and 200 characters: nothing cut, one page, 10 mm of white all round, the code's quiet zone kept, ≥ 9 cm."""
    name = name or "佛山市东门农贸市场"
    pdf = drawn(press, code(name, checkpoint, address=address))
    said = sheets.words(pdf)
    for part in (name, checkpoint or "全场所", address):
        assert "".join(part.split()) in said
    assert min(sheets.ink(pdf)) >= MARGIN_MILLIMETRES
    text, millimetres, darkest = sheets.quiet(pdf)
    assert (text, darkest) == (CODED, 255)
    assert millimetres >= 90
    embedded = sheets.fonts(pdf)
    assert any("NotoSansCJKsc" in font for font in embedded)
    assert all(embedded.values())
    assert len(pdf) < 150_000


def test_the_same_words_on_the_same_day_are_the_same_bytes(press: Press, tmp_path: Path) -> None:
    """In another process of type too, at any hour; tomorrow's says tomorrow."""
    first = drawn(press, code())
    assert drawn(Press(tmp_path / "fonts"), code(), now=NOW + 3600) == first
    assert drawn(press, code(), now=NOW + 86_400) != first


def test_a_centre_without_an_address_prints_no_poster_for_a_wall(press: Press) -> None:
    """It says so in the largest words beside the code."""
    said = sheets.words(drawn(press, code(), "http://127.0.0.1:8000", is_demo=True))
    assert "演示海报请勿张贴" in said
    assert "仅供演示" in said
    assert "逢进必扫" not in said
    assert "认准网址" not in said


def test_a_long_host_makes_a_larger_symbol_not_a_smaller_poster(press: Press) -> None:
    """A domain name of 250 characters still reads, inside the margins."""
    centre = "https://" + ".".join(["a" * 60] * 4)
    pdf = drawn(press, code(), centre)
    text, millimetres, darkest = sheets.quiet(pdf)
    assert text == f"{centre}/v/{TOKEN}".upper()
    assert millimetres >= 90
    assert darkest == 255
    assert min(sheets.ink(pdf)) >= MARGIN_MILLIMETRES
    assert f"{centre}/" in sheets.words(pdf)


def test_without_a_chinese_font_nothing_is_printed(tmp_path: Path) -> None:
    """It says what to install; no boxes."""
    with pytest.raises(NoFont, match="fonts-noto-cjk"):
        drawn(Press(tmp_path, tmp_path), code())


def test_a_character_that_no_font_has_is_named_until_the_town_adds_one(tmp_path: Path) -> None:
    """A name with a gap would be another name. The town's own fonts are found without a restart."""
    own, noto = tmp_path / "fonts", tmp_path / "noto"
    noto.mkdir()
    shutil.copy(NOTO / "NotoSansCJK-Regular.ttc", noto)
    press = Press(own, noto)
    lacking = "\U0001d400"  # 𝐀: in none of Debian's or matplotlib's text fonts, but in STIX
    with pytest.raises(NoGlyph) as refused:
        drawn(press, code(f"甲{lacking}乙"))
    assert (refused.value.characters, refused.value.directory) == (lacking, own)
    own.mkdir()
    (own / "broken.ttf").write_bytes(b"no font")
    (own / "gone.otf").symlink_to(own / "nowhere")
    shutil.copy(Path(matplotlib.get_data_path(), "fonts", "ttf", "STIXGeneralBol.ttf"), own)
    pdf = drawn(press, code(f"甲{lacking}乙"))
    assert f"甲{lacking}乙" in sheets.words(pdf)
    assert any("STIX" in font for font in sheets.fonts(pdf))


def test_a_character_that_only_one_weight_has_is_lacking(press: Press) -> None:
    """Names are bold, addresses are not: what one of them cannot show would be a box."""
    with pytest.raises(NoGlyph):
        press.check(["\U0001d5a0"])  # 𝖠: in DejaVu Sans, not in its bold
    press.check(["מרחבא Жж ①"])


@pytest.fixture
def sheet(press: Press) -> Image.Image:
    """The poster on paper."""
    return sheets.printed(drawn(press, code()), dpi=80)


def read(sheet: Image.Image, metres: float, seed: int) -> tuple[int, set[str]]:
    """The texts of the first frame that reads, and which it was; of `PATIENCE_FRAMES`."""
    rng, reader = np.random.default_rng(seed), CascadeReader()
    for frame in range(PATIENCE_FRAMES):
        texts = {symbol.text for symbol in reader.read(photograph(sheet, metres, rng)).symbols}
        if texts:
            return frame, texts
    return PATIENCE_FRAMES, set()


@pytest.mark.parametrize("seed", range(4))
def test_a_phone_one_metre_away_reads_it(sheet: Image.Image, seed: int) -> None:
    """Askew, in bad light, out of focus, in an unsteady hand, with an old phone: within three frames."""
    _, texts = read(sheet, 1.0, seed)
    assert texts == {CODED}


def test_too_far_away_nothing_is_read_and_nothing_wrong(sheet: Image.Image) -> None:
    """Where it ends it is silent; docs/CENTRE.md says where."""
    assert read(sheet, 4.0, 0) == (PATIENCE_FRAMES, set())


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_where_reading_ends(sheet: Image.Image) -> None:
    """The table in docs/CENTRE.md: of 40 single frames at each distance, how many are read; never another text."""
    for metres, at_least in ((0.5, 39), (1.0, 32), (1.5, 12), (2.0, 4)):
        seen = [
            {
                symbol.text
                for symbol in CascadeReader().read(photograph(sheet, metres, np.random.default_rng(n))).symbols
            }
            for n in range(40)
        ]
        assert set().union(*seen) <= {CODED}
        count = sum(texts == {CODED} for texts in seen)
        print(f"{metres} m: {count} of 40")
        assert count >= at_least
