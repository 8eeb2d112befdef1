"""What stands on a venue code's poster (R1, R4b, R6): 中文 first, English below, for somebody two or three metres away.

A poster pasted over another is the known attack: this one says under which address a visitor must find themselves.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from unicodedata import combining

from sync.collector import languages
from sync.collector.venues import code_words, codes, symbol
from sync.collector.venues.code_model import VenueCode
from sync.collector.venues.press import Press

SYMBOL_MILLIMETRES = 91.0
"""Of the code without its quiet zone."""
_MARKS = Path(__file__).parents[1] / "templates" / "venues"
_DAY_SECONDS = 86_400
_CHINA_SECONDS = 8 * 3600
_LONG_RUN = re.compile("[^\\s\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af]{24,}")
_ANYWHERE = "\u200b"


def draw(press: Press, code: VenueCode, centre: str, now: float, *, is_demo: bool) -> bytes:
    """The PDF. centre: where people open its pages. is_demo: they open on this machine only. Raises NoFont, NoGlyph."""
    number = codes.shown(code.token)
    spoken = {}
    for language in languages.LANGUAGES:
        with languages.speaking(language):
            spoken[language] = asdict(code_words.poster(code, number, centre, is_demo=is_demo))
    address = symbol.address(centre, code.token)
    side = len(symbol.modules_of(address))
    names = names_of(code)
    title = " · ".join(names[:2])
    name, *place = (breakable(each) for each in names[:2])
    spoken["zh"]["place"] = place[0] if place else spoken["zh"]["place"]
    told = {
        **spoken,
        "title": title,
        "name": name,
        "direction": bool(spoken["zh"]["direction"]),
        "symbol": symbol.svg(address).decode(),
        "millimetres": SYMBOL_MILLIMETRES * side / (side - 2 * symbol.QUIET_MODULES),
        "host": breakable(spoken["zh"]["host"]),
        "marks": [(_MARKS / f"{mark}.svg").read_text(encoding="utf-8") for mark in code_words.REMINDERS],
        "address": breakable(code.venue.address),
        "date": languages.moment(now).partition(" ")[0],
    }
    return press.print(told, [*names, code.venue.address], day_of(now))


def names_of(code: VenueCode) -> list[str]:
    """What others called it: the venue, and the checkpoint where it is of one."""
    return [code.venue.name, *([code.checkpoint.name] if code.checkpoint else [])]


def breakable(words: str) -> str:
    """PURE. A long run without a blank may break where no script allows it: zero-width spaces (UAX #14, class ZW)."""
    return _LONG_RUN.sub(_with_breaks, words)


def _with_breaks(run: re.Match[str]) -> str:
    return "".join(letter if combining(letter) else _ANYWHERE + letter for letter in run[0])


def day_of(now: float) -> int:
    """PURE. When that day began in China."""
    return int((now + _CHINA_SECONDS) // _DAY_SECONDS * _DAY_SECONDS - _CHINA_SECONDS)
