"""The two decoder libraries behind one shape: luma in, what was read out. QR codes (ISO/IEC 18004 model 2) only.

Neither decides which picture to try or what a text means. Whatever a library throws leaves here as it is; the
cascade turns it into a ReaderError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import zxingcpp

from hardware.errors import ReaderError
from hardware.filters import Luma

Corners = tuple[tuple[int, int], ...]

# Not `QRCode`, which means its whole family: a Micro QR M1 corrects no error, and noise was read as six digits.
_QR: Any = zxingcpp.BarcodeFormat.QRCodeModel2


@dataclass(frozen=True, slots=True)
class Found:
    """A symbol in a picture. text: None where it was located but not read."""

    text: str | None
    corners: Corners


def zxing(luma: Luma) -> list[Found]:
    """Every QR code that zxing-cpp reads, light on dark too, and those that it only locates.

    Bytes that are no text in the symbol's character set become characters all the same: an unknown code, never a pass.
    """
    codes = zxingcpp.read_barcodes(luma, formats=_QR, text_mode=zxingcpp.TextMode.Plain, return_errors=True)
    return [Found(_written(code.text) if code.valid and code.text else None, _corners(code.position)) for code in codes]


class ZBar:
    """pyzbar, loaded when this is made: its shared library may be missing where zxing-cpp works."""

    def __init__(self) -> None:
        """Load pyzbar and libzbar. Raises ReaderError with what to install."""
        try:
            from pyzbar import pyzbar
        except (ImportError, OSError) as cause:  # ImportError, too, where libzbar.so.0 is missing
            raise ReaderError("pyzbar finds no ZBar: install the Debian package libzbar0") from cause
        self._decode: Any = pyzbar.decode
        self._kinds = [pyzbar.ZBarSymbol.QRCODE]

    def __call__(self, luma: Luma) -> list[Found]:
        """Every QR code that ZBar reads.

        Only plain ASCII is believed: ZBar guesses the character set of anything else, and guessed wrongly in 9 of 105
        photographs. Our passes are ASCII, and a wrong text is worse than a miss.
        """
        codes = self._decode(luma, symbols=self._kinds)
        return [
            Found(code.data.decode("ascii"), tuple((point.x, point.y) for point in code.polygon))
            for code in codes
            if code.type == "QRCODE" and code.data and code.data.isascii()
        ]


def _written(text: str) -> str:
    """`text` as something that a file or a record can hold: no half surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _corners(position: Any) -> Corners:
    ring = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return tuple((point.x, point.y) for point in ring)
