"""The township's list of its venues: new, waiting for its word, silent in opening hours (R10, R11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.languages import translate as _
from sync.collector.venues import acts, approval, words
from sync.collector.venues.approval import Shown, Wanted
from sync.collector.venues.forms import OneButtonForm, RefusalForm
from sync.collector.venues.model import VenueState

_DECISIONS = {"approve": VenueState.ACTIVE, "refuse": VenueState.REFUSED, "close": VenueState.CLOSED}
_MOST_TEXT = 100
_MOST_PAGE = 10_000


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("township", __name__)

    @pages.get("/venues")
    @requires(Action.VENUES_SEE)
    def index() -> Any:
        wanted = _wanted(centre)
        with centre.database.read() as session:
            rows, has_more = approval.listed(session, wanted, clock())
            counts = approval.counts(session, wanted.regions, clock())
        return render_template(
            "venues/township.html",
            rows=rows,
            has_more=has_more,
            counts=counts,
            wanted=wanted,
            shown=list(Shown),
            words=words,
            languages=languages,
        )

    @pages.post("/venues/<int:venue_id>/<any(approve, refuse, close):what>")
    @requires(Action.VENUES_DECIDE)
    def decide(venue_id: int, what: str) -> Any:
        form = RefusalForm() if what == "refuse" else OneButtonForm()
        back = redirect(url_for("venues.show", venue_id=venue_id), 303)
        if not form.validate_on_submit():
            flash(_("请写明不同意的原因。"), "warning")
            return back
        try:
            with acts.acting(centre, Action.VENUES_DECIDE, venue_id, clock()) as (access, venue):
                refusal = form.refusal.data.strip() if what == "refuse" else ""
                approval.decide(access, venue, _DECISIONS[what], refusal)
            flash(
                {
                    "approve": _("场所已同意，现在可以使用。"),
                    "refuse": _("已告知场所管理员，请其修改后再申请。"),
                    "close": _("场所已关闭，场所码不再有效。"),
                }[what]
            )
        except Mistake as cause:
            flash(words.mistake(cause), "warning")
        return back

    return pages


def _wanted(centre: Centre) -> Wanted:
    """From the address; what cannot be meant is left out."""
    shown = request.args.get("shown", "")
    page = request.args.get("page", "0")
    return Wanted(
        regions=guard.regions(Action.VENUES_SEE),
        shown=Shown(shown) if shown in set(Shown) else Shown.ALL,
        text="".join(filter(str.isprintable, request.args.get("text", "")))[:_MOST_TEXT].strip(),
        page=min(int(page), _MOST_PAGE) if page.isascii() and page.isdigit() and len(page) < 6 else 0,
        silent_seconds=centre.settings.venues.silent_open_hours * 3600,
    )
