"""A printed poster, for tests: its words, its fonts, its dark places, and the code that it carries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import create_string_buffer

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
import segno
import zxingcpp
from numpy.typing import NDArray
from PIL import Image

from sync.collector.venues.code_model import VenueCode
from sync.collector.venues.model import Checkpoint, Venue

CENTRE = "https://centre.example"
TOKEN = "7KQ2M9XTVA"
A4_POINTS = (595.28, 841.89)


def code(
    name: str = "东门农贸市场",
    checkpoint: str | None = "南门",
    direction: str = "in",
    address: str = "广东省佛山市三水区西南街道人民路 35 号",
) -> VenueCode:
    """One that stands in no database."""
    venue = Venue(id=1, name=name, address=address, state="active")
    door = Checkpoint(id=1, name=checkpoint, direction=direction, venue=venue) if checkpoint else None
    return VenueCode(token=TOKEN, venue_id=1, venue=venue, checkpoint_id=door and 1, checkpoint=door, issued_at=0.0)


@contextmanager
def opened(pdf: bytes) -> Iterator[pypdfium2.PdfPage]:
    """Its only page, which is A4."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        assert len(document) == 1
        page = document[0]
        assert [round(side) for side in page.get_size()] == [round(side) for side in A4_POINTS]
        yield page
    finally:
        document.close()


def words(pdf: bytes) -> str:
    """The text as a reader program finds it, without blanks and line ends."""
    with opened(pdf) as page:
        text = page.get_textpage().get_text_range()
    return "".join(letter for letter in text if not letter.isspace() and letter not in "\u200b\x02\ufffe\xad")


def printed(pdf: bytes, dpi: int) -> Image.Image:
    """As a black-and-white printer puts it on paper."""
    with opened(pdf) as page:
        picture: Image.Image = page.render(scale=dpi / 72).to_pil().convert("L")
    return picture


def ink(pdf: bytes) -> tuple[float, float, float, float]:
    """How far from the left, top, right and bottom edge the first ink lies, in millimetres."""
    dark: NDArray[np.bool_] = np.asarray(printed(pdf, 100)) < 250
    across, down = np.flatnonzero(dark.any(axis=0)), np.flatnonzero(dark.any(axis=1))
    height, width = dark.shape
    pixels = (across[0], down[0], width - 1 - across[-1], height - 1 - down[-1])
    left, top, right, bottom = (float(each) * 25.4 / 100 for each in pixels)
    return left, top, right, bottom


def fonts(pdf: bytes) -> dict[str, bool]:
    """Each font that text is set in, and whether it is in the file."""
    found = {}
    with opened(pdf) as page:
        for each in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
            font = pdfium.FPDFTextObj_GetFont(each.raw)
            name = create_string_buffer(100)
            pdfium.FPDFFont_GetBaseFontName(font, name, len(name))
            found[name.value.decode()] = pdfium.FPDFFont_GetIsEmbedded(font) == 1
    return found


def quiet(pdf: bytes) -> tuple[str, float, float]:
    """What the printed code says, its width in millimetres, and the darkest grey within four modules around it."""
    dpi = 150
    picture = np.asarray(printed(pdf, dpi))
    (symbol,) = zxingcpp.read_barcodes(picture, zxingcpp.BarcodeFormat.QRCode)
    place = symbol.position
    left, top, right, bottom = place.top_left.x, place.top_left.y, place.bottom_right.x, place.bottom_right.y
    modules = segno.make_qr(symbol.text, error="q", boost_error=False).symbol_size(border=0)[0]
    margin = round(4 * (right - left) / modules) - 1
    around = picture[top - margin : bottom + margin + 1, left - margin : right + margin + 1].copy()
    around[margin - 2 : -margin + 2, margin - 2 : -margin + 2] = 255
    return symbol.text, (right - left) * 25.4 / dpi, float(around.min())
