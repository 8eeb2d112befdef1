"""PURE: every reason a visitor can be given – one table, each in Chinese and English, with what to do next (R5).

`word` is read from 5 m and says nothing about health: the queue behind reads it too. `advice` is for the visitor at
1 m. `detail` is for the inspector and the record's reader; the display says it only where the policy tells the queue.
Codes are stable: records hold them for years.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.wire.record import Outcome


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
_RENEW_STATUS = Text("请更新通行码，或找检测员。", "Please renew your pass, or see the inspector.")
_KEEP_MOVING = Text("请逐一通行，勿停留。", "One at a time, please keep moving.")
_OTHER_CODE = Text("请出示本系统的通行码。", "Please show a pass of this system.")


@dataclass(frozen=True, slots=True)
class Saying:
    """What the display says: a word for 5 m, advice for 1 m."""

    word: Text
    advice: Text


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
        _reason("status_unknown", _REFER, _TO_INSPECTOR, "健康状态未知", "The status is unknown"),
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
        _reason("withdrawn", _DENIED, _TO_INSPECTOR, "通行码已被撤回", "The pass was withdrawn: no longer green"),
        _reason("status_old", _REFER, _RENEW_STATUS, "健康状态过旧", "The status was asserted too long ago"),
        _reason("saved", _REFER, _TO_INSPECTOR, "离线通行码", "A saved pass"),
        _reason("paper", _REFER, _TO_INSPECTOR, "纸质通行码", "A paper pass"),
        _reason("companions", _REFER, _TO_INSPECTOR, "有同行人", "Companions on the same pass"),
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
        # The venue, and what the gate itself lacks
        _reason("closed", _REFER, _TO_INSPECTOR, "不在开放时间内", "Outside the opening hours"),
        _reason("stale_trust", _REFER, _TO_INSPECTOR, "闸机数据过旧", "The gate's data is too old"),
        _reason("clock_holdover", _REFER, _TO_INSPECTOR, "闸机时钟误差过大", "The gate's clock may have drifted"),
        _reason("clock_floor", _REFER, _TO_INSPECTOR, "闸机时钟可能偏慢", "The gate's clock may be slow"),
        _reason("clock_unknown", _REFER, _TO_INSPECTOR, "闸机时钟未校准", "The gate's clock is not certain"),
        _reason("no_trust", _REFER, _TO_INSPECTOR, "闸机尚未开通", "The gate has no keys yet"),
        _reason(
            "not_recorded",
            Text("暂停使用", "Out of order"),
            _TO_INSPECTOR,
            "记录无法保存，闸机不开",
            "The record could not be kept: the gate stays closed",
        ),
        # What the turnstile said (records of type "passage")
        _reason("passed", _PASS, _KEEP_MOVING, "已通过", "Went through"),
        _reason("not_passed", _PASS, _KEEP_MOVING, "未通过", "Did not go through"),
        _reason("forced", _DENIED, _STAY, "强行通过", "Forced the turnstile"),
        _reason("held_open", _DENIED, _KEEP_MOVING, "通道被占", "The passage is held open"),
        _reason("released", _PASS, _KEEP_MOVING, "通道恢复", "The passage is free again"),
        # What an inspector found (records of type "registered")
        _reason("normal", _PASS, _KEEP_MOVING, "体温正常，人工登记", "Temperature normal, registered by hand"),
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


def words_for(outcome: Outcome, code: str, tell_the_queue: bool = False) -> Saying:
    """What the display says about a result, by its deciding reason. Raises KeyError for a code of a later version.

    The word is always the result's: a saved pass that the policy lets in says "please pass", not "see the inspector".
    tell_the_queue: the reason too (`Policy.tell_the_queue`); whoever stands behind can read it.
    """
    reason = REASONS[code]
    if outcome is Outcome.PASS:
        return Saying(_PASS, REASONS["green"].advice)
    if outcome is Outcome.REFER:
        told = Saying(_REFER, reason.advice if reason.word is _REFER else _TO_INSPECTOR)
    else:
        told = Saying(_DENIED if reason.word in (_REFER, _PASS) else reason.word, reason.advice)
    if not tell_the_queue:
        return told
    detail, advice = reason.detail, told.advice
    return Saying(told.word, Text(f"{detail.zh}。{advice.zh}", f"{detail.en}. {advice.en}"))
