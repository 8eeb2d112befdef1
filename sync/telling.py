"""PURE: how the link to the centre is, in plain words, Chinese or English – for whoever stands at the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from sync.incidents import Incidents, Turn
from sync.picture import Picture, Queue, Trust
from sync.wire.status import Step, StickPhase, StickStatus, StickTrouble, SyncStatus, Trouble, WifiStep

CONNECTED, IN_TROUBLE, NOT_RUNNING = 0, 1, 3
_SHOWN = 5  # of each kind of incident

_Incident = TypeVar("_Incident")
Say = Callable[[str, str], str]
"""Chinese or English."""

TROUBLE = {
    Trouble.NOT_PROVISIONED: ("闸机尚未开通", "this gate is not provisioned yet"),
    Trouble.NO_NETWORK: ("没有网络，或中心无法到达", "no network, or the centre is not reached"),
    Trouble.NOT_THE_CENTRE: (
        "应答的不是中心（登录页、代理或密钥不符）",
        "something else answers in the centre's place",
    ),
    Trouble.REFUSED: ("中心拒绝本闸机", "the centre refuses this gate"),
    Trouble.CENTRE_BUSY: ("中心繁忙或故障", "the centre is busy or in trouble"),
    Trouble.OUR_FAULT: ("本机故障或数据有误", "something is wrong on this gate"),
}
_STICKS = {
    StickPhase.COPYING: ("正在拷贝，请勿拔出", "copying, do not pull it"),
    StickPhase.WRITTEN: ("正在收尾，请勿拔出", "finishing, do not pull it"),
    StickPhase.COPIED: ("已完成，可以拔出", "done, may be pulled"),
    StickPhase.FAILED: ("未完成，可以拔出", "failed, may be pulled"),
}
STICK_TROUBLE = {
    StickTrouble.NOT_MARKED: ("不是本系统的U盘", "it is not a stick of this system"),
    StickTrouble.OTHER_CENTRE: ("属于另一中心", "it belongs to another centre"),
    StickTrouble.FULL: ("U盘已满", "it is full"),
    StickTrouble.READ_ONLY: ("U盘写保护", "it is read-only"),
    StickTrouble.PULLED: ("拔出过早，或U盘损坏", "it was pulled too early, or is broken"),
    StickTrouble.BAD_CONTENT: ("U盘内容有误", "something on it does not belong there"),
    StickTrouble.NOT_PROVISIONED: ("闸机尚未开通", "this gate is not provisioned yet"),
    StickTrouble.OUR_FAULT: ("本机故障", "something is wrong on this gate"),
}
STEP = {
    Step.ASKING: ("正在联系中心", "asking the centre"),
    Step.CONFIRM: ("等待中心确认钥匙词", "the centre is to confirm the key words"),
    Step.REFUSED: ("未被接受", "not accepted"),
    Step.ENROLLED: ("已开通", "enrolled"),
}
WIFI = {
    WifiStep.JOINING: ("正在加入", "joining"),
    WifiStep.JOINED: ("已加入", "joined"),
    WifiStep.UNREADABLE: ("无线网络码无法使用", "the code cannot be used"),
    WifiStep.NO_SUCH_NETWORK: ("找不到这个网络", "there is no such network here"),
    WifiStep.WRONG_PASSWORD: ("密码不对", "the password is wrong"),
    WifiStep.NO_ADDRESS: ("未分配到地址", "it gives no address"),
    WifiStep.NO_WIFI: ("没有无线网卡，或已关闭", "no adapter, or it is switched off"),
    WifiStep.NO_NETWORK_MANAGER: ("网络管理程序未运行", "NetworkManager does not run"),
    WifiStep.NOT_ALLOWED: ("没有权限", "not allowed: install-gate lays the polkit rule"),
    WifiStep.TIMED_OUT: ("超时", "it took too long"),
}
_SEALED = {
    "other_machine": (
        "由另一台设备写入（存储卡被移动或复制）",
        "written by another machine: the card was moved or cloned",
    ),
    "replaced": ("存储卡的旧副本被放回", "an old copy of the card was put back"),
    "identity_damaged": ("标识文件损坏", "its identity is damaged"),
}
_HOLES = {
    "burnt": ("写入失败，闸机未开", "the record could not be written, and nothing opened"),
    "damaged": ("存储卡损坏", "the card lost it"),
    "pruned": ("本机不再保存", "no longer kept here"),
}
_TURNS = {
    Turn.CENTRE_RESTORED: ("中心从备份恢复，已重传", "the centre was restored from a backup; sent again"),
    Turn.CARD_REPLACED: ("中心已有更多记录：存储卡的旧副本被放回", "the centre holds more: an old copy of the card"),
}


def exit_code(picture: Picture) -> int:
    """0 connected, 1 running but in trouble, 3 not running."""
    if not picture.is_running or picture.status is None:
        return NOT_RUNNING
    return CONNECTED if picture.status.connected and picture.status.trouble is None else IN_TROUBLE


def speaker(lang: str) -> Say:
    """lang: "zh" or "en"."""
    return (lambda zh, en: zh) if lang == "zh" else (lambda zh, en: en)


def in_words(picture: Picture, lang: str) -> str:
    """A few lines. lang: "zh" or "en"."""
    say = speaker(lang)
    lines = [*_service(picture, say), *_trust(picture.trust, picture.wall, say)]
    lines += _stick(picture.stick, picture.wall, say)
    lines += [line for queue in picture.queues if queue.sealed for line in _sealed(queue, say)]
    lines += _incidents(picture.incidents, picture.wall, say)
    return "\n".join(f"{name}{say('：', ': ')}{value}" for name, value in lines)


def _service(picture: Picture, say: Say) -> Iterable[tuple[str, str]]:
    yield say("服务", "Service"), say("运行中", "running") if picture.is_running else say("未运行", "not running")
    status = picture.status
    if status is None:
        return
    yield say("中心", "Centre"), say("已连接", "connected") if status.connected else say("未连接", "not connected")
    yield say("待传记录", "Records waiting"), f"{status.backlog:,}"
    yield say("上次联系", "Last contact"), _moment(status.last_contact, picture.wall, say)
    if status.trouble is not None:
        yield say("问题", "Trouble"), say(*TROUBLE[status.trouble])
    if status.detail:
        yield say("详情", "Detail"), status.detail
    yield from _codes(status, say)
    due = picture.next_attempt_seconds
    if due is not None:
        yield say("下次尝试", "Next attempt"), say(f"{due:.0f} 秒后", f"in {due:.0f} s")


def _codes(status: SyncStatus, say: Say) -> Iterable[tuple[str, str]]:
    """What becomes of codes that were shown to the camera."""
    if status.setup is not None:
        told = say(*STEP[status.setup.step])
        words = f"{status.setup.words_zh} · {status.setup.words}" if status.setup.words else ""
        yield say("开通", "Enrolment"), " – ".join(filter(None, (told, words, status.setup.detail)))
    if status.wifi is not None:
        yield say("无线网络", "Wi-Fi"), f"{say(*WIFI[status.wifi.step])} ({status.wifi.network})"


def _trust(trust: Trust | None, now: float, say: Say) -> Iterable[tuple[str, str]]:
    if trust is None:
        yield say("密钥与规则", "Keys and rules"), say("没有", "none")
        return
    name, age = "{}-{}".format(*trust.order), _moment(float(trust.issued_at), now, say)
    yield say("规则与场所", "Rules and venue"), say(f"{name}，签发于 {age}", f"{name}, issued {age}")
    if trust.keys_issued_at is not None:
        age_of_keys = _moment(float(trust.keys_issued_at), now, say)
        yield say("密钥", "Keys"), say(f"签发于 {age_of_keys}", f"issued {age_of_keys}")
    if trust.withdrawn is None:
        yield say("状态名单", "Status list"), say("没有", "none")
    else:
        listed = say(f"{trust.withdrawn:,} 个通行码，截至 {age}", f"{trust.withdrawn:,} passes, as of {age}")
        yield say("状态名单", "Status list"), listed
    if trust.inspectors is None:
        yield say("检测员名单", "Staff list"), say("没有", "none")
    else:
        listed = say(f"{trust.inspectors:,} 名检测员，截至 {age}", f"{trust.inspectors:,} inspectors, as of {age}")
        yield say("检测员名单", "Staff list"), listed


def _stick(stick: StickStatus | None, now: float, say: Say) -> Iterable[tuple[str, str]]:
    if stick is None:
        return
    said = say(*_STICKS[stick.phase])
    if stick.trouble is not None:
        said += f"{say('：', ': ')}{say(*STICK_TROUBLE[stick.trouble])}"
    name = say("U盘", "Stick")
    yield name, f"{said}{say('，', ', ')}{stick.done:,}/{stick.total:,}{say('，', ', ')}{_moment(stick.wall, now, say)}"
    if stick.detail:
        yield say("U盘详情", "Stick, detail"), stick.detail


def _sealed(queue: Queue, say: Say) -> Iterable[tuple[str, str]]:
    why = say(*_SEALED.get(queue.sealed or "", (queue.sealed or "", queue.sealed or "")))
    waiting = say(f"待传 {queue.waiting:,}", f"{queue.waiting:,} wait")
    yield say("封存的队列", "Sealed outbox"), f"{queue.outbox[:8]}{say('，', ', ')}{waiting}{say('：', ': ')}{why}"


def _incidents(incidents: Incidents, now: float, say: Say) -> Iterable[tuple[str, str]]:
    for aside in _newest(incidents.set_aside):
        number = f"{aside.outbox[:8]} {aside.sequence}"
        yield say("中心搁置的记录", "Set aside by the centre"), f"{number}{say('：', ': ')}{aside.reason}"
    for hole in _newest(incidents.missing):
        numbers = f"{hole.first}" if hole.first == hole.last else f"{hole.first}–{hole.last}"
        why = say(*_HOLES.get(hole.reason, (hole.reason, hole.reason)))
        yield say("缺失的编号", "Missing numbers"), f"{hole.outbox[:8]} {numbers}{say('：', ': ')}{why}"
    for conflict in _newest(incidents.conflicts):
        both = say("中心另有同号记录，均已保留", "the centre has another record of that number; it keeps both")
        yield say("冲突", "Conflict"), f"{conflict.outbox[:8]} {conflict.sequence}{say('：', ': ')}{both}"
    for setback in _newest(incidents.setbacks):
        when = _moment(setback.at, now, say)
        told = f"{setback.outbox[:8]} {setback.next}{say('：', ': ')}{say(*_TURNS[setback.turn])}"
        yield say("状态回退", "Gone back"), f"{told}{say('，', ', ')}{when}"


def _newest(incidents: list[_Incident]) -> list[_Incident]:
    return incidents[-_SHOWN:]


def _moment(at: float | None, now: float, say: Say) -> str:
    if at is None:
        return say("从未", "never")
    clock = datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return say(f"{clock}（{span(now - at, say)}前）", f"{clock} ({span(now - at, say)} ago)")


def span(seconds: float, say: Say) -> str:
    """A length of time, in its greatest fitting unit."""
    for size, zh, en in ((86_400, "天", "days"), (3_600, "小时", "hours"), (60, "分钟", "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {say(zh, en)}"
    return f"{max(0.0, seconds):.0f} {say('秒', 'seconds')}"
