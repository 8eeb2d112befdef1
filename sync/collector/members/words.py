"""Why something about members cannot be done, for a page. Message ids in Chinese."""

from __future__ import annotations

from sync.collector.accounts.service import Held
from sync.collector.errors import Mistake, NotFound
from sync.collector.languages import translate as _
from sync.collector.members import binding, declaration, handing_over
from sync.collector.venues import words as venue_words


def mistake(cause: Mistake | NotFound) -> str:
    """The sentence; the terminal's stays English."""
    for kind, sentence in (
        (binding.UnknownCode, _("没有场所使用这个申报码。请向场所管理员核对。")),
        (binding.BoundAlready, _("您已绑定这个场所，或申请正在等待同意。")),
        (binding.RefusedLately, _("场所管理员刚刚拒绝过您的申请，请一天后再试，或当面联系。")),
        (binding.TooManyRequests, _("您的申请太多：请先等场所管理员答复，或明天再试。")),
        (binding.NotActive, _("场所未在使用中，不能绑定检测员。")),
        (declaration.RenewedOften, _("一天内换码太多次，请明天再换。")),
        (binding.AnsweredAlready, _("这个申请已经答复过，或已撤回。")),
        (handing_over.NotAnInspector, _("只能交给本场所的其他检测员。请对方先绑定为检测员。")),
        (handing_over.OfferedAlready, _("已经在等待一位检测员接任，请先撤回。")),
        (handing_over.OfferOver, _("这个交接已经失效。")),
        (Held, _("对方已是另一个场所的管理员：一人管理一个场所。")),
    ):
        if isinstance(cause, kind):
            return sentence
    return venue_words.mistake(cause)
