"""What inspectors register: each tap once, counted exactly, also when it is taken back or purged (R2, R4, R6, R19)."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.database import Database
from sync.collector.errors import CollectorError
from sync.collector.fleet.service import set_policy
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import HourlyCount, Outbox, RecordRow
from sync.collector.invariants import broken
from sync.collector.members.inspectors import inspector_of
from sync.collector.privacy.purge import Purge
from sync.collector.privacy.terms import DAY_SECONDS, Terms
from sync.collector.registration import service, taps
from sync.collector.registration.model import RegistrationRow
from sync.collector.registration.service import Done
from sync.collector.registration.taps import Finding, Refusal, Refused, Tap
from sync.collector.statistics import counts, figures
from sync.collector.venues.model import Venue
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Direction, Moment, Outcome
from tests.examples import examples
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.staff import employ

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
HOUR = 3600.0


def tap(finding: Finding = Finding.NORMAL, **changes: object) -> Tap:
    made = Tap(secrets.token_bytes(16), 1, Direction.IN, finding)
    return replace(made, **changes)  # type: ignore[arg-type]


def reading(celsius: float, **changes: object) -> Tap:
    return tap(Finding.READING, temperature=celsius, **changes)


def undo(of: Tap, **changes: object) -> Tap:
    return tap(Finding.TAKE_BACK, takes_back=of.nonce, **changes)


@dataclass
class Entrance:
    """A venue's entrance with an inspector at it."""

    database: Database
    account: int
    venue: int = 1

    def register(self, each: Tap, now: float = NOW) -> Done:
        with self.database.write() as session:
            inspector = inspector_of(session, self.account, self.venue)
            return service.register(session, session.get_one(Venue, self.venue), inspector, each, now)

    def refusal(self, each: Tap, now: float = NOW) -> Refusal:
        with pytest.raises(Refused) as caught:
            self.register(each, now)
        return caught.value.why

    def counted(self) -> figures.Figures:
        with self.database.read() as session:
            return figures.total(counts.in_total(session, self.venue, figures.today(NOW)))


def records(site: Site) -> list[RecordRow]:
    with site.centre.database.read() as session:
        return list(session.scalars(select(RecordRow).order_by(RecordRow.outbox, RecordRow.sequence)))


@pytest.fixture
def entrance(site: Site) -> Entrance:
    """At the site's venue."""
    return another(site)


def another(site: Site, login: str = "jian", venue: int = 1) -> Entrance:
    account = employ(site.centre, login, Appointment(Role.INSPECTOR, venue=venue), now=NOW)
    return Entrance(site.centre.database, account, venue)


@both
def test_a_tap_is_a_record_in_the_venues_own_outbox(site: Site, entrance: Entrance) -> None:
    """R19: who, where, when, what; a figure, a word and nothing measured are three things (DESIGN 9)."""
    taps_ = (tap(people=3), reading(36.6), tap(Finding.NOT_MEASURED), reading(37.3, people=4))
    assert [entrance.register(each, NOW + n).sequence for n, each in enumerate(taps_)] == [1, 2, 3, 4]
    rows = records(site)
    assert [(row.outcome, row.reasons, row.kind, row.temperature, row.count) for row in rows] == [
        ("pass", "normal", "word", None, 3),
        ("pass", "normal", "reading", 36.6, 1),
        ("pass", "not_measured", None, None, 1),
        ("deny", "fever", "reading", 37.3, 1),
    ]
    assert {(row.venue, row.checkpoint, row.direction, row.gate, row.inspector) for row in rows} == {(1, 1, "in", 0, 1)}
    assert [row.at for row in rows] == [NOW, NOW + 1, NOW + 2, NOW + 3]
    told = entrance.counted()
    assert told == figures.Figures(entered=5, measured=5, not_measured=1, fevers=1, refused=1)
    assert broken(site.centre.database) == []
    with site.centre.database.read() as session:
        outbox = session.scalars(select(Outbox)).one()
    assert (outbox.id, outbox.gate_number, outbox.venue_id, outbox.next) == ("centre-venue-1", None, 1, 5)


