"""Withdrawing passes, and building the status list that gates live by offline (DESIGN 4).

Decides what is listed: saved and paper passes that are withdrawn and have not expired. A scan result lives two minutes
and is never listed. Whose status changed is `visitors.status`'s word, not this module's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from sync.collector.database import queue_up, upsert
from sync.collector.errors import Mistake, NotFound
from sync.collector.policy.model import GateList, StatusListFiles, Withdrawal
from sync.collector.visitors.model import IssuedPass
from sync.wire.passes import PassKind
from sync.wire.statuslist import EMPTY, StatusList, build, difference
from sync.wire.updates import LIMITS, WITHDRAWN, WITHDRAWN_DELTA

_QUEUE = -21
MAX_DELTA_SHARE = 0.2  # of the snapshot; beyond it a new snapshot costs the lines less than its deltas do
MIN_DELTA_BYTES = 12_000  # a thousand entries are no reason for a new snapshot


def withdraw(session: Session, serial: bytes, now: float) -> Withdrawal:
    """List a pass from the next build on, by hand. Doing it twice changes nothing. Raises NotFound, Mistake."""
    issued = session.get(IssuedPass, serial)
    if issued is None:
        raise NotFound(f"no pass has the serial {serial.hex()}")
    if issued.kind == PassKind.SCAN_RESULT:
        raise Mistake("a scan result lives two minutes and cannot be withdrawn; withdraw the saved and paper passes")
    if issued.expires_at <= now:
        raise Mistake("this pass has expired: every gate refuses it already")
    row = session.get(Withdrawal, serial)
    if row is None:
        row = Withdrawal(serial=serial, expires_at=issued.expires_at, withdrawn_at=now)
        session.add(row)
    row.by_hand = True
    session.flush()
    return row


def reinstate(session: Session, serial: bytes) -> None:
    """Take a pass that was withdrawn by hand off the list again, from the next build on.

    It stays there while its holder's status says so. Raises NotFound, and Mistake where only the status does.
    """
    row = session.get(Withdrawal, serial)
    if row is None:
        raise NotFound(f"the pass {serial.hex()} is not withdrawn")
    if not row.by_hand:
        raise Mistake(f"the pass {serial.hex()} is withdrawn because of its holder's status: that is to change")
    row.by_hand = False
    if not row.by_status:
        session.delete(row)
    session.flush()


def follow_status(session: Session, worse: Mapping[bytes, int], fitting: Sequence[bytes], now: float) -> None:
    """List passes because of their holders' status, and take others off that were listed for nothing else.

    worse: serials of saved and paper passes whose holders stand worse than the pass says, with their expiry.
    """
    session.flush()
    if worse:
        rows = [
            {"serial": serial, "expires_at": expires_at, "withdrawn_at": now, "by_hand": False, "by_status": True}
            for serial, expires_at in worse.items()
        ]
        connection = session.connection()
        statement = upsert(Withdrawal, connection.dialect.name)
        more = statement.on_conflict_do_update(index_elements=["serial"], set_={"by_status": True})
        connection.execute(more, rows)
    if fitting:
        these = Withdrawal.serial.in_(fitting)
        session.execute(delete(Withdrawal).where(these, ~Withdrawal.by_hand))
        session.execute(update(Withdrawal).where(these).values(by_status=False))
    for row in session.identity_map.values():
        if isinstance(row, Withdrawal):  # what the caller holds of other things stays as it is
            session.expire(row)


def build_list(
    session: Session, now: float, fresh: bool = False, limits: Mapping[str, int] = LIMITS
) -> StatusListFiles:
    """The list as it should be now; a new one is numbered and kept when it says something else than the last one.

    fresh: with a new snapshot, whatever the delta. limits: the most bytes of each file that gates take. Raises Mistake
    when a list would be longer.
    """
    queue_up(session.connection(), _QUEUE)  # of two at once the later sees what the earlier withdrew
    session.execute(delete(Withdrawal).where(Withdrawal.expires_at <= now))
    listed = {row.serial: row.expires_at for row in session.execute(select(Withdrawal.serial, Withdrawal.expires_at))}
    last = session.scalars(select(StatusListFiles).order_by(StatusListFiles.number.desc()).limit(1)).one_or_none()
    snapshot, delta = _files(last, listed, now, fresh)
    if last is not None and (last.snapshot, last.delta) == (snapshot.content, delta.content):
        return last
    if len(snapshot.content) > limits[WITHDRAWN] or len(delta.content) > limits[WITHDRAWN_DELTA]:
        raise Mistake(f"{len(listed)} withdrawn passes are more than gates take; let the oldest passes expire sooner")
    row = StatusListFiles(
        number=last.number + 1 if last else 1,
        built_at=now,
        snapshot=snapshot.content,
        delta=delta.content,
        snapshot_digest=sha256(snapshot.content).digest(),
        delta_digest=sha256(delta.content).digest(),
    )
    session.add(row)
    session.flush()
    _forget_old(session, row.number)
    return row


def is_behind(session: Session) -> bool:
    """Whether a pass was withdrawn after the newest list was built: cheap, the lists are not read."""
    built_at = session.scalar(select(func.max(StatusListFiles.built_at)))
    withdrawn_at = session.scalar(select(func.max(Withdrawal.withdrawn_at)))
    return withdrawn_at is not None and (built_at is None or withdrawn_at > built_at)


def _files(
    last: StatusListFiles | None, listed: dict[bytes, int], now: float, fresh: bool
) -> tuple[StatusList, StatusList]:
    if last is None or fresh:
        return build(listed), EMPTY
    snapshot = StatusList(last.snapshot)
    delta = difference(snapshot, listed, now)
    if len(delta.content) > max(MIN_DELTA_BYTES, MAX_DELTA_SHARE * len(snapshot.content)):
        return build(listed), EMPTY
    return snapshot, delta


def _forget_old(session: Session, newest: int) -> None:
    """A list that no gate's updates name is not needed; they are large."""
    used = select(GateList.list_number)
    session.execute(delete(StatusListFiles).where(StatusListFiles.number < newest, StatusListFiles.number.not_in(used)))
