"""A gate that lives by stick alone for a month: a round each week, and what happens meanwhile in town (R25)."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import select

from sync.collector.ceremonies import rolls
from sync.collector.courier.service import mark, take_stick
from sync.collector.fleet.service import set_policy
from sync.collector.intake.model import RecordRow
from sync.collector.invariants import broken
from sync.collector.policy.withdrawals import build_list, withdraw
from sync.collector.privacy.audit import Actor
from sync.collector.visitors.model import IssuedPass
from sync.wire.keys import Purpose, key_id
from sync.wire.passes import PassKind
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.stickside import StickGate, stick_gate

DAY = 86_400


class Round:
    """One stick, some gates, the days of a month. Nothing sleeps: time is what is said."""

    def __init__(self, site: Site, usb: Path, gates: list[StickGate]) -> None:
        self.site, self.usb, self.gates = site, usb, gates

    def go(self, day: float) -> None:
        """To every gate, to the centre in the evening, to every gate again the next morning."""
        self._visit(day)
        done = take_stick(self.site.centre, self.usb, lambda: NOW + (day + 0.4) * DAY)
        assert done.is_well, done
        self._visit(day + 1)

    def _visit(self, day: float) -> None:
        for gate in self.gates:
            gate.wall = NOW + day * DAY
            out = gate.visited(self.usb)
            assert (out.fault, out.left) == (None, 0)
            assert not out.troubles

    def trust_age(self, gate: StickGate, day: float) -> float:
        """Days, of the updates in force."""
        assert gate.trust.in_force is not None
        return (NOW + day * DAY - gate.trust.in_force.issued_at) / DAY


def test_a_month_by_stick_alone(site: Site, tmp_path: Path) -> None:
    """Everything arrives once, in order; policy, withdrawn pass and key list come with the next round; trust is never
    older than the last round; at the end the centre's books are right."""
    usb = tmp_path / "usb"
    usb.mkdir()
    mark(site.centre, usb)
    gates = [stick_gate(site, name) for name in ("东号", "西号")]
    trips = Round(site, usb, gates)
    serial, next_key = _saved_pass(site), bytes(8)
    for week in range(5):
        for day in range(7):
            for gate in gates:
                gate.pass_people(40 + week + day)
        if week == 1:
            with site.centre.database.write() as session:
                set_policy(session, b'{"v":1,"fever_celsius":37.5,"trust_hours":240}', NOW + 10 * DAY)
        if week == 2:
            with site.centre.database.write() as session:
                withdraw(session, serial, NOW + 17 * DAY)
                build_list(session, NOW + 17 * DAY)
        if week == 3:
            next_key = key_id(_another_pass_key(site, int(NOW + 24 * DAY)))
        trips.go(week * 7 + 6.0)
        for gate in gates:
            assert gate.waiting <= 1  # what it wrote on adopting the updates may still wait
            assert trips.trust_age(gate, week * 7 + 7.0) < 0.7
            in_force = gate.trust.in_force
            assert in_force is not None
            assert in_force.policy.fever_celsius == (37.3 if week < 1 else 37.5)
            assert in_force.withdrawn.lists(serial, NOW + 30 * DAY) is (week >= 2)
            assert (in_force.ring.find(next_key) is not None) is (week >= 3)
    for gate in gates:
        number = int(gate.id.removeprefix("gate-"))
        rows = select(RecordRow.sequence, RecordRow.raw).where(RecordRow.gate == number).order_by(RecordRow.sequence)
        with site.centre.database.look() as connection:
            assert [tuple(row) for row in connection.execute(rows)] == list(enumerate(gate.written, start=1))
    assert broken(site.centre.database) == []


def _saved_pass(site: Site) -> bytes:
    serial = os.urandom(12)
    with site.centre.database.write() as session:
        session.add(
            IssuedPass(
                serial=serial, holder=None, kind=int(PassKind.SAVED), status=1, status_at=int(NOW), issued_at=int(NOW),
                expires_at=int(NOW + 60 * DAY), venue=0, checkpoint=0,
            )
        )  # fmt: skip
    return serial


def _another_pass_key(site: Site, now: int) -> bytes:
    """The root signs a list with the pass key of next year; its public key."""
    centre = site.centre
    rolls.next_key(centre, Purpose.PASS, centre.state.root, now + 30 * DAY, Actor("login it", "test"), now)
    return [entry.public for entry in centre.keys.current().listed.keys if entry.purpose is Purpose.PASS][-1]
