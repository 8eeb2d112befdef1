"""The words of conditions: what is the matter, and what to do – for IT who never opens a shell on a gate.

Message ids in Chinese. Outside of a request: within `languages.spoken`.
"""

from __future__ import annotations

import re

from sync.collector import languages
from sync.collector.errors import Mistake, NotFound
from sync.collector.fleet import enrolment, resolving, service
from sync.collector.fleet.conditions import Condition, Kind, Severity
from sync.collector.fleet.differences import visible
from sync.collector.fleet.history import Event
from sync.collector.fleet.kept import Kept
from sync.collector.fleet.kept import Kind as KeptKind
from sync.collector.fleet.overview import Link
from sync.collector.languages import translate as _
from sync.collector.privacy.audit import Act
from sync.wire.status import Fault

_LONG_SECONDS = 7 * 86_400
_MISSING = re.compile(r"Object missing required field `([^`]+)`")


def severity(value: Severity) -> str:
    """The mark's word."""
    return {
        Severity.BROKEN: _("故障"),
        Severity.ATTENTION: _("待处理"),
        Severity.NOTE: _("提示"),
        Severity.FINE: _("正常"),
    }[value]


def title(condition: Condition) -> str:
    """What it is, with its figures."""
    figures, count = condition.figures, round(condition.figures.get("count", 0))
    match condition.kind:
        case Kind.SHARED_OUTBOX:
            return _("与 %(gates)s 使用同一队列，数据被拒收", gates=condition.subject)
        case Kind.SILENT:
            return _("失去联系 %(time)s", time=languages.duration(figures["seconds"]))
        case Kind.NEVER_HEARD:
            return _("已配置，从未联系")
        case Kind.FAULT:
            return fault(condition.subject)
        case Kind.CLOCK_RUNAWAY:
            rate = languages.duration(figures["seconds_a_day"])
            return _("时钟越走越偏：%(error)s，每天再偏 %(rate)s", error=clock(figures["seconds"]), rate=rate)
        case Kind.CLOCK_OFF:
            return _("时钟误差超过 30 秒：%(error)s", error=clock(figures["seconds"]))
        case Kind.FLAPPING:
            often, hours = round(figures["gaps"]), round(figures["hours"])
            return _("时断时续：%(hours)s 小时内断开 %(count)s 次", hours=hours, count=often)
        case Kind.DISK_FULL:
            return _("存储空间已用 %(percent)s%%", percent=round(figures["share"] * 100))
        case Kind.BACKLOG_GROWING:
            records, more = round(figures["records"]), round(figures["records_an_hour"])
            return _("待传记录越积越多：%(count)s 条，每小时多 %(more)s 条", count=records, more=more)
        case Kind.CONFLICTS:
            return _("同号不同内容的记录：%(count)s 条，均已保留", count=count)
        case Kind.SET_ASIDE:
            return _("无法读取的记录：%(count)s 条，已搁置", count=count)
        case Kind.DAMAGED:
            return _("闸机上损坏的记录：%(count)s 条", count=count)
        case Kind.BOARD_HOT:
            return _("主板温度 %(celsius)s ℃", celsius=round(figures["celsius"]))
        case Kind.STALE_TRUST:
            return _("密钥与策略 %(time)s未更新", time=languages.duration(figures["seconds"]))
        case Kind.OLD_SOFTWARE:
            return _("软件版本较旧：%(version)s", version=condition.subject)
        case Kind.NOT_PROVISIONED:
            return _("尚未配置")
        case Kind.REVOKED:
            quarantined = round(figures.get("quarantined", 0))
            return _("已吊销，隔离记录 %(count)s 条", count=quarantined) if quarantined else _("已吊销")
        case Kind.RETIRED:
            return _("已退役")


