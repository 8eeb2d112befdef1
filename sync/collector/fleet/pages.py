"""The fleet's first page: every gate on one screen, problems first, kept fresh; and the fleet as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Blueprint, Response, render_template, request

from sync.collector import languages
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.fleet import export, gate_pages, kept_pages, words
from sync.collector.fleet.conditions import Severity
from sync.collector.fleet.overview import GateState, Link, by_severity, gate_states

PARTS_PATH = "/fleet/parts.json"  # no gate's id has a full stop
_TROUBLES = (Severity.BROKEN, Severity.ATTENTION)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks to see. state: a severity or "silent", "" for all. venue: 0 for all. retired: those too."""

    state: str = ""
    venue: int = 0
    retired: bool = False

    @classmethod
    def of(cls, arguments: Any) -> Asked:
        """What is no such thing asks for nothing."""
        state = arguments.get("state", "")
        known = (*(severity.value for severity in Severity), Link.SILENT.value)
        venue = arguments.get("venue", 0, type=int)
        return cls(state if state in known else "", venue, arguments.get("retired") == "yes")

    def shows(self, gate: GateState) -> bool:
        """Whether the gate is among what was asked for."""
        state = self.state in ("", gate.severity.value) or (self.state == gate.link.value)
        return state and self.venue in (0, gate.venue)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page shows. counts: of the whole fleet. troubled: the worst first; others: what needs nobody."""

    now: float
    counts: Sequence[tuple[Severity, int]]
    troubled: Sequence[GateState]
    others: Sequence[GateState]
    kept: int
    is_empty: bool

    @property
    def is_filtered_away(self) -> bool:
        """There are gates, and none of them was asked for."""
        return not self.is_empty and not self.troubled and not self.others


class PartsAnswer(msgspec.Struct, frozen=True):
    """The page's parts, as HTML."""

    as_of: str
    parts: dict[str, str]


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("fleet", __name__)

    @pages.get("/fleet")
    @requires(Action.FLEET_SEE)
    def index() -> str:
        asked = Asked.of(request.args)
        states = _states(centre, clock(), retired=asked.retired)
        venues = sorted({(gate.venue, gate.venue_name) for gate in states}, key=lambda venue: venue[1])
        return render_template("fleet/index.html", asked=asked, venues=venues, **_told(states, asked, clock()))

    @pages.get(PARTS_PATH)
    @requires(Action.FLEET_SEE, data=True)
    def parts() -> Response:
        asked, now = Asked.of(request.args), clock()
        told = _told(_states(centre, now, retired=asked.retired), asked, now)
        shown = {part: render_template(f"fleet/{part}.html", **told) for part in ("summary", "gates")}
        answer = msgspec.json.encode(PartsAnswer(languages.moment(now), shown))
        return Response(answer, content_type="application/json")

    @pages.get("/fleet.<any(csv, json):form>")
    @requires(Action.FLEET_SEE)
    def exported(form: str) -> Response:
        now = clock()
        states = by_severity(_states(centre, now, retired=True))
        if form == "json":
            return _file(export.as_json(states, now), "application/json", form)
        return _file(export.as_csv(states), "text/csv; charset=utf-8", "csv")

    gate_pages.add(pages, centre, clock)
    kept_pages.add(pages, centre, clock)
    return pages


def _states(centre: Centre, now: float, *, retired: bool) -> list[GateState]:
    with centre.database.read() as session:
        return gate_states(session, now, centre.settings, with_retired=retired)


def _told(states: Sequence[GateState], asked: Asked, now: float) -> dict[str, Any]:
    shown = [gate for gate in states if asked.shows(gate)]
    severities = [gate.severity for gate in states]
    seen = Seen(
        now=now,
        counts=[(severity, severities.count(severity)) for severity in Severity],
        troubled=by_severity(gate for gate in shown if gate.severity in _TROUBLES),
        others=sorted(
            (gate for gate in shown if gate.severity not in _TROUBLES), key=lambda gate: (gate.venue_name, gate.name)
        ),
        kept=sum(gate.set_aside + gate.conflicts for gate in states),
        is_empty=not states,
    )
    return {"seen": seen, "words": words, "languages": languages}


def _file(content: bytes, content_type: str, form: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename=fleet.{form}"}
    return Response(content, content_type=content_type, headers=headers)
