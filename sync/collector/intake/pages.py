"""The live page: records as they arrive, and how each gate is. `/live` is the same as JSON, with the page's parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from flask import Blueprint, Response, render_template, request

from sync.collector import languages
from sync.collector.access import is_local
from sync.collector.centre import Centre
from sync.collector.fleet.overview import GateState, gate_states
from sync.collector.intake import arrivals, words
from sync.collector.intake.arrivals import Arrival, Counts

_SHOWN_RECORDS = 50
_PARTS = ("counts", "gates", "records")


@dataclass(frozen=True, slots=True)
class Live:
    """What the page shows. now: seconds since 1970."""

    now: float
    counts: Counts
    gates: list[GateState]
    records: list[Arrival]


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """`/live`: the same as data and as the page's parts. as_of: in the reader's language."""

    live: Live
    as_of: str
    parts: dict[str, str]


class NotHere(Exception):
    """The page is for this machine only, until accounts exist."""


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("pages", __name__)

    @pages.before_request
    def only_here() -> None:
        if not is_local(request):
            raise NotHere

    @pages.get("/")
    def index() -> str:
        return render_template("live.html", live=_look(centre, clock()), words=words, languages=languages)

    @pages.get("/live")
    def live() -> Response:
        seen = _look(centre, clock())
        parts = {
            part: render_template(f"live_{part}.html", live=seen, words=words, languages=languages) for part in _PARTS
        }
        body = msgspec.json.encode(LiveAnswer(seen, languages.moment(seen.now), parts))
        return Response(body, content_type="application/json")

    return pages


def _look(centre: Centre, now: float) -> Live:
    with centre.database.read() as session:
        return Live(
            now,
            arrivals.counts(session, now),
            gate_states(session, now, centre.settings.silent_after_seconds),
            arrivals.newest(session, _SHOWN_RECORDS),
        )