@both
def test_the_same_nonce_is_the_same_tap(site: Site, entrance: Entrance) -> None:
    """A double tap, an answer that was lost, two tabs: one person. Something else under it is refused, not lost."""
    once = reading(36.6)
    first = entrance.register(once)
    again = entrance.register(replace(once, age_seconds=40.0), NOW + 40)
    assert (again.sequence, again.is_known, again.record) == (first.sequence, True, first.record)
    assert entrance.refusal(replace(once, temperature=36.9)) is Refusal.OTHER_TAP
    assert another(site, "wang").refusal(once) is Refusal.OTHER_TAP
    assert (len(records(site)), entrance.counted().entered) == (1, 1)


@both
def test_many_phones_at_once_lose_and_double_nobody(site: Site, entrance: Entrance) -> None:
    """Numbers of one venue are handed out one at a time, whoever asks, however often."""
    entrances = [entrance, another(site, "wang"), another(site, "zhao")]
    faults: list[BaseException] = []

    def queue(at: Entrance) -> None:
        try:
            for _ in range(8):
                each = tap()
                at.register(each)
                at.register(each)
        except BaseException as cause:
            faults.append(cause)
            raise

    threads = [threading.Thread(target=queue, args=(at,)) for at in (*entrances, *entrances)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [row.sequence for row in records(site)] == list(range(1, 49))
    assert entrance.counted().entered == 48
    assert broken(site.centre.database) == []


@both
def test_one_tap_sent_by_two_tabs_at_once_is_one(site: Site, entrance: Entrance) -> None:
    """The database decides who was first; the other hears what became of it."""
    once, done = tap(), []
    ready = threading.Barrier(4)

    def send() -> None:
        ready.wait(10)
        done.append(entrance.register(once).sequence)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [1, 1, 1, 1]
    assert len(records(site)) == 1


@both
def test_what_is_taken_back_counts_nowhere_and_stays_readable(site: Site, entrance: Entrance) -> None:
    """A new record names the old one, in the same hour; the roll-up is what it was (DESIGN 7)."""
    late = NOW // HOUR * HOUR + HOUR - 10  # ten seconds before the hour ends
    slip, stays = reading(38.5), tap(people=2)
    entrance.register(stays, late)
    entrance.register(slip, late)
    assert entrance.counted() == figures.Figures(entered=2, measured=3, fevers=1, refused=1)
    entrance.register(undo(slip), late + 30)
    assert entrance.counted() == figures.Figures(entered=2, measured=2)
    old, new = records(site)[1:]
    assert (new.count, new.hour, new.at, new.received_at) == (-1, old.hour, old.at, late + 30)
    assert b'"takes_back":{"sequence":2,"at":%.1f}' % (late + 30) in new.raw
    assert broken(site.centre.database) == []


@both
def test_only_the_own_and_the_young_is_taken_back_and_once(site: Site, entrance: Entrance) -> None:
    """A minute; nobody else's; not what was taken back; no undoing of an undoing. The same undo again is the same."""
    once, second = tap(), tap()
    entrance.register(once)
    entrance.register(second, NOW + 70)
    assert entrance.refusal(undo(once), NOW + 80) is Refusal.TOO_LATE
    assert entrance.refusal(undo(once, age_seconds=5.0), NOW + 90) is Refusal.TOO_LATE
    assert another(site, "wang").refusal(undo(second), NOW + 80) is Refusal.NOT_THERE
    assert entrance.refusal(undo(tap()), NOW + 80) is Refusal.NOT_THERE
    back = undo(second)
    assert entrance.register(back, NOW + 80).sequence == entrance.register(back, NOW + 81).sequence == 3
    assert entrance.refusal(undo(second), NOW + 80) is Refusal.TAKEN_BACK
    assert entrance.refusal(undo(back), NOW + 80) is Refusal.NOT_THERE
    assert entrance.counted().entered == 1
    with site.centre.database.read() as session:
        assert service.last(session, 1, 1, NOW + 80) is None


@both
def test_a_phone_without_network_tells_how_long_ago(site: Site, entrance: Entrance) -> None:
    """By its own clock on both occasions; the centre's counts, the doubt is recorded, a day is the most."""
    entrance.register(tap(age_seconds=2 * HOUR), NOW)
    (row,) = records(site)
    assert (row.at, row.clock, row.received_at, row.hour) == (NOW - 2 * HOUR, "unknown", NOW, int(NOW // 3600) - 2)
    assert entrance.refusal(tap(age_seconds=24 * HOUR + 1)) is Refusal.TOO_OLD
    kept = tap(age_seconds=1.0)
    entrance.register(kept)
    assert entrance.register(replace(kept, age_seconds=30 * HOUR), NOW + 30 * HOUR).is_known
    slip = tap(age_seconds=500.0)
    entrance.register(slip, NOW + 500)
    entrance.register(undo(slip, age_seconds=480.0), NOW + 500)
    assert records(site)[-1].count == -1


@both
def test_the_policy_says_what_a_fever_is_and_what_must_be_measured(site: Site, entrance: Entrance) -> None:
    """R4, R9: the newest. What a phone let pass without network is what happened, by the limit that it knew."""
    with site.centre.database.write() as session:
        set_policy(session, b'{"fever_celsius":37.0,"not_measured":"deny"}', NOW)
    for each, outcome, limit in (
        (reading(37.0), Outcome.DENY, 37.0),
        (reading(37.0, limit=37.3), Outcome.DENY, 37.0),
        (reading(37.1, limit=37.3, age_seconds=600.0), Outcome.PASS, 37.3),
        (reading(37.1, age_seconds=600.0), Outcome.DENY, 37.0),
    ):
        record = entrance.register(each).record
        assert record is not None
        assert (record.outcome, record.limit_celsius) == (outcome, limit)
    assert entrance.refusal(tap(Finding.NOT_MEASURED)) is Refusal.MUST_MEASURE
    assert entrance.register(tap(Finding.NOT_MEASURED, age_seconds=600.0)).record is not None


@both
def test_a_tap_stays_within_its_venue(site: Site, entrance: Entrance) -> None:
    """Another venue's checkpoint, one that is not there, a venue that is closed."""
    with site.centre.database.write() as session:
        elsewhere = create_checkpoint(session, create_venue(session, "西门市场").id, "北门", Direction.IN).id
    assert entrance.refusal(tap(checkpoint=elsewhere)) is Refusal.CHECKPOINT
    assert entrance.refusal(tap(checkpoint=99)) is Refusal.CHECKPOINT
    with pytest.raises(CollectorError):
        replace(entrance, venue=2).register(tap(checkpoint=elsewhere))
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).state = "closed"
    assert entrance.refusal(tap()) is Refusal.NOT_ACTIVE
    assert records(site) == []


@both
def test_registrations_are_purged_with_their_counts_kept(site: Site, gate: Gate, entrance: Entrance) -> None:
    """21 days, also at a venue where no gate ever stood; a nonce is forgotten after three."""
    with site.centre.database.write() as session:
        lonely = create_checkpoint(session, create_venue(session, "西门市场").id, "北门", Direction.IN).id
    alone = another(site, "wang", 2)
    alone.register(tap(checkpoint=lonely, people=4))
    old = tap()
    entrance.register(old)
    entrance.register(undo(old), NOW + 5)
    entrance.register(tap(), NOW + 5 * DAY_SECONDS)
    take_batch(site.centre, gate.batch(1, [gate.record(1)]), NOW)
    run = Purge(site.centre.database, Terms(), NOW + 22 * DAY_SECONDS)
    assert run.overdue() == 4
    list(run.run())
    assert run.done.records == 4
    assert [(row.sequence, row.count) for row in records(site)] == [(3, 1)]
    assert (alone.counted().entered, broken(site.centre.database)) == (4, [])
    with site.centre.database.write() as session:
        service.forget_old(session, NOW + 4 * DAY_SECONDS)
        assert session.scalar(select(func.count()).select_from(RegistrationRow)) == 1


CHOICES = st.lists(
    st.tuples(st.sampled_from([*Finding]), st.integers(0, 3), st.sampled_from([36.5, 37.3, 40.0]), st.integers(1, 9)),
    min_size=1,
    max_size=10,
)


@both
@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=CHOICES)
def test_any_mix_of_taps_and_undos_leaves_the_roll_up_exact(
    site: Site, entrance: Entrance, choices: list[tuple[Finding, int, float, int]]
) -> None:
    """Counted from what was not taken back, by other means."""
    before, stands, made = entrance.counted(), {}, []
    for finding, which, celsius, people in choices:
        of = made[-1 - which] if len(made) > which else None
        if finding is Finding.TAKE_BACK:
            if of is not None and stands.pop(of.nonce, None):
                entrance.register(undo(of))
            continue
        each = tap(finding, people=people, temperature=celsius if finding is Finding.READING else None)
        made.append(each)
        stands[each.nonce] = entrance.register(each).record
    passed = [each for each in stands.values() if each and each.outcome is Outcome.PASS]
    fevers = len(stands) - len(passed)
    added = figures.Figures(
        entered=sum(each.people for each in passed),
        measured=sum(each.people for each in passed if each.reasons == ["normal"]) + fevers,
        not_measured=sum(each.people for each in passed if each.reasons == ["not_measured"]),
        fevers=fevers,
        refused=fevers,
    )
    assert entrance.counted() == before + added
    assert broken(site.centre.database) == []
    with site.centre.database.read() as session:
        assert (
            session.scalar(select(func.count()).select_from(HourlyCount)) <= 4
        )  # one row for each result, all in one hour


@pytest.mark.parametrize(
    ("text", "celsius"),
    [
        *((text, 36.5) for text in ("36.5", "36,5", "３６．５", "36，5", "36。5", "365", " 36.5\n")),
        *(("36.55", 36.55), ("37.3℃", 37.3), ("37.3°C", 37.3), ("37", 37.0), ("34", 34.0), ("43.0", 43.0)),
    ],
)
def test_a_temperature_is_read_as_people_type_it(text: str, celsius: float) -> None:
    """A numeric keypad without a point, a Chinese keyboard's full-width signs."""
    assert taps.temperature(text) == celsius


@pytest.mark.parametrize(
    "text",
    ["", "33.9", "43.1", "3.65", "366.5", "nan", "inf", "36.555", "-36", "1e2", "36.5 37", "٣٦.٥", "九", "3" * 999],
)
def test_what_is_no_temperature_is_refused(text: str) -> None:
    """A slip of the finger must not become a fever, nor hide one."""
    with pytest.raises(Refused) as caught:
        taps.temperature(text)
    assert caught.value.why is Refusal.TEMPERATURE


FORM = {"nonce": "ab" * 16, "finding": "normal", "checkpoint": "1", "direction": "in", "people": "1", "age": "0"}


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "AB" * 16},
        {"nonce": "ab" * 15},
        {"finding": "well"},
        {"checkpoint": "-1"},
        {"checkpoint": "9" * 40},
        {"direction": "up"},
        {"people": "0"},
        {"people": "10"},
        {"people": "１"},
        {"age": "nan"},
        {"age": "1e9"},
        {"finding": "take_back"},
        {"finding": "take_back", "takes_back": "zz"},
    ],
    ids=str,
)
def test_a_form_that_no_page_makes_is_refused(change: dict[str, str]) -> None:
    """Hostile input gets a clear error."""
    taps.read(FORM)
    with pytest.raises(Refused):
        taps.read(FORM | change)
    for name in FORM.keys() - {"people", "age"}:
        with pytest.raises(Refused):
            taps.read({key: value for key, value in FORM.items() if key != name})


