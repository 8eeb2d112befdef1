"""A venue's name and its credit code (R11): what is refused, what is only advised, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from sync.collector import languages
from sync.collector.venues import wording
from sync.collector.venues.naming import Advice, BadCreditCode, CreditCodeFault, advice, check_credit_code
from sync.collector.venues.opening import BadOpening, OpeningFault
from sync.collector.venues.positions import BadPosition, PositionFault

XINAN = "440607001"
GOOD = """\
鹤山市公证处 佛山市三水区人民医院 佛山市三水区西南街道办事处 西南街道中心市场 三水区西南昭信农贸市场
佛山市三水区西南街道文锋社区居民委员会 佛山市三水区云东海街道辑罗村民委员会 佛山市三水区西南中学
佛山市三水区西南街道第四小学 佛山市三水区北江幼儿园 广州市第二中学 厦门大学 江门市中心医院 上海市第一人民医院
中国工商银行股份有限公司佛山三水支行 广东大参林连锁药店有限公司三水新华分店
沃尔玛(广东)商业零售有限公司佛山三水广海大道分店
佛山市三水百货集团有限公司 佛山市三水区西南阿强小吃店 三水区西南老陈士多店 三水区西南1号便利店 永旺超市（三水店）
星巴克咖啡佛山三水广场店 佛山市三水区图书馆 佛山市三水区博物馆 佛山市三水区文化馆 佛山市三水区养老院 芦苞祖庙
佛山市三水区基督教西南堂 佛山市三水区公共汽车站 三水南站 三水区南丰大道加油站 东门百货商店 佛山市三水花园酒店有限公司
佛山市三水区西南鸿兴酒家 西南街道张边村股份合作经济社 沙头经济联合社 恒达花园 时代城小区 三水万达广场 西南商业步行街
三水二桥建筑工地 佛山三水佳利达冷库 佛山顺丰速运有限公司三水分公司 佛山市公安局三水分局西南派出所 佛山市三水区人民政府
三水荷花世界 三水森林公园 佛山市三水区西南乐动跆拳道馆 恒福新城 佛山市三水区欢唱KTV
"""
ODD = {
    Advice.ADDRESS: "鹤山市人民路35号 广东省江门市鹤山市人民路35号 健力宝北路 佛山市三水区西南街道健力宝北路12号 "
    "三水广场A座 万达广场3栋 恒达花园5座12层 "
    "中心市场12号档 新华路与文锋路交叉口 人民医院对面 时代城3座1201室 人民路三十五号",
    Advice.CHECKPOINT: "三水医院南门 市场东门 西门口 1号门 三水万达广场2号入口 西南场所码 昭信市场（北门）",
    Advice.BRAND: "KFC 7-Eleven McDonald's ＫＦＣ 173628",
    Advice.REGION: "佛山市三水区西南街道 佛山市三水区 西南街道",
    Advice.SHORT: "肯德基 三小 教育局 老王",
    Advice.ABBREVIATION: "三水一中 华润万家 老字号陈记 阿里巴巴",
}


@pytest.mark.parametrize("name", GOOD.split())
def test_a_full_name_is_left_alone(name: str) -> None:
    """A false alarm costs more than a missed abbreviation: nobody reads the second warning."""
    assert advice(name, XINAN) == ()


@pytest.mark.parametrize(("name", "odd"), [(name, odd) for odd, names in ODD.items() for name in names.split()])
def test_what_is_no_full_name_is_told_in_the_plainest_word(name: str, odd: Advice) -> None:
    """The notice: neither abbreviation nor address."""
    assert advice(name, XINAN) == (odd,)


def test_the_region_is_known_by_its_code_only() -> None:
    """西南街道 of Sanshui is no name there; elsewhere it may be something's abbreviation."""
    assert advice("西南街道", XINAN) == (Advice.REGION,)
    assert advice("西南街道") == advice("西南街道", "441900003") == (Advice.ABBREVIATION,)


def test_a_name_may_be_odd_in_two_ways_and_an_empty_one_is_not_advised_about() -> None:
    """Emptiness is refused where names are checked."""
    assert advice("人民路35号（南门）") == (Advice.ADDRESS, Advice.CHECKPOINT)
    assert advice("") == advice("　 ") == ()


@given(st.text(max_size=200), st.text(max_size=12))
def test_any_text_gets_advice_without_a_crash(name: str, region: str) -> None:
    """Typed by strangers."""
    assert len(advice(name, region)) <= len(Advice)


def valid(start: str) -> str:
    """17 characters and the one that fits."""
    return start + uscc.calc_check_digit(start)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("91110000600037341L", "91110000600037341L"),
        (" 91110000-600037341l\t", "91110000600037341L"),
        ("９１１１００００６０００３７３４１Ｌ", "91110000600037341L"),
        ("9111 0000　6000 3734 1L", "91110000600037341L"),
        (valid("N2440607MF1234567"), valid("N2440607MF1234567")),
        (valid("A1110000MB1234567"), valid("A1110000MB1234567")),
    ],
)
def test_a_credit_code_is_kept_in_one_form(typed: str, code: str) -> None:
    """Villages' collectives (N), the army (A) and others are registered with letters."""
    assert check_credit_code(typed) == code


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", CreditCodeFault.LENGTH),
        ("9111000060003734L", CreditCodeFault.LENGTH),
        ("91110000600037341L" * 1000, CreditCodeFault.LENGTH),
        ("9111000060003734IL", CreditCodeFault.CHARACTERS),
        ("911100O0600037341L", CreditCodeFault.CHARACTERS),
        ("91110000600037341Ł", CreditCodeFault.CHARACTERS),
        ("9111000060003734统L", CreditCodeFault.CHARACTERS),
        ("91110000600037341M", CreditCodeFault.CHECK),
        ("91110000600037314L", CreditCodeFault.CHECK),
    ],
)
def test_a_wrong_credit_code_says_what_is_wrong(typed: str, fault: CreditCodeFault) -> None:
    """Too short, a letter that codes do not have, a digit mistyped or two exchanged."""
    with pytest.raises(BadCreditCode) as caught:
        check_credit_code(typed)
    assert caught.value.fault is fault


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    """What is accepted is accepted again as it is."""
    try:
        code = check_credit_code(text)
    except BadCreditCode:
        return
    assert check_credit_code(code) == code


@given(st.integers(0, 17), st.sampled_from("0123456789"))
def test_no_single_digit_can_be_mistyped_unseen(place: int, digit: str) -> None:
    """The check character is of 31."""
    code = "91110000600037341L"
    typed = code[:place] + digit + code[place + 1 :]
    if typed != code:
        with pytest.raises(BadCreditCode):
            check_credit_code(typed)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_advice_and_fault_has_a_sentence_of_its_own(language: str) -> None:
    """In both languages."""
    mistakes = [
        *map(BadCreditCode, CreditCodeFault),
        *map(BadPosition, PositionFault),
        *map(BadOpening, OpeningFault),
    ]
    with languages.spoken(language):
        sentences = [wording.advice_sentence(each) for each in Advice] + [
            wording.fault_sentence(each) for each in mistakes
        ]
    assert len(set(sentences)) == len(Advice) + len(mistakes)
    assert all(sentence.endswith("。" if language == "zh" else ".") for sentence in sentences)
