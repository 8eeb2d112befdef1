"""PURE: what a venue code says, and its symbol – error correction Q, a quiet zone of four modules – as PNG and SVG.

An address in capitals: QR's alphanumeric mode (ISO/IEC 18004 §7.4.4) makes a smaller symbol, with larger modules.
"""

from __future__ import annotations

from io import BytesIO
from itertools import groupby
from urllib.parse import quote

import segno

QUIET_MODULES = 4  # ISO/IEC 18004 §5.3.8
MIN_PIXELS = 1200
_PRINT_DPI = 300
_MAX_FILE_BYTES = 180  # of a name before its ending; file systems take 255
_UNSAFE = frozenset('/\\:*?"<>|%')
_ATTRIBUTE = "!#$&+-.^_`|~"  # of attr-char (RFC 5987 §3.2.1), beside letters and digits


def address(centre: str, token: str) -> str:
    """centre: where people open its pages, such as https://centre.example."""
    return f"{centre}/v/{token}".upper()


def qr(text: str, error: str = "q") -> segno.QRCode:
    """At exactly the level Q unless said: a quarter of it may be torn, dirty or glaring."""
    return segno.make_qr(text, error=error, boost_error=False)


def png(text: str) -> bytes:
    """Whole pixels a module, `MIN_PIXELS` or a little more wide."""
    symbol, drawn = qr(text), BytesIO()
    side = symbol.symbol_size(scale=1, border=QUIET_MODULES)[0]
    symbol.save(drawn, kind="png", scale=-(-MIN_PIXELS // side), border=QUIET_MODULES, dpi=_PRINT_DPI)
    return drawn.getvalue()


def svg(text: str, error: str = "q") -> bytes:
    """One filled path: no hairlines between modules where a printer smooths edges. On white, for dark pages."""
    modules = modules_of(text, error)
    drawn = []
    for y, row in enumerate(modules):
        x = 0
        for is_dark, run in groupby(row):
            width = len(list(run))
            if is_dark:
                drawn.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    side = len(modules)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side * 10}" height="{side * 10}" viewBox="0 0 {side} {side}">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{"".join(drawn)}"/></svg>'
    ).encode()


def modules_of(text: str, error: str = "q") -> list[list[bool]]:
    """Row by row, dark ones true, the quiet zone included."""
    return [[bool(module) for module in row] for row in qr(text, error).matrix_iter(border=QUIET_MODULES)]


def file_name(*parts: str) -> str:
    """A speaking name without its ending: no separator, nothing invisible, not longer than file systems take."""
    words = "-".join(part.strip() for part in parts)
    kept = "".join("_" if letter in _UNSAFE or not letter.isprintable() else letter for letter in words)
    return kept.encode()[:_MAX_FILE_BYTES].decode(errors="ignore").strip(" .") or "venue-code"


def disposition(name: str, plain: str) -> str:
    """Content-Disposition (RFC 6266 §4): `name` as it is, and `plain` in ASCII for a browser that knows no better."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE)}"
