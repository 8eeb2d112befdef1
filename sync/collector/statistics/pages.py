"""A venue's statistics (R15): the flow of a day, and people by checkpoint and by inspector, that day and in total.

Inspectors' names are shown to the venue's own people; others see their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from sync.collector import charts, languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import NotFound
from sync.collector.statistics import counts, figures, flow, words
from sync.collector.statistics.counts import Names
from sync.collector.statistics.figures import NOTHING, Cell, Figures
from sync.collector.venues.model import Venue

_MOST_VENUES = 2**31
_CSV_DAYS = 31


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: that day, and in total."""

    name: str
    day: Figures
    total: Figures


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("statistics", __name__, url_prefix="/venues/<int:venue_id>/statistics")

    @pages.get("")
    @requires(Action.STATISTICS_SEE)
    def index(venue_id: int) -> Any:
        now = clock()
        with centre.database.read() as session:
            venue = _venue(session, venue_id)
            day = figures.read_day(request.args.get("day"), now)
            return _page(session, venue, day, figures.today(now))

    @pages.get("/flow.svg")
    @requires(Action.STATISTICS_SEE)
    def picture(venue_id: int) -> Response:
        with centre.database.read() as session:
            venue = _venue(session, venue_id)
            day = figures.read_day(request.args.get("day"), clock())
            cells = counts.of_days(session, venue.id, day)
        return charts.response(charts.draw(flow.chart(cells, day), languages.language(), **charts.wanted_size()))

    @pages.get("/hours.csv")
    @requires(Action.STATISTICS_SEE)
    def export(venue_id: int) -> Response:
        with centre.database.read() as session:
            venue = _venue(session, venue_id)
            last = figures.read_day(request.args.get("day"), clock())
            first = last - timedelta(days=_days(request.args.get("days")) - 1)
            cells = counts.of_days(session, venue.id, first, (last - first).days + 1)
            body = flow.as_csv(cells, _names(session, venue))
        answer = Response(body, content_type="text/csv; charset=utf-8")
        name = f"venue-{venue.id}-{first.isoformat()}-{last.isoformat()}.csv"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    return pages


def _page(session: Session, venue: Venue, day: date, today: date) -> str:
    of_day, in_total = counts.of_days(session, venue.id, day), counts.in_total(session, venue.id, today)
    names = _names(session, venue)
    return render_template(
        "statistics/index.html",
        venue=venue,
        day=day,
        today=today,
        before=max(figures.read_day("1970-01-02", 0), day - timedelta(days=1)),
        after=min(today, day + timedelta(days=1)),
        since=counts.since(today),
        phones=counts.visits(session, venue.id, day),
        sums=Line("", figures.total(of_day), figures.total(in_total)),
        flow=charts.figures(flow.chart(of_day, day), languages.language()),
        flow_title=flow.title(day),
        checkpoints=_lines(of_day, in_total, lambda cell: cell.checkpoint, names.checkpoints, words.checkpoint),
        inspectors=_lines(of_day, in_total, lambda cell: cell.inspector, names.inspectors, words.inspector),
        words=words,
    )


def _lines(
    of_day: list[Cell],
    in_total: list[Cell],
    key: Callable[[Cell], int],
    known: dict[int, str],
    name: Callable[[dict[int, str], int], str],
) -> list[Line]:
    """One for each number that is known or counted, in order."""
    days, totals = figures.by(of_day, key), figures.by(in_total, key)
    numbers = sorted(known.keys() | days.keys() | totals.keys())
    return [Line(name(known, each), days.get(each, NOTHING), totals.get(each, NOTHING)) for each in numbers]


def _venue(session: Session, venue_id: int) -> Venue:
    if venue_id >= _MOST_VENUES:
        raise NotFound("there is no such venue")
    return guard.venue_for(session, Action.STATISTICS_SEE, venue_id)


def _names(session: Session, venue: Venue) -> Names:
    names = counts.names(session, venue.id)
    is_its_own = guard.allowed_at(Action.INSPECT, venue) or guard.allowed_at(Action.MEMBERS_CHANGE, venue)
    return names if is_its_own else Names(names.checkpoints, dict.fromkeys(names.inspectors, ""))


def _days(text: str | None) -> int:
    """How many a file has: as asked, at most `_CSV_DAYS`, 1 for what is no number."""
    if text is None or not (text.isascii() and text.isdigit()):
        return 1
    return min(_CSV_DAYS, max(1, int(text[:9])))