def advice(condition: Condition) -> str:
    """What to do about it."""
    match condition.kind:
        case Kind.FAULT:
            return _fault_advice(condition.subject)
        case Kind.SILENT if condition.figures["seconds"] >= _LONG_SECONDS:
            return _("到现场确认设备是否还在、是否通电；记录可用 U 盘取回；已拆除的请退役。")
    return {
        Kind.SHARED_OUTBOX: _(
            "两台设备的数据目录出自同一份拷贝：停用其中一台，换新存储卡后重新配置；旧卡留存，未上传的记录只在卡上。"
        ),
        Kind.SILENT: _("检查闸机的电源和网络；记录保存在闸机上，恢复后自动补传。"),
        Kind.NEVER_HEARD: _("看闸机屏幕上的网络提示；检查网线或 4G，防火墙是否放行采集中心的地址。"),
        Kind.CLOCK_RUNAWAY: _("检查闸机能否访问时间服务器（NTP）；能访问仍走偏，更换主板。记录已按中心时间更正。"),
        Kind.CLOCK_OFF: _("检查闸机能否访问时间服务器（NTP）。记录已按中心时间更正。"),
        Kind.FLAPPING: _("检查网线接头、4G 信号和电源插头；记录不会丢失，只是晚到。"),
        Kind.DISK_FULL: _("恢复网络，上传后会自动腾出空间；联网后仍不下降，更换更大的存储卡。"),
        Kind.BACKLOG_GROWING: _("线路太慢或常断：检查网速；必要时用 U 盘取回记录。"),
        Kind.CONFLICTS: _("可能有复制的或旧的存储卡在用；逐条查看并决定。"),
        Kind.SET_ASIDE: _("逐条查看：更正、采纳，或说明理由后舍弃。"),
        Kind.DAMAGED: _("存储卡可能老化：安排更换，旧卡留存。"),
        Kind.BOARD_HOT: _("检查通风和日晒；80 ℃ 起会降速，扫码变慢。"),
        Kind.STALE_TRUST: _("闸机取不到更新：检查网络；其间闸机按策略继续工作。"),
        Kind.OLD_SOFTWARE: _("安排升级，见运行手册。"),
        Kind.NOT_PROVISIONED: _("在它的页面制作开通码，让设备的摄像头读取。"),
        Kind.REVOKED: _("要恢复使用：制作新的开通码，在新设备上，或按下机箱内按钮后出示；隔离的记录不计入统计。"),
        Kind.RETIRED: _("不在编；它的记录仍保留。"),
    }[condition.kind]


def link(value: Link) -> str:
    """Whether the centre hears of a gate."""
    return {Link.CONNECTED: _("在线"), Link.SILENT: _("失去联系"), Link.NEVER: _("从未联系")}[value]


def act(code: str) -> str:
    """What somebody did with a gate; a code that this version does not know is shown as it is."""
    known = {
        Act.GATE_CREATE: _("已新建"),
        Act.GATE_PROVISION: _("已配置"),
        Act.GATE_ENROL: _("已制作开通码"),
        Act.GATE_CONFIRM: _("已确认钥匙词"),
        Act.GATE_REFUSE: _("已拒绝开通"),
        Act.GATE_MOVE: _("已移动"),
        Act.GATE_REVOKE: _("已吊销"),
        Act.GATE_RETIRE: _("已退役"),
    }
    return {name.value: words for name, words in known.items()}.get(code, code)


def direction(value: str) -> str:
    """Entry or exit."""
    return _("进") if value == "in" else _("出")


def clock(error_seconds: float) -> str:
    """How far a gate's clock is off."""
    if abs(error_seconds) < 1:
        return _("准确")
    time = languages.duration(error_seconds)
    return _("快 %(time)s", time=time) if error_seconds > 0 else _("慢 %(time)s", time=time)


def fault(code: str) -> str:
    """A fault's name; one that this centre does not know is shown as it is."""
    known = {
        Fault.CAMERA: _("摄像头故障"),
        Fault.READER: _("读码器故障"),
        Fault.THERMOMETER: _("测温仪故障"),
        Fault.PINS: _("控制引脚故障"),
        Fault.BARRIER: _("闸门故障"),
        Fault.OUTBOX: _("记录队列故障"),
        Fault.DISK: _("存储故障"),
        Fault.TRUST: _("没有可用的密钥与策略"),
        Fault.PASSAGE: _("通行传感器故障"),
        Fault.TURNSTILE: _("闸门被强行通过或未关"),
        Fault.FIRE_LOOP: _("消防回路断开"),
        Fault.REVOKED: _("闸机得知已被吊销"),
    }
    return {name.value: words for name, words in known.items()}.get(code) or _("故障代码 %(code)s", code=code)


