"""Paper passes as A4 sheets to cut: a large card for people who read large type, or one for a purse (R3, R6).

A card shows no whole name: a hint that its owner knows, and a number that the clerk's page shows too. The last page
says which card is whose, by hint and the last four of the document's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from sync.collector import languages
from sync.collector.passes import words
from sync.collector.passes.batches import Card
from sync.collector.passes.hints import STAR, hint_of
from sync.collector.venues import symbol
from sync.collector.venues.poster import breakable, day_of
from sync.collector.venues.press import TEMPLATES, Press
from sync.collector.visitors.identity import masked

_TEMPLATE = TEMPLATES / "passes" / "cards.typ"


class Size(str, Enum):
    """How large a card is."""

    LARGE = "large"  # A6, four on a sheet
    SMALL = "small"  # 85.6 × 54 mm as a bank card, ten on a sheet


def draw(press: Press, cards: Sequence[Card], title: str, size: Size, now: float) -> bytes:
    """The PDF. title: of the batch. Raises NoFont; a character of a name that no font has is a star."""
    spoken = {}
    for language in languages.LANGUAGES:
        with languages.speaking(language):
            spoken[language] = words.card()
    title = printable(press, title)
    hints = [printable(press, hint_of(card.person.name)) for card in cards]
    told = {
        **spoken,
        "title": breakable(title),
        "size": size.value,
        "date": _day(now),
        "cards": [
            {
                "symbol": symbol.svg(card.text, "m").decode(),
                "hint": hint,
                "last": masked(card.person.number),
                "number": shown(card.serial),
                "place": card.place,
                "until": _day(card.expires_at - 1),
            }
            for card, hint in zip(cards, hints, strict=True)
        ],
    }
    return press.print(told, [title, *hints], day_of(now), _TEMPLATE)


def printable(press: Press, word: str) -> str:
    """A word with stars for what no font here has."""
    lacking = press.lacking(word)
    return "".join(STAR if letter in lacking else letter for letter in word)


def shown(serial: bytes) -> str:
    """A pass's number for people: the first half of what records keep, in groups."""
    text = serial.hex().upper()[:8]
    return f"{text[:4]}-{text[4:]}"


def _day(at: float) -> str:
    return languages.moment(at).partition(" ")[0]
