"""PURE: every sentence of the visitor display that is not a reason's, in Chinese and English.

The reasons' own words are in `edge.reasons`; nothing here or there that is shown says anything about health.
"""

from __future__ import annotations

from edge.panel.freshness import Silence
from edge.reasons import Saying, Text
from hardware.ports import Hint, Signal
from sync.wire.record import ClockQuality, Direction
from sync.wire.status import Fault, Step, StickPhase, StickTrouble, Trouble, WifiStep

_TO_INSPECTOR = Text("请找检测员协助。", "Please ask the inspector for help.")

SIGNALS: dict[Signal, Saying] = {
    Signal.READY: Saying(
        Text("请出示通行码", "Show your pass"),
        Text("将通行码对准读码窗口，请佩戴口罩。", "Hold it up to the reader. Please wear a mask."),
    ),
    Signal.READING: Saying(
        Text("正在读码", "Reading"), Text("请保持不动，让屏幕更亮、更平。", "Hold it still, flat and bright.")
    ),
    Signal.PASS: Saying(Text("请通行", "Please pass"), Text("请逐一通行。", "One at a time, please.")),
    Signal.DENY: Saying(Text("不能通行", "No entry"), _TO_INSPECTOR),
    Signal.REFER: Saying(Text("请找检测员", "See the inspector"), _TO_INSPECTOR),
    Signal.ALREADY_USED: Saying(Text("此码已使用", "Already used"), _TO_INSPECTOR),
    Signal.ONE_AT_A_TIME: Saying(
        Text("请一人一码", "One code at a time"), Text("请只出示一个通行码。", "Please show one pass only.")
    ),
    Signal.OUT_OF_ORDER: Saying(Text("暂停使用", "Out of order"), _TO_INSPECTOR),
    Signal.NOT_ENROLLED: Saying(
        Text("请出示开通码", "Show the enrolment code"),
        Text("本机尚未开通，请找检测员。", "This gate is not in service yet. Please ask the inspector."),
    ),
    Signal.CODE_TAKEN: Saying(
        Text("已读到设置码", "Setting up"), Text("正在联系中心，请稍候。", "Asking the centre; one moment, please.")
    ),
    Signal.CONFIRM_WORDS: Saying(
        Text("请核对钥匙词", "Compare the key words"),
        Text("与中心显示的核对一致后，在中心确认。", "Confirm at the centre when it shows the same."),
    ),
    Signal.SETUP_DONE: Saying(Text("设置完成", "Set up"), Text("可以使用了。", "Ready for use.")),
    Signal.SETUP_FAILED: Saying(
        Text("设置未成功", "Setting up failed"),
        Text("原因见下方，请重新出示设置码。", "The reason stands below. Please show the code again."),
    ),
    Signal.REVOKED: Saying(
        Text("本机已停用", "Not in service"),
        Text("请走其他通道，或找检测员。", "Use another gate, or ask the inspector."),
    ),
}
"""Where no reason is given, or one that this panel does not know."""

HINTS: dict[str, Text] = {
    Hint.CLOSER: Text("请靠近一些。", "Please hold it closer."),
    Hint.TURN: Text("请转动一下，避开反光。", "Please turn it away from the reflection."),
    Hint.BRIGHTER: Text("请把屏幕调亮。", "Please make the screen brighter."),
    Hint.STILL: Text("请保持不动。", "Please hold it still."),
}
"""What would help a visitor whose code is seen and not read."""

_OUT_OF_ORDER = SIGNALS[Signal.OUT_OF_ORDER].word
GATE_SILENT = Saying(
    _OUT_OF_ORDER,
    Text("闸机程序无应答，请找工作人员。", "The gate program does not answer. Please call staff."),
)
PANEL_SILENT = Saying(
    _OUT_OF_ORDER,
    Text("显示程序无应答，请找工作人员。", "The display does not answer. Please call staff."),
)

UNKNOWN = Text("未知", "Unknown")

LAMPS: dict[str, Text] = {
    "pass": Text("通行灯", "Pass"),
    "deny": Text("禁行灯", "Deny"),
    "refer": Text("人工灯", "Refer"),
    "link": Text("状态灯", "Service"),
    "buzzer": Text("蜂鸣器", "Buzzer"),
    "relay": Text("闸门", "Barrier"),
}
_ON_OFF = Text("亮", "on"), Text("灭", "off")
LAMP_STATES: dict[str, tuple[Text, Text]] = {
    "pass": _ON_OFF,
    "deny": _ON_OFF,
    "refer": _ON_OFF,
    "link": _ON_OFF,
    "buzzer": (Text("响", "sounds"), Text("静", "quiet")),
    "relay": (Text("开", "open"), Text("关", "closed")),
}
"""Lit, dark."""

