"""The saved pass: on a phone for days without network, as a picture in its gallery and as an installed page (R3, R6).

The centre keeps no text of it: the picture is drawn once, from the pass that was just made, for its holder alone. When
the holder's status changes, `visitors.status` withdraws it, and gates know at their next update.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import func, select

from sync.collector import languages
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.languages import translate as _
from sync.collector.passes.hints import hint_of
from sync.collector.venues.press import NOTO
from sync.collector.visitors.identity import Person
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.service import VALID_SECONDS, StatusChanged, Wanted, issue_claimed
from sync.collector.visitors.status.port import StatusSource, Subject
from sync.wire.passes import PassClaims, PassKind, Status

MOST_IN_FORCE = 10
"""Saved passes of one person at a time: each may have to be withdrawn."""
SHORTEST_SECONDS = 3_600
WIDTH = 1080
"""Of the picture, in pixels: a phone's screen."""
_QUIET_MODULES = 4  # ISO/IEC 18004 §5.3.8
_TOP, _BOTTOM = 190, 330
_SIMPLIFIED = 2  # which of the faces in Noto's file
_INK, _QUIET_INK, _NAVY = "#101820", "#3c4a56", "#123a63"


class NotNow(Mistake):
    """Who is yellow or red gets no saved pass."""


class TooMany(Mistake):
    """Enough of them are in force."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A new pass. text: what its symbol says."""

    text: str = field(repr=False)
    claims: PassClaims
    person: Person = field(repr=False)


def issue(centre: Centre, source: StatusSource, visitor: str, person: Person, now: float) -> Saved:
    """A pass for the days to come, while the status lasts. Raises NotNow, TooMany, NotFound, DatabaseUnavailable."""
    health = source.of(Subject(visitor, person), now)
    seconds = VALID_SECONDS[PassKind.SAVED]
    if health.until is not None:
        seconds = min(seconds, int(health.until - now))
    if health.status not in (Status.GREEN, Status.UNKNOWN) or seconds < SHORTEST_SECONDS:
        raise NotNow("no pass can be saved now")
    test = health.test
    wanted = Wanted(
        PassKind.SAVED,
        health.status,
        valid_seconds=seconds,
        tested_hours_ago=None if test is None else max(0.0, now - test.at) / 3600,
        test_negative=test is None or test.negative,
        holder=visitor,
    )
    with centre.database.write() as session:
        try:
            text, claims = issue_claimed(centre, session, wanted, now)
        except StatusChanged as cause:
            raise NotNow("no pass can be saved now") from cause
        theirs = (IssuedPass.holder == visitor, IssuedPass.kind == int(PassKind.SAVED), IssuedPass.expires_at > now)
        if (session.scalar(select(func.count()).select_from(IssuedPass).where(*theirs)) or 0) > MOST_IN_FORCE:
            raise TooMany("enough saved passes of this person are in force")
    return Saved(text, claims, person)


def picture(saved: Saved) -> bytes:
    """PNG for a phone's gallery: the symbol as wide as a screen, a hint of the name, the end. No name, no colour."""
    symbol = segno.make_qr(saved.text, error="m", boost_error=False)
    side = int(symbol.symbol_size(border=_QUIET_MODULES)[0])
    scale = WIDTH // side
    drawn = Image.new("L", (WIDTH, _TOP + scale * side + _BOTTOM), 255)
    modules = BytesIO()
    symbol.save(modules, kind="png", scale=scale, border=_QUIET_MODULES)
    with Image.open(modules) as code:
        drawn.paste(code.convert("L"), ((WIDTH - scale * side) // 2, _TOP))
    pen, below = ImageDraw.Draw(drawn), _TOP + scale * side
    until = languages.moment(saved.claims.expires_at)[:16]
    _line(pen, 40, _both("离线通行码", _("离线通行码")), 64, _NAVY)
    _line(pen, 128, _both("没有网络时，把二维码对准闸机", _("没有网络时，把二维码对准闸机")), 34, _QUIET_INK)
    _line(pen, below + 10, hint_of(saved.person.name), 96, _INK)
    _line(pen, below + 145, " ".join((_both("有效期至", _("有效期至")), until)), 46, _INK)
    _line(pen, below + 225, _both("状态变化后，闸机会拒绝此码", _("状态变化后，闸机会拒绝此码")), 34, _QUIET_INK)
    into = BytesIO()
    drawn.save(into, "PNG")  # fewer greys or more squeezing save a few kilobytes and cost half a second (measured)
    return into.getvalue()


def _both(message: str, told: str) -> str:
    """Chinese, and the reader's language beside it where that is another."""
    return message if told == message else f"{message} {told}"


def _line(pen: ImageDraw.ImageDraw, top: int, words: str, size: int, ink: str) -> None:
    """Centred, as large as fits."""
    font = _font(size)
    while size > 20 and pen.textlength(words, font) > WIDTH - 60:
        size -= 4
        font = _font(size)
    pen.text((WIDTH / 2, top), words, fill=ink, font=font, anchor="ma")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = Path(NOTO / "NotoSansCJK-Bold.ttc")
    return ImageFont.truetype(path, size, index=_SIMPLIFIED) if path.exists() else ImageFont.load_default(size)
