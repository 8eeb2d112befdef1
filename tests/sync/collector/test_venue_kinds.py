"""The notice's six classes and their kinds (R11)."""

from __future__ import annotations

import re

from sync.collector.venues.kinds import CLASSES, KINDS, find

NOTICE = {
    1: "党政机关、事业单位、医疗机构、展览馆、图书馆、博物馆、文化馆、宗教场所、养老机构",
    2: "商场、超市、农集贸市场、餐饮单位、咖啡、酒吧、茶座、冷链相关饮食、销售店"
    "、酒店、宾馆、民宿、公寓、药店、健身运动、文化娱乐、旅游景点",
    3: "公共车站",
    4: "企业、居民楼、写字楼、建筑工地",
    5: "冷链食品、物流快递",
    6: "公共服务、经营性服务",
}
"""Section 二, what stands in brackets and around it taken out."""


def test_every_kind_of_the_notice_is_there_in_its_words_and_order() -> None:
    """Others may stand between them."""
    assert [each.number for each in CLASSES] == [*NOTICE]
    for each in CLASSES:
        ours = "、".join(kind.chinese for kind in each.kinds)
        assert re.fullmatch("(.*、)?" + "(、.*)?、".join(NOTICE[each.number].split("、")) + "(、.*)?", ours), ours


def test_each_class_ends_in_other_and_has_no_traditional_characters() -> None:
    """The annex's example is 其他; its 類 and 較 are slips of the notice."""
    assert [each.kinds[-1].code for each in CLASSES] == [f"{number}.other" for number in NOTICE]
    assert not re.search("[類較]", "".join(each.chinese for each in (*CLASSES, *KINDS)))


def test_a_kind_is_found_by_its_code_and_says_its_class_in_both_languages() -> None:
    """Codes are unique and begin with the class."""
    assert len({kind.code for kind in KINDS}) == len(KINDS) == sum(len(each.kinds) for each in CLASSES)
    for kind in KINDS:
        assert find(kind.code) is kind
        assert re.fullmatch(rf"{kind.class_number}\.[a-z_]{{1,20}}", kind.code)
        assert kind.named("zh") == kind.chinese
        assert not re.search("[一-鿿]", kind.named("en")), kind.english
    market = find("2.market")
    assert market is not None
    assert (market.class_number, market.chinese, market.english) == (2, "农集贸市场", "Farmers' market")
    assert [find(code) for code in ("", "market", "2.Market", "7.other")] == [None] * 4
