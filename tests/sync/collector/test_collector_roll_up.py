"""The hourly roll-up against a recount by other means: whatever is sent, in any order, however often (DESIGN 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sync.collector.intake.api import take_batch
from sync.collector.intake.hours import KEY, TOTALS
from sync.collector.intake.model import HourlyCount, Outbox, RecordRow
from sync.collector.intake.rows import Row
from sync.collector.invariants import broken
from sync.wire import jsonform
from sync.wire.record import (
    Adopted,
    ClockQuality,
    Direction,
    Folded,
    Moment,
    Outcome,
    Passage,
    Passed,
    Place,
    Record,
    Registered,
    Scan,
    Started,
    TakenBack,
)
from tests.examples import examples
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site

pytestmark = pytest.mark.parametrize("new_state", DATABASES, indirect=True)

moments = st.builds(
    Moment,
    at=st.sampled_from([NOW, NOW + 3599.75, NOW + 3600, NOW // 3600 * 3600, 0.0]),
    boot=st.just("b"),
    mono=st.just(1.0),
    clock=st.sampled_from(ClockQuality),
)
places = st.builds(Place, venue=st.just(1), checkpoint=st.integers(1, 2), direction=st.sampled_from(Direction))
scans = st.builds(
    Scan,
    when=moments,
    place=places,
    outcome=st.sampled_from(Outcome),
    reasons=st.lists(st.sampled_from(["green", "fever", "red", "no_fever", "fever_before"]), min_size=1, max_size=3),
    policy=st.just("1.1"),
    kind=st.sampled_from([None, "saved", "paper"]),
    serial=st.sampled_from([None, "ab" * 12]),
    temperature=st.sampled_from([None, 36.5, 0.0, 38.0]),
)
others = st.one_of(
    st.builds(Folded, when=moments, place=places, reason=st.just("expired"), count=st.integers(1, 2**40)),
    st.builds(Passage, when=moments, place=places, result=st.sampled_from(Passed), scan=st.none()),
    st.builds(Started, when=moments, place=places, software=st.just("0")),
    st.builds(
        Adopted,
        when=moments,
        place=places,
        policy=st.just("1.1"),
        issued_at=st.just(1),
        document=st.just(msgspec.Raw(b"{}")),
    ),
)
registrations = st.builds(
    Registered,
    when=moments,
    place=places,
    inspector=st.integers(1, 2),
    outcome=st.sampled_from([Outcome.PASS, Outcome.DENY]),
    reasons=st.sampled_from([["normal"], ["fever"], ["no_fever"], ["red", "fever"]]),
    temperature=st.sampled_from([None, 36.5]),
    people=st.integers(1, 9),
    takes_back=st.sampled_from([None, TakenBack(1, NOW)]),
)
by_word = registrations.map(lambda record: msgspec.structs.replace(record, temperature=None, said_normal=True))
poison = st.just(b'{"type":"unheard of"}')
records = st.one_of(*(each.map(jsonform.encode) for each in (scans, scans, registrations, by_word, others)), poison)


@st.composite
def sendings(draw: st.DrawFn) -> tuple[list[bytes], list[range]]:
    """Records, and ranges of them to send: overlapping, repeated, out of order, beyond the cursor."""
    made = draw(st.lists(records, min_size=1, max_size=12))
    ends = st.integers(1, len(made))
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=8))
    return made, [range(min(pair), max(pair) + 1) for pair in pairs]


def recounted(site: Site) -> Counter[tuple[object, ...]]:
    """Totals by key from the records' own bytes, in plain Python."""
    totals: Counter[tuple[object, ...]] = Counter()
    with site.centre.database.read() as session:
        raws = session.scalars(select(RecordRow.raw)).all()
    for raw in raws:
        record = jsonform.decode(raw, Record, "record")
        outcome, kind, inspector, count = "", "", 0, record.count if isinstance(record, Folded) else 1
        if isinstance(record, Scan):
            outcome, kind = record.outcome.value, record.kind or ""
        elif isinstance(record, Passage):
            outcome = record.result.value
        elif isinstance(record, Registered):
            outcome, inspector = record.outcome.value, record.inspector
            kind = "word" if record.said_normal else "reading" if record.temperature is not None else ""
            count = record.people * (-1 if record.takes_back else 1)
        name = type(record).__name__.lower()
        place, hour = record.place, int(record.when.at // 3600)
        key = (place.venue, place.checkpoint, place.direction.value, inspector, hour, name, outcome, kind)
        totals[*key, "count"] += count
        if isinstance(record, Scan):
            totals[*key, "measured" if record.temperature is not None else "not_measured"] += 1
            totals[*key, "fevers"] += "fever" in record.reasons
        elif isinstance(record, Registered):
            totals[*key, "measured" if kind else "not_measured"] += count
            totals[*key, "fevers"] += count * ("fever" in record.reasons)
    return Counter({key: total for key, total in totals.items() if total})


def kept(site: Site) -> Counter[tuple[object, ...]]:
    """The same as it stands in the roll-up."""
    with site.centre.database.read() as session:
        rows = session.scalars(select(HourlyCount)).all()
    return Counter(
        {
            (*(getattr(row, part) for part in KEY), total): getattr(row, total)
            for row in rows
            for total in TOTALS
            if getattr(row, total)
        }
    )


@pytest.fixture
def fresh_outbox(gate: Gate) -> Callable[[], Gate]:
    """The gate with an outbox that the centre has not seen."""
    numbers = count(1000)

    def renew() -> Gate:
        gate.outbox = f"{next(numbers):032x}"
        return gate

    return renew


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sending=sendings())
def test_the_roll_up_equals_a_recount(
    site: Site, fresh_outbox: Callable[[], Gate], sending: tuple[list[bytes], list[range]]
) -> None:
    """Every record once and the totals exact, after each batch and at the end."""
    made, ranges = sending
    gate, following = fresh_outbox(), 1
    for numbers in [*ranges, range(1, len(made) + 1)]:
        body = gate.batch(numbers.start, [made[number - 1] for number in numbers])
        following = gate.receipt(take_batch(site.centre, body, NOW)).next
        assert kept(site) == recounted(site)
    assert following == len(made) + 1
    with site.centre.database.read() as session:
        stored = session.scalars(
            select(RecordRow.raw)
            .join(Outbox, Outbox.number == RecordRow.outbox)
            .where(Outbox.id == gate.outbox)
            .order_by(RecordRow.sequence)
        ).all()
    assert stored == [raw for raw in made if b"unheard" not in raw]
    assert broken(site.centre.database) == []


def test_a_row_has_the_columns_of_its_table_in_order(site: Site) -> None:
    """The fast paths insert by position."""
    assert Row._fields == tuple(column.name for column in RecordRow.__table__.columns)