@settings(max_examples=examples(30), deadline=None)
@given(st.dictionaries(st.sampled_from([*FORM, "temperature", "limit", "takes_back"]), st.text(max_size=40)))
def test_no_text_crashes_the_reading(change: dict[str, str]) -> None:
    """A tap, or a refusal; and what is a tap has a record or a refusal too."""
    try:
        made = taps.read(FORM | change)
        if made.finding is not Finding.TAKE_BACK:
            assert taps.record_of(made, 1, 1, Policy(), NOW).when.at <= NOW
    except Refused:
        pass


def test_a_clock_that_was_set_back_makes_nothing_of_the_future() -> None:
    """A phone's age below nothing is now, and in doubt: a tap that waited is judged by the limit that its page knew."""
    made = taps.read(FORM | {"finding": "not_measured", "age": "-50", "limit": "37.5"})
    assert taps.when(made, NOW) == Moment(NOW, "", 0.0, ClockQuality.UNKNOWN)
    taps.record_of(made, 1, 1, Policy(not_measured=Outcome.DENY), NOW)
    made = taps.read(FORM | {"finding": "reading", "temperature": "37.4", "age": "-50", "limit": "37.5"})
    assert taps.record_of(made, 1, 1, Policy(fever_celsius=37.3), NOW).outcome is Outcome.PASS
    assert taps.when(taps.read(FORM | {"age": "-0.4"}), NOW).clock is ClockQuality.SYNCHRONIZED
    assert taps.read(FORM | {"limit": "99"}).limit is None
