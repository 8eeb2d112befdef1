"""A venue's codes for its staff – look, download, print, renew – and the page behind each code, open to all (R1, R19).

The public page is light – no script, one small style sheet – and says nothing of people. An unknown token costs one
look-up by key, and what has no token's shape none: measured in docs/CENTRE.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, make_response, redirect, render_template, url_for
from wtforms import BooleanField
from wtforms.validators import DataRequired

from sync.collector.accounts import guard
from sync.collector.accounts.guard import open_to_all, requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import Mistake, NotFound
from sync.collector.fleet.forms import ReasonForm
from sync.collector.languages import lazy as _l
from sync.collector.languages import translate as _
from sync.collector.privacy.access import personal
from sync.collector.venues import code_words, codes, poster, symbol
from sync.collector.venues.code_model import VenueCode
from sync.collector.venues.codes import NotInForce, Standing
from sync.collector.venues.model import Venue
from sync.collector.venues.press import DEBIAN_PACKAGE, NoFont, NoGlyph, Press

PRESS = "venue-codes-press"
"""Where an application keeps what prints its posters."""
_WHOLE = "venue"  # instead of a checkpoint's number
_STATUS = {
    Standing.IN_FORCE: HTTPStatus.OK,
    Standing.ENDED: HTTPStatus.GONE,
    Standing.NOT_APPROVED: HTTPStatus.CONFLICT,
    Standing.CLOSED: HTTPStatus.GONE,
}
_TYPES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}


class RenewForm(ReasonForm):
    """Another code for the place."""

    sure = BooleanField(_l("我知道：墙上的旧海报随即失效，要换上新的。"), [DataRequired(_l("请勾选确认。"))])


@dataclass(frozen=True, slots=True)
class Shown:
    """One code on its card. key: as addresses name the place. form: to renew it, None for who may not."""

    code: VenueCode
    key: str
    place: str
    direction: str
    number: str
    form: RenewForm | None


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("venue_codes", __name__)
    pages.record(lambda state: state.app.extensions.setdefault(PRESS, Press(centre.state.fonts)))

    @pages.get("/venues/<int:venue_id>/codes")
    @requires(Action.VENUE_SEE)
    def index(venue_id: int) -> Any:
        return _page(centre, venue_id, clock())

    @pages.get("/venues/<int:venue_id>/codes/<place>.<any(png, svg, pdf):form>")
    @requires(Action.VENUE_SEE)
    def download(venue_id: int, place: str, form: str) -> Response:
        now = clock()
        try:
            venue = _issued(centre, venue_id, now)
            with centre.database.read() as session:
                code = codes.of_place(session, venue, _checkpoint_of(place))
            content = _drawn(centre, code, form, now)
        except (NotInForce, NoFont, NoGlyph) as cause:
            return _refused(venue_id, cause)
        return _file(content, code, form)

    @pages.post("/venues/<int:venue_id>/codes/<token>/renew")
    @requires(Action.CHECKPOINTS_CHANGE)
    def renew(venue_id: int, token: str) -> Any:
        form = RenewForm()
        with centre.database.read() as session:
            guard.venue_for(session, Action.CHECKPOINTS_CHANGE, venue_id)
        if not form.validate_on_submit():
            return _page(centre, venue_id, clock(), (token, form))
        try:
            with personal(centre, guard.actor(form.reason.data), clock()) as access:
                venue = guard.venue_for(access.session, Action.CHECKPOINTS_CHANGE, venue_id)
                codes.renew(access, venue, token)
        except NotInForce as cause:
            return _refused(venue_id, cause)
        except codes.EndedAlready:
            flash(_("这个码刚才已经更换，下面是新码。"), "warning")
        except Mistake:
            form.reason.errors = [_("原因为 1 到 200 个可显示的字符。")]
            return _page(centre, venue_id, clock(), (token, form))
        else:
            flash(_("新码已生成。请下载新海报，换下墙上的旧海报。"))
        return redirect(url_for("venue_codes.index", venue_id=venue_id), 303)

    @pages.get("/v/<token>")
    @pages.get("/V/<token>", endpoint="capitals")
    @open_to_all
    def public(token: str) -> Any:
        with centre.database.read() as session:
            return _public(centre, codes.find(session, token))

    return pages


def _issued(centre: Centre, venue_id: int, now: float) -> Venue:
    """The venue, each of its places with a code. Raises NotFound, Forbidden, NotInForce."""
    with centre.database.read() as session:
        venue = guard.venue_for(session, Action.VENUE_SEE, venue_id)
        codes.require_active(venue)
        is_whole = not codes.missing(session, venue)
    if not is_whole:
        with centre.database.write() as session:
            codes.issue_missing(session, guard.venue_for(session, Action.VENUE_SEE, venue_id), now)
    return venue


def _page(centre: Centre, venue_id: int, now: float, filled: tuple[str, RenewForm] | None = None) -> Any:
    """filled: the form that was sent and is not right yet, and the token that it is about."""
    refusal: list[str] = []
    shown: list[Shown] = []
    trouble: list[str] = []
    try:
        venue = _issued(centre, venue_id, now)
    except NotInForce as cause:
        venue, refusal = cause.venue, code_words.not_in_force(cause)
    else:
        with centre.database.read() as session:
            shown = [_shown(code, filled) for code in codes.in_force(session, venue)]
        trouble = _trouble([each.code for each in shown])
    status = HTTPStatus.UNPROCESSABLE_ENTITY if filled else HTTPStatus.OK
    page = render_template(
        "venues/codes.html",
        venue=venue,
        refusal=refusal,
        shown=shown,
        trouble=trouble,
        centre=centre.address,
        is_demo=is_demo(centre),
    )
    return make_response(page, status)


def _shown(code: VenueCode, filled: tuple[str, RenewForm] | None) -> Shown:
    form = None
    if guard.allowed_at(Action.CHECKPOINTS_CHANGE, code.venue):
        form = filled[1] if filled and filled[0] == code.token else RenewForm(formdata=None)
    words = (code_words.place(code), code_words.direction(code))
    return Shown(code, _key(code), *words, codes.shown(code.token), form)


def _trouble(shown: list[VenueCode]) -> list[str]:
    """Why no poster can be printed, said before somebody tries."""
    try:
        for code in shown:
            _press().check([*poster.names_of(code), code.venue.address])
    except (NoFont, NoGlyph) as cause:
        return _why(cause)
    return []


def _why(cause: NotInForce | NoFont | NoGlyph) -> list[str]:
    if isinstance(cause, NotInForce):
        return code_words.not_in_force(cause)
    download = _("PNG 和 SVG 图片仍可下载。")
    if isinstance(cause, NoFont):
        return [
            _("采集中心没有中文字体，不能生成海报。请信息管理员安装：%(package)s", package=DEBIAN_PACKAGE),
            download,
        ]
    lacking = _("字体里没有这些字：%(characters)s。海报不印缺字的名称。", characters=cause.characters)
    return [lacking, _("请信息管理员把有这些字的字体放到：%(directory)s", directory=cause.directory), download]


def _refused(venue_id: int, cause: NotInForce | NoFont | NoGlyph) -> Response:
    head = _("现在没有场所码") if isinstance(cause, NotInForce) else _("不能生成海报")
    status = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(cause, NoFont) else HTTPStatus.CONFLICT
    back = url_for("venue_codes.index", venue_id=venue_id)
    return make_response(render_template("venues/refused.html", head=head, sentences=_why(cause), back=back), status)


def _drawn(centre: Centre, code: VenueCode, form: str, now: float) -> bytes:
    address = symbol.address(centre.address, code.token)
    if form == "pdf":
        return poster.draw(_press(), code, centre.address, now, is_demo=is_demo(centre))
    return symbol.png(address) if form == "png" else symbol.svg(address)


def _file(content: bytes, code: VenueCode, form: str) -> Response:
    what = _("场所码海报") if form == "pdf" else _("场所码")
    name = symbol.file_name(what, code.venue.name, code_words.place(code))
    plain = f"venue-code-{code.venue_id}-{_key(code)}.{form}"
    headers = {"Content-Disposition": symbol.disposition(f"{name}.{form}", plain)}
    return Response(content, content_type=_TYPES[form], headers=headers)


def _public(centre: Centre, code: VenueCode | None) -> Response:
    if code is None:
        head, sentence = code_words.unknown()
        status, standing = HTTPStatus.NOT_FOUND, None
    else:
        standing = codes.standing(code)
        head, sentence = code_words.to_visitor(standing)
        status = _STATUS[standing]
    page = render_template(
        "venues/public.html",
        head=head,
        sentence=sentence,
        code=code,
        is_genuine=standing is Standing.IN_FORCE,
        number=codes.shown(code.token) if code else "",
        words=code_words,
        centre=centre.address,
        is_demo=is_demo(centre),
    )
    return make_response(page, status)


def is_demo(centre: Centre) -> bool:
    """Whether no phone can open a code of this centre."""
    return centre.settings.address is None


def _press() -> Press:
    return cast(Press, current_app.extensions[PRESS])


def _key(code: VenueCode) -> str:
    return _WHOLE if code.checkpoint_id is None else str(code.checkpoint_id)


def _checkpoint_of(place: str) -> int | None:
    """Raises NotFound for what names no place."""
    if place == _WHOLE:
        return None
    if not (place.isascii() and place.isdigit() and len(place) < 10):
        raise NotFound(f"there is no place {place[:20]}")
    return int(place)
