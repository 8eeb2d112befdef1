"""How people stand, in words of the pages' two languages."""

from __future__ import annotations

from sync.collector import languages
from sync.collector.errors import Mistake, NotFound
from sync.collector.languages import translate as _
from sync.collector.visitors.identity import Document
from sync.collector.visitors.status.importing import BadLines
from sync.collector.visitors.status.lists import Fault
from sync.collector.visitors.status.looking import MustWait
from sync.collector.visitors.status.port import Reason, Source
from sync.collector.visitors.status.register import TakenBackAlready
from sync.wire.passes import Status


def status(value: Status) -> str:
    """The colour's word."""
    return {
        Status.GREEN: _("绿码"),
        Status.YELLOW: _("黄码"),
        Status.RED: _("红码"),
        Status.UNKNOWN: _("码色未知"),
    }[value]


def tone(value: Status) -> str:
    """Whose colours and mark stand beside the word."""
    return {Status.GREEN: "pass", Status.YELLOW: "refer", Status.RED: "deny", Status.UNKNOWN: "folded"}[value]


def reason(value: Reason) -> str:
    """Why."""
    return {
        Reason.DEFAULT: _("没有不利信息"),
        Reason.NOTHING_KNOWN: _("没有任何信息"),
        Reason.NOT_REGISTERED: _("没有登记"),
        Reason.TEST_POSITIVE: _("核酸检测阳性"),
        Reason.DECLARED: _("本人申报了症状或接触史，待核查"),
        Reason.PLATFORM: _("省平台"),
        Reason.NO_ANSWER: _("省平台没有答复"),
        Reason.CONTACT: _("密切接触者"),
        Reason.SECONDARY_CONTACT: _("次密切接触者"),
        Reason.RISK_AREA: _("中高风险地区旅居史"),
        Reason.CONFIRMED: _("确诊或无症状感染者"),
        Reason.SYMPTOMS: _("有症状"),
        Reason.ISOLATION: _("隔离"),
        Reason.TEST_DUE: _("应检未检"),
        Reason.RELEASED: _("解除隔离"),
        Reason.CHECKED: _("已核查"),
        Reason.OTHER: _("其他"),
    }[value]


def source(value: Source) -> str:
    """Whose word it is."""
    return {Source.REGISTER: _("本地登记"), Source.PLATFORM: _("省平台")}[value]


def document(value: Document) -> str:
    """What a number is of."""
    return {
        Document.RESIDENT: _("居民身份证（居住证）"),
        Document.HK_MACAU: _("港澳居民来往内地通行证"),
        Document.TAIWAN: _("台湾居民来往大陆通行证"),
        Document.PASSPORT: _("护照"),
        Document.FOREIGNER: _("外国人永久居留身份证"),
        Document.OTHER: _("其他证件"),
    }[value]


def declared(codes: str, contact: bool) -> str:
    """What somebody says of their day."""
    known = {
        "fever": _("发热"),
        "cough": _("咳嗽"),
        "fatigue": _("乏力"),
        "taste": _("嗅觉或味觉减退"),
        "breath": _("呼吸困难"),
        "diarrhoea": _("腹泻"),
    }
    said = [known.get(code, code) for code in codes.split(",") if code] + ([_("有接触史")] if contact else [])
    return languages.separator().join(said) or _("没有症状")


def fault(value: Fault) -> str:
    """What is wrong with a line of a list."""
    return value.zh if languages.language() == "zh" else value.en


def mistake(cause: Mistake | NotFound) -> str:
    """Why something cannot be done, for a page; the terminal's sentence stays English."""
    if isinstance(cause, MustWait):
        return _("查询过于频繁，请在 %(time)s后再试。", time=languages.duration(max(cause.wait_seconds, 1)))
    if isinstance(cause, TakenBackAlready):
        return _("这一条已经撤销或到期。")
    if isinstance(cause, BadLines):
        return _("文件中有错误的行，没有导入任何内容。")
    return str(cause)
