"""The words of a reverse scan, message ids in Chinese."""

from __future__ import annotations

from edge.reasons import Text, words_for
from sync.collector import languages
from sync.collector.languages import translate as _
from sync.collector.reverse.worker import MAX_PICTURE_BYTES, Fault
from sync.wire.passes import PassKind, Status
from sync.wire.record import Outcome


def fault(value: Fault | None) -> list[str]:
    """Why a photograph gave nothing, and what to do; None: no code was found in it."""
    megabytes = MAX_PICTURE_BYTES // 1_000_000
    return {
        None: [_("照片里没有找到二维码。"), _("请靠近一些，拿稳，让二维码占照片的一半，避开反光。")],
        Fault.HEIC: [
            _("这是 HEIC 照片，不能识别。"),
            _("请在手机相机设置里选“兼容性最佳”（JPEG），或直接用本页的按钮拍照。"),
        ],
        Fault.FORMAT: [_("这不是照片。"), _("请拍照，或选择 JPEG、PNG、WebP 图片。")],
        Fault.BROKEN: [_("这张照片打不开。"), _("请重新拍一张。")],
        Fault.TOO_LARGE: [_("照片太大。"), _("最大 %(megabytes)s MB。请用相机的普通分辨率再拍。", megabytes=megabytes)],
        Fault.ANIMATED: [_("这是动图，不能识别。"), _("请直接对着访客的屏幕或纸卡拍照。")],
    }[value]


def two() -> list[str]:
    """Two passes in one picture are two people."""
    return [_("照片里有两个通行码。"), _("请只拍一个人的通行码。")]


def busy() -> list[str]:
    """Others' photographs come first."""
    return [_("识别正忙，这张照片没有识别。"), _("请过几秒再拍，或先用手工登记。")]


def head(outcome: Outcome, code: str) -> tuple[str, str]:
    """The word of the result and the advice, as the gate's display says them."""
    said = words_for(outcome, code)
    return _spoken(said.word), _spoken(said.advice)


def kind(value: PassKind) -> str:
    """How the pass came to the visitor."""
    return {
        PassKind.SCAN_RESULT: _("扫码结果"),
        PassKind.SAVED: _("离线通行码"),
        PassKind.PAPER: _("纸质通行码"),
    }[value]


def status(value: Status) -> str:
    """The colour in words."""
    return {
        Status.UNKNOWN: _("未知"),
        Status.GREEN: _("绿码"),
        Status.YELLOW: _("黄码"),
        Status.RED: _("红码"),
    }[value]


def reasons(codes: list[str]) -> list[str]:
    """Every one, in detail: an inspector reads it."""
    return [languages.reason(code) for code in codes]


def moment(at: float) -> str:
    """In China time."""
    return languages.moment(at)


def _spoken(text: Text) -> str:
    return text.zh if languages.language() == "zh" else text.en
