"""A change of status reaches the gates: passes that say something better than what is true now are on the status list.

In the transaction of the change itself, so that no gate is told of one without the other (DESIGN 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.database import Database, upsert
from sync.collector.policy import withdrawals
from sync.collector.policy.model import Withdrawal
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.status import records
from sync.collector.visitors.status.judging import judge
from sync.collector.visitors.status.model import Standing
from sync.collector.visitors.status.port import Health
from sync.collector.visitors.status.settings import StatusSettings
from sync.wire.passes import PassKind, Status

_AT_ONCE = 200


def settle(
    session: Session, settings: StatusSettings, visitors: Iterable[str], now: float, *, build: bool = True
) -> dict[str, Health]:
    """Judge each of them anew, and withdraw or reinstate their passes. Within the transaction that changed something.

    build: the status list too, where it changes; False leaves that to the caller. Returns how each stands.
    """
    connection = session.connection()
    found = {
        visitor: judge(evidence, settings, now) for visitor, evidence in records.evidence(connection, visitors).items()
    }
    if not found:
        return {}
    _note(session, found, now)
    if _sort_out(session, found, now) and build:
        withdrawals.build_list(session, now)
    return found


def lapsed(session: Session, now: float, limit: int) -> list[str]:
    """Whose standing has run out, the earliest first."""
    over = select(Standing.visitor).where(Standing.until <= now).order_by(Standing.until).limit(limit)
    return list(session.scalars(over))


def settle_lapsed(database: Database, settings: StatusSettings, now: float, stop: Callable[[], bool]) -> int:
    """Terms that are over: judge everybody anew whom they concern, and see that the list is built; how many people."""
    with database.read() as session:
        if not lapsed(session, now, 1) and not withdrawals.is_behind(session):
            return 0
    settled = 0
    while not stop():
        with database.write() as session:
            found = lapsed(session, now, _AT_ONCE)
            settle(session, settings, found, now, build=False)
            if len(found) < _AT_ONCE:
                withdrawals.build_list(session, now)
        settled += len(found)
        if len(found) < _AT_ONCE:
            break
    return settled


def _note(session: Session, found: Mapping[str, Health], now: float) -> None:
    connection = session.connection()
    statement = upsert(Standing, connection.dialect.name)
    columns = ("status", "until", "judged_at")
    rows = [
        {"visitor": visitor, "status": int(health.status), "until": health.until, "judged_at": now}
        for visitor, health in found.items()
    ]
    replaced = {name: statement.excluded[name] for name in columns}
    connection.execute(statement.on_conflict_do_update(index_elements=["visitor"], set_=replaced), rows)


def _sort_out(session: Session, found: Mapping[str, Health], now: float) -> bool:
    """Whether a pass was withdrawn or reinstated."""
    open_passes = select(IssuedPass.serial, IssuedPass.holder, IssuedPass.status, IssuedPass.expires_at).where(
        IssuedPass.holder.in_(list(found)), IssuedPass.expires_at > now, IssuedPass.kind != int(PassKind.SCAN_RESULT)
    )
    passes = session.execute(open_passes).all()
    serials = [each.serial for each in passes]
    by_status = select(Withdrawal.serial).where(Withdrawal.serial.in_(serials), Withdrawal.by_status)
    listed = set(session.scalars(by_status))
    better = {
        each.serial: each.expires_at
        for each in passes
        if Status(each.status).severity < found[each.holder].status.severity
    }
    worse = {serial: better[serial] for serial in better.keys() - listed}
    fitting = sorted(listed - better.keys())
    withdrawals.follow_status(session, worse, fitting, now)
    return bool(worse or fitting)
