"""A town of forty gates to look at: thirty-five are fine, five are not, each in a way of its own.

Written into the database as intake would leave it, `python -m tests.sync.collector.fortygates STATE` for one to click.
"""

from __future__ import annotations

import random
import secrets
import sys
import time
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.fleet.contacts import RING_SLOTS
from sync.collector.fleet.history import SAMPLE_SECONDS
from sync.collector.fleet.model import Contact, ContactSample, Gate
from sync.collector.fleet.overview import SOFTWARE
from sync.collector.fleet.service import create_gate
from sync.collector.intake.model import ConflictRow, Dispute, Outbox, SetAsideRow
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire import jsonform
from sync.wire.batch import Report
from sync.wire.keys import key_id
from sync.wire.record import Direction

VENUES = (
    *("东门农贸市场", "西门农贸市场", "汽车客运站", "人民医院", "镇中心小学", "第一中学", "政务服务中心", "文化广场"),
    *("万家超市", "工业园北区", "工业园南区", "体育馆", "南山社区", "河滨公园"),
)
GATES = 40
SILENT, RUNAWAY, SHARED, SHARING, FLAPPING = "gate-7", "gate-18", "gate-23", "gate-24", "gate-31"
SICK = (SILENT, RUNAWAY, SHARED, SHARING, FLAPPING)
_DAY, _MONTH = 86_400, 30 * 86_400


@dataclass
class _Life:
    """What a gate's samples are made of. ended: seconds before now. drift: of its clock, seconds a day."""

    ended: float = 12.0
    drift: float = 0.0
    gaps_every: int = 0
    backlog: int = 0
    faults: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)


_LIVES = {
    SILENT: _Life(ended=_MONTH + 7_300, backlog=412),
    RUNAWAY: _Life(drift=840.0),
    FLAPPING: _Life(gaps_every=5, backlog=37),
}


def build(centre: Centre, now: float, days: int = 7) -> None:
    """Forty gates at fourteen venues, `days` of samples each. now: seconds since 1970."""
    draw = random.Random(40)
    with centre.database.write() as session:
        places = [
            create_checkpoint(session, venue, checkpoint, Direction.IN).id
            for venue in [create_venue(session, name).id for name in VENUES]
            for checkpoint in ("南门", "北门", "东门")
        ]
        for number in range(GATES):
            row = create_gate(session, places[number], f"{number % 3 + 1}号闸机")
            row.public_key = secrets.token_bytes(32)
            row.kid = key_id(row.public_key)
            life = _LIVES.get(row.id) or _Life(ended=draw.uniform(1, 29))
            _live(session, row, replace(life, report=_figures(draw)), now, days)
        session.flush()
        _quarrel(session, now)


def _figures(draw: random.Random) -> dict[str, Any]:
    return {"disk_used": draw.uniform(0.1, 0.5), "board_celsius": draw.uniform(42, 61)}


def _live(session: Session, row: Gate, life: _Life, now: float, days: int) -> None:
    last = now - life.ended
    newest = int(last // SAMPLE_SECONDS)
    samples = []
    for bucket in range(newest - days * _DAY // SAMPLE_SECONDS + 1, newest + 1):
        at = bucket * SAMPLE_SECONDS
        until = last if bucket == newest else at + SAMPLE_SECONDS - 5.0
        is_gap = bool(life.gaps_every) and bucket % life.gaps_every == 0
        busy = max(0.0, 1 - abs((at / 3600 + 8) % 24 - 12) / 6)
        samples.append(
            {
                "gate_number": row.number,
                "slot": bucket % RING_SLOTS,
                "bucket": bucket,
                "first_at": max(at, until - SAMPLE_SECONDS + 12.0),
                "last_at": until,
                "contacts": 9 if is_gap else 20,
                "gaps": int(is_gap),
                "backlog": round(life.backlog * busy),
                "most_backlog": round((life.backlog + 3) * busy * (1 + bucket % 7)),
                "clock_error_seconds": 0.2 + life.drift * (1 - (last - until) / (days * _DAY)),
                "faults": ",".join(life.faults),
                **life.report,
            }
        )
    report = Report((1, 12), life.backlog, SOFTWARE, "b" * 36, 1e6, faults=list(life.faults), **life.report)
    contact = Contact(
        gate_number=row.number,
        at=last,
        backlog=life.backlog,
        clock_error_seconds=0.2 + life.drift,
        boot=report.boot,
        mono=report.mono,
        report=jsonform.encode(report),
        trust_issued_at=int(last - 3_600),
    )
    session.add(contact)
    session.add(Outbox(id=f"{row.number:032x}", gate_number=row.number, next=9_001, records=0, ahead=1, purged=9_001))
    session.flush()
    session.execute(insert(ContactSample), samples)


def _quarrel(session: Session, now: float) -> None:
    """Two gates with one outbox, and records that wait for somebody."""
    owner, other = (int(each.removeprefix("gate-")) for each in (SHARED, SHARING))
    session.add(Dispute(outbox=owner, gate=other, first_at=now - 5_400, last_at=now))
    raw = b'{"type":"scan","outcome":"pass","\xff\xfe":"\xe2\x80\xae"}'
    kept = {"venue": 1, "gate": owner, "received_at": now - 4_000, "raw": raw}
    session.add(SetAsideRow(outbox=owner, sequence=8_801, reason="Object missing required field `when`", **kept))
    session.add(ConflictRow(outbox=owner, sequence=8_802, digest=sha256(raw).digest(), **kept))


def main() -> None:
    """A new centre in STATE with the forty gates of this moment."""
    state = StateDir(Path(sys.argv[1]))
    initialize(state, time.time())
    centre = Centre.open(state)
    build(centre, time.time())
    centre.close()


if __name__ == "__main__":
    main()
