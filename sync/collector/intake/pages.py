"""The live page: records as they arrive, and how each gate is. `/live` is the same as JSON, with the page's parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from flask import Blueprint, Response, render_template

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.fleet.overview import GateState, gate_states
from sync.collector.intake import arrivals, words
from sync.collector.intake.arrivals import Arrival, Counts
from sync.collector.venues.service import venues_within

_SHOWN_RECORDS = 50
_PARTS = ("counts", "gates", "records")


@dataclass(frozen=True, slots=True)
class Live:
    """What the page shows. now: seconds since 1970. gates: None for who does not see them."""

    now: float
    counts: Counts
    gates: list[GateState] | None
    records: list[Arrival]


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """`/live`: the same as data and as the page's parts. as_of: in the reader's language."""

    live: Live
    as_of: str
    parts: dict[str, str]


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("records", __name__)

    @pages.get("/records")
    @requires(Action.RECORDS_SEE)
    def index() -> str:
        return render_template("live.html", live=_look(centre, clock()), words=words, languages=languages)

    @pages.get("/live")
    @requires(Action.RECORDS_SEE, data=True)
    def live() -> Response:
        seen = _look(centre, clock())
        shown = [part for part in _PARTS if part != "gates" or seen.gates is not None]
        parts = {
            part: render_template(f"live_{part}.html", live=seen, words=words, languages=languages) for part in shown
        }
        body = msgspec.json.encode(LiveAnswer(seen, languages.moment(seen.now), parts))
        return Response(body, content_type="application/json")

    return pages


def _look(centre: Centre, now: float) -> Live:
    """An authority sees its region's venues; how the gates are is IT's."""
    with centre.database.read() as session:
        venues = venues_within(session, guard.regions(Action.RECORDS_SEE))
        return Live(
            now,
            arrivals.counts(session, now, venues),
            gate_states(session, now, centre.settings) if guard.allowed(Action.FLEET_SEE) else None,
            arrivals.newest(session, _SHOWN_RECORDS, venues),
        )
