"""`gate-sync status`: what the files say about the link, in plain words, Chinese or English."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from sync import mailbox
from sync.mailbox import NotProvisioned
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.status import SyncStatus, Trouble

STALE_SECONDS = 10.0
CONNECTED, IN_TROUBLE, NOT_RUNNING = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known. status: the service's last word; is_running: it is fresh. trust: number and time of issue."""

    status: SyncStatus | None
    is_running: bool
    wall: float
    mono: float
    trust: tuple[tuple[int, int], int] | None

    @property
    def trust_age_seconds(self) -> float | None:
        """How old the keys and rules are."""
        return None if self.trust is None else self.wall - self.trust[1]

    @property
    def next_attempt_seconds(self) -> float | None:
        """Seconds until the next attempt, None when none is planned."""
        due = self.status.next_attempt_mono if self.status and self.is_running else None
        return None if due is None else max(0.0, due - self.mono)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "running": self.is_running,
            "status": msgspec.to_builtins(self.status),
            "next_attempt_seconds": self.next_attempt_seconds,
            "updates": None if self.trust is None else f"{self.trust[0][0]}-{self.trust[0][1]}",
            "updates_age_seconds": self.trust_age_seconds,
        }


def gather(state: StateDir) -> Picture:
    """Read the files; one that is missing or broken is simply not known."""
    status = mailbox.read_sync_status(state)
    mono = time.monotonic()
    is_running = (
        status is not None
        and status.boot == mailbox.boot_id()
        and mono - status.mono <= STALE_SECONDS
        and mailbox.process_exists(status.pid)
    )
    return Picture(status, is_running, time.time(), mono, _trust(state))


def _trust(state: StateDir) -> tuple[tuple[int, int], int] | None:
    try:
        snapshot = mailbox.newest_snapshot(state, mailbox.read_root(state))
    except (NotProvisioned, WireError):
        return None
    return snapshot.order, snapshot.issued_at


def exit_code(picture: Picture) -> int:
    """0 connected, 1 running but in trouble, 3 not running."""
    if not picture.is_running or picture.status is None:
        return NOT_RUNNING
    return CONNECTED if picture.status.connected and picture.status.trouble is None else IN_TROUBLE


_TROUBLE = {
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


def in_words(picture: Picture, lang: str) -> str:
    """A few lines for whoever stands at the gate with a laptop. lang: "zh" or "en"."""
    chinese = lang == "zh"

    def say(zh: str, en: str) -> str:
        return zh if chinese else en

    status = picture.status
    lines = [(say("服务", "Service"), say("运行中", "running") if picture.is_running else say("未运行", "not running"))]
    if status is not None:
        link = say("已连接", "connected") if status.connected else say("未连接", "not connected")
        lines.append((say("中心", "Centre"), link))
        lines.append((say("待传记录", "Records waiting"), f"{status.backlog:,}"))
        lines.append((say("上次联系", "Last contact"), _moment(status.last_contact, picture.wall, chinese)))
        if status.trouble is not None:
            zh, en = _TROUBLE[status.trouble]
            lines.append((say("问题", "Trouble"), say(zh, en)))
        if status.detail:
            lines.append((say("详情", "Detail"), status.detail))
        due = picture.next_attempt_seconds
        if due is not None:
            lines.append((say("下次尝试", "Next attempt"), say(f"{due:.0f} 秒后", f"in {due:.0f} s")))
    if picture.trust is None:
        lines.append((say("密钥与规则", "Keys and rules"), say("没有", "none")))
    else:
        (epoch, number), issued_at = picture.trust
        age = _moment(float(issued_at), picture.wall, chinese)
        lines.append(
            (
                say("密钥与规则", "Keys and rules"),
                say(f"{epoch}-{number}，签发于 {age}", f"{epoch}-{number}, issued {age}"),
            )
        )
    return "\n".join(f"{name}{say('：', ': ')}{value}" for name, value in lines)


def _moment(at: float | None, now: float, chinese: bool) -> str:
    if at is None:
        return "从未" if chinese else "never"
    clock = datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{clock}（{_span(now - at, chinese)}前）" if chinese else f"{clock} ({_span(now - at, chinese)} ago)"


def _span(seconds: float, chinese: bool) -> str:
    for size, zh, en in ((86_400, "天", "days"), (3_600, "小时", "hours"), (60, "分钟", "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {zh if chinese else en}"
    return f"{max(0.0, seconds):.0f} {'秒' if chinese else 'seconds'}"