FACTS: dict[str, Text] = {
    "link": Text("网络", "Link"),
    "contact": Text("上次联系", "Contact"),
    "backlog": Text("记录", "Records"),
    "clock": Text("时钟", "Clock"),
    "trust": Text("核验数据", "Data"),
    "stick": Text("U盘", "Stick"),
    "faults": Text("故障", "Faults"),
    "setup": Text("设置", "Setup"),
}

NOT_ENROLLED = Text("尚未开通", "Not enrolled")
ENROLLED = Text("已开通", "Enrolled")
NO_ROOT = Text("安装时未写入根密钥，无法开通", "Installed without a root key: it cannot enrol")
SETUP_STEPS: dict[Step, Text] = {
    Step.ASKING: Text("正在联系中心", "Asking the centre"),
    Step.CONFIRM: Text("等待中心确认钥匙词", "The centre is to confirm the key words"),
    Step.REFUSED: Text("开通码未被接受", "The enrolment code was not accepted"),
    Step.ENROLLED: ENROLLED,
}
WIFI_STEPS: dict[WifiStep, Text] = {
    WifiStep.JOINING: Text("正在加入无线网络", "Joining Wi-Fi"),
    WifiStep.JOINED: Text("已加入无线网络", "Wi-Fi joined"),
    WifiStep.UNREADABLE: Text("无线网络码无法使用", "The Wi-Fi code cannot be used"),
    WifiStep.NO_SUCH_NETWORK: Text("找不到这个无线网络", "There is no such Wi-Fi here"),
    WifiStep.WRONG_PASSWORD: Text("无线网络密码不对", "The Wi-Fi password is wrong"),
    WifiStep.NO_ADDRESS: Text("已加入无线网络，但未分配到地址", "Wi-Fi joined, but it gives no address"),
    WifiStep.NO_WIFI: Text("没有无线网卡，或已关闭", "No Wi-Fi adapter, or it is switched off"),
    WifiStep.NO_NETWORK_MANAGER: Text("网络管理程序未运行", "NetworkManager does not run"),
    WifiStep.NOT_ALLOWED: Text("没有权限设置无线网络", "Not allowed to set Wi-Fi up"),
    WifiStep.TIMED_OUT: Text("加入无线网络超时", "Joining Wi-Fi took too long"),
}

DIRECTIONS: dict[Direction, Text] = {
    Direction.IN: Text("入口", "Entrance"),
    Direction.OUT: Text("出口", "Exit"),
}

CLOCKS: dict[ClockQuality, Text] = {
    ClockQuality.SYNCHRONIZED: Text("已校准", "Synchronized"),
    ClockQuality.HOLDOVER: Text("曾校准，正在守时", "Keeping time"),
    ClockQuality.FLOOR: Text("可能偏慢", "May be slow"),
    ClockQuality.UNKNOWN: Text("未校准", "Not certain"),
}

ONLINE = Text("在线", "Online")
OFFLINE_WORKING = Text("离线，正常工作", "Offline but working")
OFFLINE = Text("离线", "Offline")
SYNC_SILENT = Text("上传程序无应答", "Upload program does not answer")
TROUBLES: dict[Trouble, Text] = {
    Trouble.NOT_PROVISIONED: Text("尚未开通", "not set up yet"),
    Trouble.NO_NETWORK: Text("无网络", "no network"),
    Trouble.NOT_THE_CENTRE: Text("对方不是本系统的中心", "something else answers for the centre"),
    Trouble.REFUSED: Text("被中心拒绝", "refused by the centre"),
    Trouble.CENTRE_BUSY: Text("中心繁忙", "centre busy"),
    Trouble.OUR_FAULT: Text("本机故障", "fault of this device"),
}

STICKS: dict[StickPhase, Text] = {
    StickPhase.COPYING: Text("正在拷贝，请勿拔出", "Copying: do not pull it"),
    StickPhase.WRITTEN: Text("正在收尾，请勿拔出", "Finishing: do not pull it"),
    StickPhase.COPIED: Text("可以拔出", "May be pulled"),
    StickPhase.FAILED: Text("拷贝未完成，可以拔出", "Copying failed, may be pulled"),
}
STICK_TROUBLES: dict[StickTrouble, Text] = {
    StickTrouble.NOT_MARKED: Text("不是本系统的U盘", "not a stick of this system"),
    StickTrouble.OTHER_CENTRE: Text("属于另一中心", "of another centre"),
    StickTrouble.FULL: Text("U盘已满", "the stick is full"),
    StickTrouble.READ_ONLY: Text("U盘写保护", "the stick is read-only"),
    StickTrouble.PULLED: Text("拔出过早，或U盘损坏", "pulled too early, or broken"),
    StickTrouble.BAD_CONTENT: Text("U盘内容有误", "something on it does not belong there"),
    StickTrouble.NOT_PROVISIONED: Text("本机尚未开通", "this gate is not set up yet"),
    StickTrouble.OUR_FAULT: Text("本机故障", "fault of this device"),
}

