"""Records that were kept for people to look at, and what they decide about them (R25, DESIGN 7)."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData, func, select

from sync.collector.errors import CollectorError, Mistake, NotFound
from sync.collector.fleet import kept, resolving
from sync.collector.fleet.conditions import Kind as Trouble
from sync.collector.fleet.differences import compare, editable, visible
from sync.collector.fleet.kept import Kept, Kind, Name
from sync.collector.fleet.overview import gate_states
from sync.collector.fleet.resolving import Decided
from sync.collector.fleet.service import find_gate, move_gate
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import Correction, HourlyCount, Outbox, RecordRow
from sync.collector.invariants import broken
from sync.collector.privacy import audit, keyfile
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Actor
from sync.collector.privacy.purge import Purge
from sync.collector.privacy.terms import DAY_SECONDS, Terms
from sync.collector.problems import Problem
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire import jsonform
from sync.wire.record import Direction, Outcome, Place
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
IT = Actor("account it", "ticket 7")
ELSEWHERE = Place(2, 2, Direction.OUT)


def decide(site: Site, act: str, name: Name, *document: bytes, now: float = NOW + 60) -> Decided:
    with personal(site.centre, IT, now) as access:
        decided: Decided = getattr(resolving, act)(access, name, *document)
        return decided


def waiting(site: Site, *, resolved: bool = False) -> list[Kept]:
    """In the order of their names."""
    with site.centre.database.read() as session:
        found, total = kept.listed(session, resolved=resolved)
    assert len(found) == total
    return sorted(found, key=lambda each: str(each.name))


def counted(site: Site) -> int:
    with site.centre.database.read() as session:
        return session.scalar(select(func.coalesce(func.sum(HourlyCount.count), 0))) or 0


def everything(site: Site) -> dict[str, list[str]]:
    """All rows, but for what tells of contacts."""
    with site.centre.database.look() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in tables.sorted_tables
            if not table.name.startswith(("contact", "snapshot"))
        }


def sound(site: Site) -> None:
    """What `collector db check` says, the audit's chain too."""
    assert broken(site.centre.database, keyfile.load(site.centre.state).audit) == []


def troubled(gate: Gate) -> list[bytes]:
    """Batches that leave two records set aside (2: of another venue, 3: poison) and three in conflict (1, 3, 4)."""
    poison = b'{"no":"record"}'
    first = [gate.record(1), gate.record(2, place=ELSEWHERE), poison, gate.record(4)]
    again = [gate.record(91), gate.record(2, place=ELSEWHERE), gate.record(93), gate.record(94, outcome=Outcome.DENY)]
    return [gate.batch(1, first), gate.batch(1, again)]


def send(site: Site, batches: list[bytes], now: float = NOW) -> None:
    for batch in batches:
        take_batch(site.centre, batch, now)


@pytest.fixture
def moved(site: Site, gate: Gate) -> Gate:
    """A gate that stands at another venue since its records came: what was set aside for that can be read by now."""
    with site.centre.database.write() as session:
        create_checkpoint(session, create_venue(session, "西门市场").id, "北门", Direction.OUT)
    send(site, troubled(gate))
    with site.centre.database.write() as session:
        move_gate(session, "gate-1", 2)
    return gate


@both
def test_whatever_is_decided_in_whatever_order_all_stays_exact(site: Site, moved: Gate) -> None:
    """The roll-up, the cursors, the numbers; and the same batches again change nothing."""
    draw = random.Random(7)
    acts = ("accept", "correct", "discard")
    for run in range(1, 5):
        gate = moved
        gate.outbox = f"{run:032x}"
        send(site, batches := troubled(gate))
        names = [each.name for each in waiting(site) if each.outbox_id == gate.outbox]
        draw.shuffle(names)
        for name in names * 2:
            try:
                act = draw.choice(acts)
                decide(site, act, name, *([gate.record(700 + run)] if act == "correct" else []))
            except Mistake:
                continue  # decided already, or no record still
            if draw.random() < 0.3:
                send(site, batches)
        sound(site)
        before = everything(site)
        send(site, [*batches, *reversed(batches)])
        assert everything(site) == before
    with site.centre.database.read() as session:
        numbered = select(Outbox.id, func.count()).join(RecordRow, RecordRow.outbox == Outbox.number)
        stored = dict(tuple(row) for row in session.execute(numbered.group_by(Outbox.id)))
        corrections = session.scalar(select(func.count()).select_from(Correction)) or 0
    assert stored.pop("centre-1") == corrections > 3
    assert counted(site) == sum(stored.values()) + corrections


