"""PURE: every reason a visitor can be given – one table, each in Chinese and English, with what to do next (R5).

`word` is read from 5 m and says nothing about health: the queue behind reads it too. `advice` is for the visitor at
1 m. `detail` is for the inspector and the record's reader. Codes are stable: records hold them for years.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and what to do next."""

    code: str
    word: Text
    advice: Text
    detail: Text


_PASS = Text("请通行", "Please pass")
_DENIED = Text("不能通行", "No entry")
_REFER = Text("请找检测员", "See the inspector")
_AGAIN = Text("请重新出示", "Show it again")

_TO_INSPECTOR = Text("请到检测员处人工核验。", "Please go to the inspector for a check by hand.")
_STAY = Text("请留在原地，检测员会协助您。", "Please stay where you are; the inspector will help you.")
_RENEW = Text("请刷新扫码结果后再出示。", "Please renew your scan result and show it again.")
_OTHER_CODE = Text("请出示本系统的通行码。", "Please show a pass of this system.")


def _reason(code: str, word: Text, advice: Text, zh: str, en: str) -> tuple[str, Reason]:
    return code, Reason(code, word, advice, Text(zh, en))


REASONS: dict[str, Reason] = dict(
    [
        # What the person's status says
        _reason(
            "green",
            _PASS,
            Text("闸门已开，请通过。", "The gate is open: walk through."),
            "绿码，核验通过",
            "Green, all checks passed",
        ),
        _reason("yellow", _REFER, _TO_INSPECTOR, "黄码，限制通行", "Yellow: restricted"),
        _reason("red", _DENIED, _STAY, "红码，禁止通行", "Red: no entry"),
        _reason("fever", _DENIED, _STAY, "体温达到或超过上限", "Temperature at or above the limit"),
        _reason("not_measured", _REFER, _TO_INSPECTOR, "未测到体温", "Temperature not measured"),
        _reason("test_positive", _DENIED, _STAY, "核酸检测结果为阳性", "Test result is positive"),
        _reason("test_missing", _DENIED, _TO_INSPECTOR, "没有核酸检测结果", "No test result"),
        _reason("test_old", _DENIED, _TO_INSPECTOR, "核酸检测已超过有效期", "Test is too old"),
        # What the pass says
        _reason("expired", _AGAIN, _RENEW, "通行码已过期", "The pass has expired"),
        _reason(
            "not_yet_valid",
            _REFER,
            _TO_INSPECTOR,
            "通行码的签发时间晚于本机时间",
            "The pass is issued in the future",
        ),
        _reason(
            "elsewhere",
            _AGAIN,
            Text("请扫描本检测点的场所码。", "Please scan the venue code of this checkpoint."),
            "通行码属于其他检测点",
            "The pass is for another checkpoint",
        ),
        _reason(
            "already_used",
            _REFER,
            Text("请刷新扫码结果，或找检测员。", "Please renew your scan result, or see the inspector."),
            "通行码已使用",
            "The pass was used already",
        ),
        _reason("saved", _REFER, _TO_INSPECTOR, "离线通行码需人工核验", "A saved pass is checked by hand here"),
        _reason("paper", _REFER, _TO_INSPECTOR, "纸质通行码需人工核验", "A paper pass is checked by hand here"),
        _reason("companions", _REFER, _TO_INSPECTOR, "有同行人，需逐一核验", "Companions are checked one by one"),
        # A code that is not genuine says nothing about the person who shows it
        _reason("unknown_format", _AGAIN, _OTHER_CODE, "不是本系统的码", "Not a code of this system"),
        _reason("malformed", _AGAIN, _OTHER_CODE, "通行码内容损坏", "The code is damaged"),
        _reason("not_canonical", _AGAIN, _OTHER_CODE, "通行码编码不规范", "The code is not in its canonical form"),
        _reason("unknown_key", _AGAIN, _OTHER_CODE, "签发密钥未知", "Signed by an unknown key"),
        _reason("wrong_purpose", _AGAIN, _OTHER_CODE, "签发密钥用途不符", "Signed by a key for another purpose"),
        _reason("bad_signature", _AGAIN, _OTHER_CODE, "签名无效（伪造）", "The signature does not hold (forged)"),
        _reason(
            "key_not_valid",
            _AGAIN,
            _RENEW,
            "签发时密钥不在有效期",
            "The key was not valid when the pass was issued",
        ),
        # What the gate itself lacks
        _reason("stale_trust", _REFER, _TO_INSPECTOR, "闸机数据过旧", "The gate's data is too old"),
        _reason("clock_unknown", _REFER, _TO_INSPECTOR, "闸机时钟未校准", "The gate's clock is not certain"),
        _reason("no_trust", _REFER, _TO_INSPECTOR, "闸机尚未开通", "The gate has no keys yet"),
        _reason(
            "not_recorded",
            Text("暂停使用", "Out of order"),
            _TO_INSPECTOR,
            "记录无法保存，闸机不开",
            "The record could not be kept: the gate stays closed",
        ),
        # More than one code in view
        _reason(
            "two_codes",
            Text("请一人一码", "One code at a time"),
            Text("请只出示一个通行码。", "Please show one pass only."),
            "画面中有两个通行码",
            "Two passes in view",
        ),
    ]
)
"""Every code that may stand in a decision, a record or a page."""
