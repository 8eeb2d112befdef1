"""PURE: what sort of place a venue is: the notice's six classes (section 二) and their kinds, in its words (R11).

Added to the notice's: schools among institutions, more stations beside 公共车站, and 其他 in each class. A code is for
ever: records and policies point at it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """code: such as "2.market". class_number: 1 to 6."""

    code: str
    class_number: int
    chinese: str
    english: str

    def named(self, language: str) -> str:
        """In "zh" or "en"."""
        return self.chinese if language == "zh" else self.english


@dataclass(frozen=True, slots=True)
class VenueClass:
    """One of the notice's six; the title is ours, the notice only counts them."""

    number: int
    chinese: str
    english: str
    kinds: tuple[Kind, ...]

    def named(self, language: str) -> str:
        """In "zh" or "en"."""
        return self.chinese if language == "zh" else self.english


def _class(number: int, chinese: str, english: str, *kinds: tuple[str, str, str]) -> VenueClass:
    return VenueClass(number, chinese, english, tuple(Kind(f"{number}.{kind[0]}", number, *kind[1:]) for kind in kinds))


CLASSES = (
    _class(
        1,
        "机关、事业单位和公共机构",
        "Government, institutions and public bodies",
        ("government", "党政机关", "Party or government office"),
        ("institution", "事业单位", "Public institution"),
        ("school", "学校、幼儿园", "School or kindergarten"),
        ("medical", "医疗机构", "Hospital or clinic"),
        ("exhibition", "展览馆", "Exhibition hall"),
        ("library", "图书馆", "Library"),
        ("museum", "博物馆", "Museum"),
        ("culture", "文化馆", "Cultural centre"),
        ("religious", "宗教场所", "Place of worship"),
        ("elderly", "养老机构", "Home for the elderly"),
        ("other", "其他", "Other"),
    ),
    _class(
        2,
        "商业、餐饮、住宿和文体旅游",
        "Shops, catering, lodging, culture, sport and tourism",
        ("mall", "商场", "Shopping centre"),
        ("supermarket", "超市", "Supermarket"),
        ("market", "农集贸市场", "Farmers' market"),
        ("catering", "餐饮单位", "Restaurant"),
        ("cafe", "咖啡", "Café"),
        ("bar", "酒吧", "Bar"),
        ("teahouse", "茶座", "Tea house"),
        ("cold_food", "冷链相关饮食、销售店", "Shop or eating place for cold-chain food"),
        ("hotel", "酒店", "Hotel"),
        ("guesthouse", "宾馆", "Guest house"),
        ("homestay", "民宿", "Homestay"),
        ("apartment", "公寓", "Serviced apartments"),
        ("pharmacy", "药店", "Pharmacy"),
        ("fitness", "健身运动", "Gym or sports ground"),
        ("entertainment", "文化娱乐", "Culture and entertainment"),
        ("attraction", "旅游景点", "Tourist attraction"),
        ("other", "其他", "Other"),
    ),
    _class(
        3,
        "交通场站",
        "Stations and terminals",
        ("bus", "公共车站", "Bus station"),
        ("rail", "铁路、轨道交通车站", "Railway or metro station"),
        ("port", "港口码头", "Port or ferry pier"),
        ("airport", "机场", "Airport"),
        ("other", "其他", "Other"),
    ),
    _class(
        4,
        "企业、楼宇和工地",
        "Companies, buildings and building sites",
        ("company", "企业", "Company"),
        ("residence", "居民楼", "Residential building"),
        ("office", "写字楼", "Office building"),
        ("site", "建筑工地", "Building site"),
        ("other", "其他", "Other"),
    ),
    _class(
        5,
        "重点生产、加工和运输",
        "Production, processing and transport under special watch",
        ("cold_chain", "冷链食品", "Cold-chain food"),
        ("logistics", "物流快递", "Logistics or parcels"),
        ("other", "其他", "Other"),
    ),
    _class(
        6,
        "其他人员出入较多的场所",
        "Other places that many people enter",
        ("public", "公共服务", "Public service"),
        ("commercial", "经营性服务", "Commercial service"),
        ("other", "其他", "Other"),
    ),
)
KINDS = tuple(kind for each in CLASSES for kind in each.kinds)
_BY_CODE = {kind.code: kind for kind in KINDS}


def find(code: str) -> Kind | None:
    """The kind of that code; None for what is none."""
    return _BY_CODE.get(code)