@both
def test_what_can_be_read_by_now_is_accepted_under_its_own_number(site: Site, moved: Gate) -> None:
    """Counted where it was made, told as set aside no longer."""
    aside = waiting(site)[0]
    assert (str(aside.name), aside.reason.endswith("names")) == ("aside-1-2", True)
    decided = decide(site, "accept", aside.name)
    assert decided.record == f"{moved.outbox}/2"
    assert counted(site) == 3
    receipt = moved.receipt(take_batch(site.centre, troubled(moved)[0], NOW))
    assert [each.sequence for each in receipt.set_aside] == [3]
    with pytest.raises(Mistake, match="was accepted already, see line 1 of the audit"):
        decide(site, "discard", aside.name)
    sound(site)


@both
def test_a_conflicting_version_is_accepted_beside_the_first(site: Site, moved: Gate) -> None:
    """Both are passages: nothing that counts is taken away."""
    name = next(each.name for each in waiting(site) if each.name.sequence == 4)
    assert decide(site, "accept", name).record == "centre-1/1"
    assert counted(site) == 3
    with site.centre.database.read() as session:
        detail = kept.detail(session, name)
        stored = session.scalar(select(RecordRow.raw).where(RecordRow.outbox != 1))
    assert (detail.corrections, detail.kept.resolution) == (["centre-1/1"], "accepted")
    assert stored == detail.kept.raw
    assert detail.line is not None
    assert (detail.line.actor, detail.line.reason, detail.line.act) == ("account it", "ticket 7", "record_accept")
    sound(site)


@both
def test_a_typed_correction_is_a_new_record_that_names_the_old(site: Site, moved: Gate) -> None:
    """What was typed is read as strictly as what a gate sends, and stored in the wire's own form."""
    poison = Name(Kind.ASIDE, 1, 3)
    with pytest.raises(Mistake, match="cannot be taken as a record"):
        decide(site, "accept", poison)
    for typed, sentence in (
        (b"{", "the corrected record"),
        (moved.record(3, place=Place(9, 1, Direction.IN)), "never stood"),
        (moved.record(3) + b" " * 4096, "at most 4096 bytes"),
    ):
        with pytest.raises(Mistake, match=sentence):
            decide(site, "correct", poison, typed)
    spaced = moved.record(3).replace(b",", b" ,\n")
    assert decide(site, "correct", poison, spaced).record == "centre-1/1"
    with site.centre.database.read() as session:
        row = session.scalars(select(RecordRow).where(RecordRow.outbox != 1)).one()
        made = session.scalars(select(Correction)).one()
    assert (row.raw, row.received_at, made.of_outbox, made.of_sequence) == (moved.record(3), NOW + 60, 1, 3)
    assert counted(site) == 3
    sound(site)


@both
def test_a_correction_that_counts_already_is_refused(site: Site, moved: Gate) -> None:
    """It would count one passage twice."""
    name = next(each.name for each in waiting(site) if each.name.sequence == 1)
    with pytest.raises(Mistake, match="discard the other version"):
        decide(site, "correct", name, moved.record(1))


@both
def test_discarding_takes_nothing_away_and_can_be_thought_over(site: Site, moved: Gate) -> None:
    """The bytes stay, nothing counts, and it is no trouble of the gate's any more."""
    for each in waiting(site):
        decide(site, "discard", each.name)
    assert waiting(site) == []
    assert [each.resolution for each in waiting(site, resolved=True)] == ["discarded"] * 5
    with site.centre.database.read() as session:
        (state,) = gate_states(session, NOW, site.centre.settings)
    assert not {Trouble.CONFLICTS, Trouble.SET_ASIDE} & {condition.kind for condition in state.conditions}
    with pytest.raises(Mistake, match="discarded already"):
        decide(site, "discard", Name(Kind.ASIDE, 1, 2))
    assert decide(site, "accept", Name(Kind.ASIDE, 1, 2)).record == f"{moved.outbox}/2"
    sound(site)


@both
def test_what_was_decided_outlives_a_purge(site: Site, moved: Gate) -> None:
    """In whichever order terms end: a record never comes back, and the checks hold."""
    decide(site, "accept", Name(Kind.ASIDE, 1, 2))
    decide(site, "correct", Name(Kind.ASIDE, 1, 3), moved.record(3))
    later = NOW + 30 * DAY_SECONDS
    for terms in (Terms(records=365, apart=7), Terms(records=7, apart=7)):
        list(Purge(site.centre.database, terms, later).run())
        sound(site)
        before = everything(site)["record"]
        send(site, troubled(moved)[:1], later)
        assert everything(site)["record"] == before
        sound(site)
    assert counted(site) == 4


