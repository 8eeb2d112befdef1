"""PURE: a pass's symbol – error correction M, alphanumeric, a quiet zone of four modules – as SVG (DESIGN 3)."""

from __future__ import annotations

from itertools import groupby

import segno

QUIET_MODULES = 4  # ISO/IEC 18004 §5.3.8


def modules_of(text: str) -> list[list[bool]]:
    """Row by row, dark ones true, the quiet zone included."""
    drawn = segno.make_qr(text, error="m", boost_error=False)
    return [[bool(module) for module in row] for row in drawn.matrix_iter(border=QUIET_MODULES)]


def svg(text: str) -> str:
    """One filled path: no hairlines between modules where a printer smooths edges."""
    modules = modules_of(text)
    drawn = []
    for y, row in enumerate(modules):
        x = 0
        for is_dark, run in groupby(row):
            width = len(list(run))
            if is_dark:
                drawn.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    side = len(modules)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"><path d="{"".join(drawn)}"/></svg>'