def _fault_advice(code: str) -> str:
    known = {
        Fault.CAMERA: _("插紧摄像头排线，断电重启；仍不行就更换摄像头。其间由检测员登记放行。"),
        Fault.READER: _("断电重启闸机；仍不行就更换设备。其间由检测员登记放行。"),
        Fault.THERMOMETER: _("检查测温仪接线；修好之前由检测员人工测温。"),
        Fault.PINS: _("检查继电器和指示灯的接线，断电重启。"),
        Fault.BARRIER: _("检查闸门的电源和接线；闸门保持关闭，出口可自由推开。"),
        Fault.OUTBOX: _("存储卡可能损坏，闸门保持关闭：更换存储卡，旧卡留存以便取回记录。"),
        Fault.DISK: _("存储已满或不可写：恢复网络让记录上传，仍不行就更换存储卡。"),
        Fault.TRUST: _("恢复网络后会自动取得；仍不行就重新配置这台闸机。"),
        Fault.PASSAGE: _("检查传感器是否被遮挡、接线是否松动；其间无法确认人是否通过。"),
        Fault.TURNSTILE: _("到现场查看：有没有人强行通过，闸门是否被卡住。"),
        Fault.REVOKED: _("它不再放行任何人。要恢复使用：制作新的开通码，按下机箱内按钮后出示。"),
        Fault.FIRE_LOOP: _("确认有无火警；没有火警就检查消防回路接线。其间闸门无电，可自由通行。"),
    }
    return {name.value: words for name, words in known.items()}.get(code) or _(
        "采集中心不认识这个代码：请升级采集中心。"
    )


def event(value: Event) -> str:
    """What was so for a while."""
    return {"silent": _("失去联系"), "clock": _("时钟误差超过 30 秒")}.get(value.kind) or fault(value.subject)


def since(condition: Condition) -> str:
    """Since when, as far as anybody knows."""
    return "" if condition.since is None else _("自 %(time)s", time=languages.moment(condition.since))


def kept_reason(value: Kept) -> str:
    """Why a record was kept."""
    if value.name.kind is KeptKind.CONFLICT:
        return _("同号不同内容")
    return _("无法读取：%(reason)s", reason=unread(value.reason))


def unread(reason: str) -> str:
    """Why bytes are no record; what the reader of JSON says in its own words is shown as it is."""
    known = {
        "a time is out of range": _("时间超出范围"),
        "a place is out of range": _("地点超出范围"),
        "this gate never stood at the venue that the record names": _("这台闸机从未在记录所写的场所"),
        "NUL in a text": _("文字中有空字符"),
        "a count is out of range": _("数量超出范围"),
        "a serial is not hex": _("码的序号不正确"),
        "a serial is too short": _("码的序号不正确"),
    }
    if found := _MISSING.match(reason):
        return _("缺少字段 %(field)s", field=visible(found[1].encode()))
    if reason.startswith(("JSON is malformed", "Input data was truncated", "Expected `object`")):
        return _("不是完整的记录")
    return known.get(reason) or visible(reason.encode())


def resolution(code: str | None) -> str:
    """What was decided."""
    known = {"accepted": _("已采纳"), "corrected": _("已更正"), "discarded": _("已舍弃"), None: _("尚未决定")}
    return known.get(code, code or "")


def stored_as(table: str | None) -> str:
    """What the first version of a number is."""
    return {"record": _("已计入的记录"), "set_aside": _("已搁置的内容"), "quarantine": _("隔离的内容")}.get(
        table or "", ""
    )


def mistake(cause: Mistake | NotFound) -> str:
    """Why something cannot be done, for a page; the terminal's sentence stays English."""
    if isinstance(cause, resolving.NoRecord):
        return _("不能作为记录：%(why)s。请更正，或说明理由后舍弃。", why=unread(cause.why))
    for kind, sentence in (
        (service.BadId, _("编号用 1 到 32 个小写字母、数字，中间可用单个连字符。")),
        (service.Taken, _("这个编号已经有闸机使用。")),
        (service.AlreadySo, _("它已经是这样了。")),
        (enrolment.HasDevice, _("这台闸机已有设备：要换上新设备，请勾选。")),
        (enrolment.OtherWords, _("现在等待的是另一台设备：请重新核对钥匙词。")),
        (enrolment.NothingWaits, _("没有设备在等待确认。")),
        (resolving.DecidedAlready, _("这条记录已经处理过了。")),
        (resolving.CountsAlready, _("与已计入的内容相同：请舍弃另一份。")),
        (NotFound, _("没有这个编号。")),
    ):
        if isinstance(cause, kind):
            return sentence
    return _("请检查填写的内容：名称为 1 到 100 个可显示的字符，原因为 1 到 200 个。")