NEVER = Text("从未", "Never")
NO_TRUST = Text("没有", "None")

FAULTS: dict[Fault, Text] = {
    Fault.CAMERA: Text("摄像头无画面", "No picture from the camera"),
    Fault.READER: Text("读码器故障", "Code reader fails"),
    Fault.THERMOMETER: Text("测温仪故障", "Thermometer fails"),
    Fault.PINS: Text("指示灯控制故障", "Lamps do not obey"),
    Fault.BARRIER: Text("闸门故障", "Barrier fails"),
    Fault.OUTBOX: Text("记录无法保存", "Records cannot be kept"),
    Fault.DISK: Text("存储卡将满或故障", "Storage card nearly full or failing"),
    Fault.TRUST: Text("核验数据缺失或过旧", "Checking data missing or too old"),
    Fault.PASSAGE: Text("通行传感器故障", "Passage sensor fails"),
    Fault.TURNSTILE: Text("闸门被强行通过或顶住", "Barrier forced or held open"),
    Fault.FIRE_LOOP: Text("消防回路已断开", "Fire loop is open"),
    Fault.REVOKED: Text("已被中心吊销", "Revoked by the centre"),
}
SILENCES: dict[Silence, Text] = {
    Silence.MISSING: Text("闸机程序尚未启动", "Gate program has not started"),
    Silence.UNREADABLE: Text("闸机状态无法读取", "Gate status cannot be read"),
    Silence.OTHER_BOOT: Text("重启后闸机程序未启动", "Gate program has not started since the restart"),
    Silence.STALE: Text("闸机程序已停止应答", "Gate program has stopped answering"),
}
NO_FAULTS = Text("无", "None")

CAMERA = Text("摄像头看到的画面", "What the camera sees")
LINK_UP = Text("网络已接通", "The link is up")
LINK_CUT = Text("网络已切断", "The link is cut")
CUT = Text("断网", "Cut the link")
RECONNECT = Text("恢复网络", "Reconnect")


def setup_open(seconds: int) -> Text:
    """How long setting-up codes are still read."""
    minutes = max(1, round(seconds / 60))
    return Text(f"{minutes} 分钟内可出示设置码", f"Setting-up codes are read for {minutes} min")


def key_words(english: str, chinese: str) -> Text:
    """To be compared with what the centre shows, where they stand in both languages too."""
    return Text(" ".join(chinese), english)


def waiting(records: int) -> Text:
    """How many records the centre does not hold yet."""
    if records == 0:
        return Text("已全部上传", "None waiting")
    noun = "record" if records == 1 else "records"
    return Text(f"待上传 {records} 条", f"{records} {noun} waiting")


def damaged(records: int) -> Text:
    """How many records a damaged storage card cost."""
    noun = "record" if records == 1 else "records"
    return Text(f"{records} 条记录损坏，已另存", f"{records} damaged {noun} set aside")


def age(seconds: float) -> Text:
    """An age in its largest unit, so that a page does not change every second. Unknown where it is negative."""
    if seconds < 0:
        return UNKNOWN
    for unit_seconds, zh, en in ((86400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= unit_seconds:
            units = int(seconds // unit_seconds)
            return Text(f"{units} {zh}前", f"{units} {en} ago")
    return Text("刚刚", "just now")


def problem(code: int) -> Saying:
    """What a browser is told when a request is refused."""
    return _PROBLEMS.get(code, _OTHER_PROBLEM)


_PROBLEMS: dict[int, Saying] = {
    400: Saying(
        Text("请求无效", "This request is not valid"),
        Text(
            "请重新打开显示页面再试。若使用了其他地址，请将它加入 gate-panel.toml 的 names。",
            "Open the display again and retry. If its address is new, add it to names in gate-panel.toml.",
        ),
    ),
    404: Saying(
        Text("没有此页面", "There is no such page"),
        Text("请检查地址，或打开显示页面。", "Check the address, or open the display."),
    ),
}
_OTHER_PROBLEM = Saying(
    Text("请求未能完成", "The request could not be carried out"),
    Text("请稍后再试；若仍不行，请联系工作人员。", "Try again; if that does not help, call the staff."),
)
