"""Who an inspector at the panel is, and how often somebody may try to be one (R18)."""

from __future__ import annotations

import pytest

from edge.attempts import ALL, MAX_NUMBERS, ONE, Attempts
from edge.staff import NotRecognized, Recognized, StaffBook, Why, verify
from edge.trust import Trust
from sync.wire.badges import Badge, text_of
from sync.wire.staff import StaffEntry
from sync.wire.updates import STAFF
from tests.vectors.make import BADGE, PIN
from tests.vectors.make import STAFF as TWO

UNTIL = TWO.entries[0].until
NOW = UNTIL - 1.0
MEI = Recognized(TWO.entries[0])


@pytest.fixture
def book() -> StaffBook:
    return StaffBook(TWO)


def not_recognized(answer: object) -> Why:
    assert isinstance(answer, NotRecognized)
    return answer.why


def test_a_badge_says_who(book):
    """Without network, in microseconds."""
    assert book.by_badge(text_of(BADGE), NOW) == MEI


def test_number_and_pin_say_who(book):
    """The hash of the list."""
    assert book.by_pin(57, PIN, NOW) == MEI
    assert not_recognized(book.by_pin(57, "48291538", NOW)) is Why.WRONG_PIN


@pytest.mark.parametrize("pin", ["", "4" * 13, "\ud800", "４８２９１５３７", PIN + "\0"])
def test_what_is_no_pin_is_a_wrong_one(book, pin):
    """Never an exception."""
    assert not_recognized(book.by_pin(57, pin, NOW)) is Why.WRONG_PIN


@pytest.mark.parametrize(("number", "why"), [(59, Why.UNKNOWN), (0, Why.UNKNOWN), (-57, Why.UNKNOWN), (58, Why.NO_PIN)])
def test_for_whom_no_pin_can_help_nothing_is_computed(book, number, why):
    """And the panel can say what to do."""
    assert not_recognized(book.by_pin(number, PIN, NOW)) is why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", Why.NOT_A_BADGE),
        ("VP1:ABC", Why.NOT_A_BADGE),
        (text_of(Badge(57, bytes(16))), Why.UNKNOWN),
        (text_of(Badge(58, BADGE.secret)), Why.UNKNOWN),
    ],
)
def test_what_is_no_badge_of_the_venue_is_told(book, text, why):
    """A replaced badge is unknown: its secret is another."""
    assert not_recognized(book.by_badge(text, NOW)) is why


def test_an_entry_lapses_offline(book):
    """DESIGN 4: at its second, whatever the gate heard since."""
    for answer in (book.by_badge(text_of(BADGE), float(UNTIL)), book.by_pin(57, PIN, float(UNTIL))):
        assert not_recognized(answer) is Why.LAPSED
    assert not_recognized(book.by_badge(text_of(Badge(57, bytes(16))), float(UNTIL))) is Why.UNKNOWN


def test_a_gate_without_a_list_says_so():
    """An older centre sends none."""
    book = StaffBook(None)
    assert not_recognized(book.by_badge(text_of(BADGE), NOW)) is Why.NO_LIST
    assert not_recognized(book.by_pin(57, PIN, NOW)) is Why.NO_LIST


def test_a_hash_that_argon2_cannot_read_is_a_wrong_pin():
    """Well-formed for the list, and yet none: Base64 with bits too many."""
    entry = StaffEntry(1, "李＊", 0, f"$argon2id$v=19$m=65536,t=3,p=1${'/' * 22}${'/' * 43}", None, UNTIL)
    assert not verify(PIN, entry)


def test_the_trust_of_a_gate_brings_the_staff(authority, state):
    """With the set that is in force."""
    authority.install(state, staff=TWO)
    trust = Trust(state)
    trust.refresh()
    assert trust.in_force.staff == TWO


def test_a_torn_staff_list_leaves_the_old_set_in_force(authority, state):
    """Found out by its digest, as every file."""
    authority.install(state, number=1, staff=TWO)
    trust = Trust(state)
    trust.refresh()
    authority.install(state, number=2, staff=TWO)
    path = state.current_updates / STAFF
    path.write_bytes(path.read_bytes()[:-1])
    trust.refresh()
    assert trust.in_force.order == (1, 1)
    assert STAFF in trust.trouble


def test_a_set_that_an_older_gate_sync_installed_lets_people_pass(authority, state):
    """After an upgrade in place the manifest names a list that is not there: no inspector, and no closed gate."""
    authority.install(state, staff=TWO)
    (state.current_updates / STAFF).unlink()
    trust = Trust(state)
    trust.refresh()
    assert (trust.in_force.order, trust.in_force.staff, trust.trouble) == ((1, 1), None, None)


def test_ten_wrong_pins_at_once_are_ten():
    """Counted before the hash is computed."""
    attempts = Attempts()
    waits = [attempts.begin(57, 100.0) for _ in range(ONE.free + 2)]
    assert waits == [0.0] * ONE.free + [ONE.first_wait_seconds] * 2
    assert attempts.begin(58, 100.0) == 0.0


def test_each_failure_doubles_the_wait_up_to_the_longest():
    """By monotonic time."""
    attempts, now, waits = Attempts(), 0.0, []
    for _ in range(ONE.free + 8):
        assert attempts.begin(57, now) == 0.0
        waits.append(attempts.wait_seconds(57, now))
        now += waits[-1]
    assert waits[ONE.free - 1 :] == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_a_right_pin_forgets_the_numbers_failures():
    """Not those of the others at this gate."""
    attempts = Attempts()
    for _ in range(ONE.free):
        attempts.begin(57, 0.0)
    assert attempts.wait_seconds(57, 60.0) == 0.0
    attempts.begin(57, 60.0)
    attempts.succeeded(57)
    assert attempts.wait_seconds(57, 60.0) == 0.0
    assert attempts.failures() == {0: ONE.free}


def test_one_pin_on_every_number_waits_too():
    """The gate counts in all; an hour without failure forgets it."""
    attempts = Attempts()
    assert {attempts.begin(number, 0.0) for number in range(1, ALL.free + 1)} == {0.0}
    assert attempts.begin(999, 0.0) == ALL.first_wait_seconds
    assert attempts.begin(999, ALL.forgotten_seconds) == 0.0
    assert attempts.failures()[0] == 1


def test_pulling_the_plug_shortens_no_wait():
    """What was kept over the restart begins anew."""
    attempts = Attempts()
    for _ in range(ONE.free):
        attempts.begin(57, 5_000.0)
    again = Attempts.restored(attempts.failures(), now=3.0)
    assert again.wait_seconds(57, 3.0) == ONE.first_wait_seconds
    assert again.failures() == attempts.failures()


def test_what_is_remembered_is_bounded():
    """Numbers made up at the panel fill no memory; the gate's own count stays."""
    attempts = Attempts()
    for number in range(1, 3 * MAX_NUMBERS):
        assert attempts.begin(number, number * ALL.longest_wait_seconds) == 0.0
    assert len(attempts.failures()) == MAX_NUMBERS + 1
    assert 0 in attempts.failures()