@both
def test_an_accepted_record_outlives_the_row_that_was_set_aside(site: Site, gate: Gate) -> None:
    """The first number of an outbox: the mark of a purge must not pass over the record that stands there now."""
    with site.centre.database.write() as session:
        create_checkpoint(session, create_venue(session, "西门市场").id, "北门", Direction.OUT)
    send(site, [gate.batch(1, [gate.record(1, place=ELSEWHERE), gate.record(2)])])
    with site.centre.database.write() as session:
        move_gate(session, "gate-1", 2)
    decide(site, "accept", Name(Kind.ASIDE, 1, 1))
    list(Purge(site.centre.database, Terms(records=365, apart=7), NOW + 30 * DAY_SECONDS).run())
    sound(site)
    assert waiting(site, resolved=True) == []
    with site.centre.database.read() as session:
        assert session.scalars(select(RecordRow.sequence).order_by(RecordRow.sequence)).all() == [1, 2]


@both
def test_what_is_accepted_after_its_neighbours_term_stands_in_the_centres_outbox(site: Site, moved: Gate) -> None:
    """Below the mark of a purge nothing may stand."""
    later = NOW + 30 * DAY_SECONDS
    list(Purge(site.centre.database, Terms(records=7, apart=90), later).run())
    assert decide(site, "accept", Name(Kind.ASIDE, 1, 2), now=later).record == "centre-1/1"
    sound(site)


@both
def test_no_gate_writes_into_the_centres_outbox(site: Site, moved: Gate) -> None:
    """Its id cannot be sent."""
    decide(site, "correct", Name(Kind.ASIDE, 1, 3), moved.record(3))
    with pytest.raises(Problem, match="32 hex digits"):
        take_batch(site.centre, moved.batch(2, [moved.record(2)], outbox="centre-1"), NOW)


def test_a_version_is_shown_field_by_field(site: Site, moved: Gate) -> None:
    """What differs, and what is the same."""
    name = next(each.name for each in waiting(site) if each.name.sequence == 4)
    with site.centre.database.read() as session:
        detail = kept.detail(session, name)
    assert detail.fields is not None
    told = {each.field: each.values for each in detail.fields if not each.is_same}
    assert told["outcome"] == ('"pass"', '"deny"')
    assert set(told) == {"outcome", "when.at", "when.mono", "serial"}
    assert detail.first_is == "record"


@pytest.mark.parametrize(
    "text", ["", "aside-1", "conflict-1-2", "aside-1-2-00", "aside-x-2", "aside-1-2\n", "aside-９-2"]
)
def test_a_name_that_is_none_is_not_found(site: Site, text: str) -> None:
    """In one sentence."""
    with pytest.raises(NotFound, match="no kept record"):
        Name.parse(text)
    with site.centre.database.read() as session, pytest.raises(NotFound):
        kept.find(session, Name(Kind.ASIDE, 1, 99))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_hostile_bytes_are_shown_as_plain_text(raw: bytes, other: bytes) -> None:
    """No control character, no mark that turns the direction of a text."""
    assert visible(raw).isprintable()
    assert editable(raw).replace("\n", "").isprintable()
    for difference in compare(raw, b'{"a":[1,{"b":2}],"c":{}}', other) or ():
        assert difference.field.isprintable()


def test_a_text_that_lies_is_seen_through() -> None:
    """A right-to-left mark, an escape sequence, a lone surrogate."""
    assert json.loads(editable('{"\u202e":["\U000e0001"]}'.encode())) == {"\u202e": ["\U000e0001"]}
    assert visible("a\u202eb\x1b[2J\n".encode()) == "a\\u202eb\\x1b[2J\\x0a"
    found = compare(jsonform.encode({"when": {"at": 1}, "x": "\u202e"}), b'{"when":{}}')
    assert found is not None
    assert [(each.field, each.values) for each in found] == [
        ("when.at", ("1", None)),
        ("x", ('"\\u202e"', None)),
        ("when", (None, "{}")),
    ]


def test_acts_are_in_the_audit_with_who_and_why(site: Site, moved: Gate) -> None:
    """Nobody decides unseen; without a reason nobody decides."""
    decide(site, "discard", Name(Kind.ASIDE, 1, 3))
    with site.centre.database.read() as session:
        (line,) = audit.lines(session.connection())
        assert find_gate(session, "gate-1").number == 1
    assert (line.actor, line.act, line.reason) == ("account it", "record_discard", "ticket 7")
    assert line.detail == f"aside-1-3 of gate-1, {moved.outbox}/3: nothing"
    with pytest.raises(CollectorError, match="why"):
        Actor("account it", " ")
