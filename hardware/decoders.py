"""The two decoder libraries behind one shape: luma in, symbols out. QR codes only.

Neither decides which frame to try or what a text means. Whatever a library throws leaves here as it is; the
cascade turns it into a ReaderError.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from hardware.errors import ReaderError
from hardware.ports import Symbol

Luma = NDArray[np.uint8]
_QR = zxingcpp.BarcodeFormat.QRCode


def zxing(luma: Luma, reader: str = "zxing") -> tuple[Symbol, ...]:
    """Every QR code that zxing-cpp reads, light on dark too; `reader` is the name of the stage.

    A code whose bytes are no text of its character set still has a text: zxing-cpp writes each such byte as a
    character of its own. It is then an unknown code, never a pass.
    """
    found = zxingcpp.read_barcodes(luma, formats=_QR, text_mode=zxingcpp.TextMode.Plain)
    return distinct(
        Symbol(clean(code.text), reader, _zxing_corners(code.position))
        for code in found
        if code.valid and code.text
    )


class ZBar:
    """pyzbar, loaded when it is made: its shared library may be missing where zxing-cpp works."""

    def __init__(self) -> None:
        """Load pyzbar and libzbar. Raises ReaderError with what to install."""
        try:
            from pyzbar import pyzbar
        except (ImportError, OSError) as cause:  # pyzbar raises ImportError where libzbar.so.0 is missing
            raise ReaderError("pyzbar finds no ZBar: install the Debian package libzbar0") from cause
        self._decode: Any = pyzbar.decode
        self._symbols = [pyzbar.ZBarSymbol.QRCODE]

    def read(self, luma: Luma, reader: str, scale: int = 1) -> tuple[Symbol, ...]:
        """Every QR code that ZBar reads in `luma`; corners are multiplied by `scale`.

        Only plain ASCII is believed: ZBar guesses the character set of anything else and guessed wrongly in 9 of
        105 photographs. Our passes are ASCII, and a wrong text is worse than a miss.
        """
        found = self._decode(luma, symbols=self._symbols)
        return distinct(
            Symbol(code.data.decode("ascii"), reader, tuple((scale * x, scale * y) for x, y in code.polygon))
            for code in found
            if code.type == "QRCODE" and code.data and code.data.isascii()
        )


def distinct(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    """The symbols, each text once, in the order found."""
    return tuple({symbol.text: symbol for symbol in reversed(list(symbols))}.values())[::-1]


def clean(text: str) -> str:
    """`text` as something that can be written to a file or a record: no half surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _zxing_corners(position: Any) -> tuple[tuple[int, int], ...]:
    ring = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return tuple((point.x, point.y) for point in ring)
