"""PURE: whether a credit code is one, and what is odd about a venue's name (R11: the full legal name, no address).

Advice never forbids: a shopkeeper with a licence in hand knows better than a list of endings. What it does not
establish: that the code was given out, or that the name is the one that stands beside it in the register.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

from stdnum.cn import uscc

from sync.collector.errors import Mistake
from sync.collector.venues import divisions

CODE_LENGTH = 18
_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_BETWEEN = str.maketrans("", "", " -")


class CreditCodeFault(Enum):
    """What is wrong with a unified social credit code (GB 32100)."""

    LENGTH = "a unified social credit code has 18 characters"
    CHARACTERS = "a unified social credit code has no letters I, O, S, V, Z; its third to eighth are digits"
    CHECK = "the last character does not fit the others: compare it with the licence"


class BadCreditCode(Mistake):
    """This is no unified social credit code; `fault` says why."""

    def __init__(self, fault: CreditCodeFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def check_credit_code(text: str) -> str:
    """The code in capitals, without blanks, hyphens and full-width forms. Raises BadCreditCode.

    stdnum computes the check character; its own form refuses who is registered with others than numbers 1 to 9 – N,
    villages' collectives, which own many a market.
    """
    code = unicodedata.normalize("NFKC", text[: 4 * CODE_LENGTH]).upper()
    code = "".join(code.split()).translate(_BETWEEN)
    if len(code) != CODE_LENGTH:
        raise BadCreditCode(CreditCodeFault.LENGTH)
    if not _CODE.fullmatch(code):
        raise BadCreditCode(CreditCodeFault.CHARACTERS)
    if uscc.calc_check_digit(code[:-1]) != code[-1]:
        raise BadCreditCode(CreditCodeFault.CHECK)
    return code


class Advice(Enum):
    """What a name looks like; sentences: `wording.advice_sentence`."""

    BRAND = "only a brand"
    ADDRESS = "an address"
    CHECKPOINT = "a gate of a venue"
    REGION = "a division"
    SHORT = "too short to be full"
    ABBREVIATION = "an abbreviation"


_SHORTEST = 4
_TENS = "[一二三四五六七八九十百]"
_COUNT = f"(?:[0-9A-Za-z]|{_TENS})"
_ADDRESS = re.compile(
    rf"{_COUNT}(号楼|号铺|号档|号院|栋|幢|座|层|楼|单元|弄|档|档口|铺|铺位)([0-9]+([室房卡]|号铺)?)?$"
    rf"|([0-9A-Za-z]|[街路巷道村里]{_TENS}+)号$|[0-9](室|房|卡|#)$"
    r"|((?<![食行业])街|路|巷|(?<![街拳手柔茶味剑])道)([东西南北]侧?|口|[东西南北]?段)?$"
    r"|(交叉口|交汇处|对面|旁边|隔壁|附近|旁|侧)$"
)
_CHECKPOINT = re.compile(
    rf"(东北|东南|西北|西南|[东南西北正侧后前大小]|[0-9A-Za-z]号?|{_TENS}号)门(口|岗|卡口)?$"
    r"|(出入口|入口|出口|门岗|门卫|岗亭|卡口|检测点|登记点|扫码点)$|场所码"
)
_ENDINGS = re.compile(
    r"([厂店铺档行社场坊吧室局所处站院馆园校班部厅委办会队团署库港城厦楼苑轩庭府居庄湾墅里寺庙观堂宫庵祠塔殿屋餐柜]"
    r"|公司|集团|中心|大学|小学|中学|高中|初中|基地|工地|项目|工程|银行|超市|商厦|广场|小区|公寓|宿舍|酒家|客栈|民宿|驿站"
    r"|景区|世界|码头|机场|检察院|人大|政协|政府|基金|联盟|枢纽|窗口|法庭|监狱|支部|党组|机关|机构|作业区|开发区|工业区|服务区"
    r"|度假村|农家乐|(步行|商业|美食|小吃|风情|酒吧|古|老)街|KTV)$",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\(([^()]*)\)$")


def advice(name: str, region_code: str = "") -> tuple[Advice, ...]:
    """What is odd about a name, the plainest first; none for most. region_code: where the venue is, "" if unknown."""
    name = "".join(unicodedata.normalize("NFKC", name).split())
    bare, within = _parted(name)
    rest = _without_region(bare, region_code)
    checks = {
        Advice.BRAND: bool(name) and name.isascii(),
        Advice.ADDRESS: _ADDRESS.search(rest) or _ADDRESS.search(within),
        Advice.CHECKPOINT: _CHECKPOINT.search(bare) or _CHECKPOINT.search(within),
        Advice.REGION: bool(name) and not rest,
    }
    found = tuple(each for each, is_so in checks.items() if is_so)
    if found or not name:
        return found
    if len(name) < _SHORTEST:
        return (Advice.SHORT,)
    return () if _ENDINGS.search(bare) or _ENDINGS.search(within) else (Advice.ABBREVIATION,)


def _parted(name: str) -> tuple[str, str]:
    """A name and what stands in brackets at its end."""
    match = _BRACKETED.search(name)
    return (name[: match.start()], match[1]) if match and match.start() else (name, "")


def _without_region(name: str, region_code: str) -> str:
    """Behind the names of the divisions in which the venue is, as far as it begins with them."""
    for division in divisions.path(region_code):
        name = name.removeprefix(division.name)
    return name
