"""The words of the venue code, on poster and pages: message ids in Chinese, the notice's own where it has them."""

from __future__ import annotations

from dataclasses import dataclass

from sync.collector.languages import translate as _
from sync.collector.venues.code_model import VenueCode
from sync.collector.venues.codes import NotInForce, Standing
from sync.collector.venues.model import VenueState
from sync.wire.record import Direction

REMINDERS = ("mask", "temperature", "disinfection")
"""Each has a mark of that name in templates/venues/."""


@dataclass(frozen=True, slots=True)
class PosterWords:
    """What a poster says in one language. steps: head and line of each."""

    head: str
    slogan: tuple[str, str]  # on both sides of the code
    place: str
    direction: str
    host: str
    warning: str
    steps: tuple[tuple[str, str], ...]
    reminders: tuple[str, ...]
    by_hand: tuple[str, str]
    number: str
    alt: str


def poster(code: VenueCode, number: str, centre: str, *, is_demo: bool) -> PosterWords:
    """In the language that is spoken. centre: the address that visitors must see. is_demo: only this machine does."""
    address = f"{centre}/v/{code.token}"
    return PosterWords(
        head=_("场所码 · 扫码通行"),
        slogan=(_("演示海报"), _("请勿张贴")) if is_demo else (_("逢进必扫"), _("逢扫必验")),
        place=place(code),
        direction=direction(code),
        host=_("仅供演示：只能在采集中心本机打开") if is_demo else _("认准网址：%(address)s/", address=centre),
        warning=_("手机扫码打不开。请信息管理员在 collector.toml 里填写 address，再重新打印。")
        if is_demo
        else _("扫码后，网址必须以此开头；若是别的网址，请勿填写任何信息，并告诉工作人员。"),
        steps=(
            (_("扫码"), _("进出时，主动用手机扫描场所码")),
            (_("出示"), _("登记，并出示扫码结果")),
            (_("核验"), _("测温、核验符合要求，即可通行")),
        ),
        reminders=tuple(reminders()),
        by_hand=(
            _("没有智能手机？人工登记"),
            _("老年人、未成年人、视障听障人士等不用扫码，请找门口的工作人员登记。"),
        ),
        number=_("编号 %(number)s", number=number),
        alt=_("二维码：%(address)s", address=address),
    )


def reminders() -> list[str]:
    """In the order of `REMINDERS`."""
    return [_("戴口罩"), _("测体温"), _("场所消毒")]


def place(code: VenueCode) -> str:
    """Which door it is for."""
    return _("全场所") if code.checkpoint is None else code.checkpoint.name


def direction(code: VenueCode) -> str:
    """Entry or exit; "" for the whole venue."""
    if code.checkpoint is None:
        return ""
    return _("进") if code.checkpoint.direction == Direction.IN.value else _("出")


def not_in_force(cause: NotInForce) -> list[str]:
    """Why a venue has no code, for its staff."""
    venue = cause.venue
    if venue.state == VenueState.WAITING.value:
        return [_("场所正在等待属地审批。通过以后，这里就有场所码。")]
    if venue.state == VenueState.REFUSED.value:
        why = [_("属地的意见：%(reason)s", reason=venue.refusal)] if venue.refusal else []
        return [_("场所的申请没有通过。请修改场所信息，重新提交。"), *why]
    return [_("场所已经关闭，场所码不再有效。请取下墙上的海报。")]


def to_visitor(standing: Standing) -> tuple[str, str]:
    """Head and sentence of a code's own page."""
    return {
        Standing.IN_FORCE: (_("这是真的场所码"), _("它属于下面的场所。")),
        Standing.ENDED: (_("这个场所码已经更换"), _("请扫描场所新贴的场所码，或请工作人员人工登记。")),
        Standing.NOT_APPROVED: (_("这个场所码尚未生效"), _("场所还没有通过属地审批。请找工作人员人工登记。")),
        Standing.CLOSED: (_("这个场所码已经停用"), _("场所或检测点已经关闭。如果仍在使用，请告诉工作人员。")),
    }[standing]


def unknown() -> tuple[str, str]:
    """The same for what is no code of this centre."""
    return _("没有这个场所码"), _("请检查是否输错。如果是扫码打开的，请告诉工作人员：墙上的码可能是假的。")
