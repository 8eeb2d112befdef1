"""The page on which a phone saves its holder's pass, and the one that shows it without network.

The pass stays on the phone: in its gallery, and – where there is a script – in the browser's own store, shown by a page
that a service worker keeps. A press saves a new one; those before it last until they end.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, make_response, redirect, render_template, url_for

from sync.collector import languages
from sync.collector.accounts.guard import open_to_all
from sync.collector.centre import Centre
from sync.collector.headers import POLICY
from sync.collector.languages import translate as _
from sync.collector.passes import saved
from sync.collector.passes.hints import hint_of
from sync.collector.passes.saved import NotNow, TooMany
from sync.collector.visitors.phone import party
from sync.collector.visitors.phone.pages import this_phone
from sync.collector.visitors.phone.party import Party
from sync.collector.visitors.status.sources import source_of
from sync.wire.passes import Status

_INSTALLABLE = {"Content-Security-Policy": f"{POLICY}; manifest-src 'self'"}


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("saved", __name__, url_prefix="/phone/saved")

    @pages.get("")
    @open_to_all
    def show() -> Any:
        there = this_phone(centre, clock())
        return _page(centre, there) if there else redirect(url_for("phone.people"), 303)

    @pages.post("")
    @open_to_all
    def save() -> Any:
        now = clock()
        there = this_phone(centre, now)
        if there is None:
            return redirect(url_for("phone.people"), 303)
        if not _may(centre, there):
            return _page(centre, there)
        holder = there.holder
        try:
            made = saved.issue(centre, source_of(centre), holder.visitor, holder.person, now)
        except NotNow:
            return _page(centre, there, _("现在不能保存通行码。进门时请扫描场所码，或找检测员。"), HTTPStatus.CONFLICT)
        except TooMany:
            sentence = _("已保存的通行码还有效，请用相册里的图片。")
            return _page(centre, there, sentence, HTTPStatus.TOO_MANY_REQUESTS)
        picture = b64encode(saved.picture(made)).decode()
        page = render_template(
            "passes/saved_made.html",
            picture=picture,
            hint=hint_of(holder.person.name),
            until=languages.moment(made.claims.expires_at)[:16],
            ends=made.claims.expires_at,
            is_unknown=made.claims.status is Status.UNKNOWN,
        )
        return make_response(page, HTTPStatus.OK, _INSTALLABLE)

    @pages.get("/kept")
    @open_to_all
    def kept() -> Any:
        """The same for everybody: what it shows is on the phone."""
        return make_response(render_template("passes/saved_kept.html"), HTTPStatus.OK, _INSTALLABLE)

    @pages.get("/worker.js")
    @open_to_all
    def worker() -> Response:
        answer = current_app.send_static_file("saved-worker.js")
        answer.headers["Service-Worker-Allowed"] = url_for("saved.show")
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @pages.get("/app.webmanifest")
    @open_to_all
    def manifest() -> Response:
        told = {
            "name": _("离线通行码"),
            "short_name": _("通行码"),
            "start_url": url_for("saved.kept"),
            "scope": url_for("saved.show"),
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#123a63",
            "icons": [{"src": url_for("static", filename="icon.svg"), "sizes": "any", "type": "image/svg+xml"}],
        }
        return Response(msgspec.json.encode(told), content_type="application/manifest+json")

    return pages


def _may(centre: Centre, there: Party) -> bool:
    return party.may_show(there.holder, centre.settings.visitors.colour_needs)


def _page(centre: Centre, there: Party, wrong: str | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    page = render_template("passes/saved.html", may=_may(centre, there), wrong=wrong)
    return make_response(page, status, _INSTALLABLE)
