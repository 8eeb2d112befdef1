"""Inspectors on the gates (R18): from the appointment at the centre to who the gate knows, and back to nobody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text

from edge.staff import Recognized, StaffBook, Why
from edge.trust import load
from sync.collector.accounts import secrets, service
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.accounts.secrets import AccountKey
from sync.collector.errors import NotFound
from sync.collector.intake.api import take_batch
from sync.collector.members import pins
from sync.collector.members.inspectors import inspector_of, known_inspector
from sync.collector.members.model import Inspector
from sync.collector.members.pins import Weakness, weakness
from sync.collector.members.staff import badge_of, lapses_at, roll_of
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.installer import install
from sync.wire.badges import text_of
from sync.wire.record import Direction
from sync.wire.staff import StaffEntry, is_bounded
from sync.wire.updates import FILES, STAFF
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Served, Site
from tests.sync.collector.staff import employ

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
INSPECTOR = Appointment(Role.INSPECTOR, venue=1)
PIN = "48291537"
HASH = f"$argon2id$v=19$m=65536,t=3,p=1${'A' * 22}${'B' * 43}"


def bind(site: Site, login: str, venue: int = 1, **fields: object) -> int:
    """Somebody new as inspector of a venue; the inspector's number."""
    account = employ(site.centre, login, Appointment(Role.INSPECTOR, venue=venue), now=NOW)
    with site.centre.database.write() as session:
        row = inspector_of(session, account, venue)
        for name, value in fields.items():
            setattr(row, name, value)
        return row.id


def change(site: Site, number: int, **fields: object) -> None:
    with site.centre.database.write() as session:
        for name, value in fields.items():
            setattr(session.get_one(Inspector, number), name, value)


def badge_text(site: Site, number: int) -> str:
    """As the page shows it now."""
    with site.centre.database.read() as session:
        return text_of(badge_of(secrets.load(site.centre.state), session.get_one(Inspector, number)))


def contact(site: Site, gate: Gate, now: float = NOW) -> bool:
    """One exchange; what came is installed as gate-sync does. Whether anything came."""
    answer = take_batch(site.centre, gate.batch(1, []), now)
    if answer.updates is None:
        return False
    gate.have = install(gate.files, answer.updates, bytes.fromhex(gate.files.root_key.read_text()), gate.have).order
    return True


def book(gate: Gate) -> StaffBook:
    """What the gate's own program makes of its updates."""
    return StaffBook(load(gate.files).staff)


def known(gate: Gate) -> list[StaffEntry]:
    staff = load(gate.files).staff
    assert staff is not None
    return list(staff)


@pytest.fixture
def here(gate: Gate) -> Gate:
    """A gate that has what its centre has."""
    gate.have = gate.snapshot.order
    return gate


@both
def test_an_inspector_is_known_at_the_gates_and_gone_at_their_next_update(site: Site, here: Gate) -> None:
    """Bound, PIN, badge – known there; dismissed – unknown at the next contact."""
    assert known(here) == []
    number = bind(site, "mei", pin=pins.hashed(PIN))
    assert contact(site, here)
    badge = badge_text(site, number)
    recognized = book(here).by_badge(badge, NOW)
    assert isinstance(recognized, Recognized)
    assert recognized.entry.name == "m＊"
    assert book(here).by_pin(number, PIN, NOW) == recognized
    assert book(here).by_pin(number, "48291538", NOW).why is Why.WRONG_PIN  # type: ignore[union-attr]
    assert not contact(site, here)
    with site.centre.database.write() as session:
        account = service.find(session, "mei")
        service.dismiss(session, account, account.appointments[0].id)
    assert contact(site, here)
    assert known(here) == []
    assert book(here).by_badge(badge, NOW).why is Why.UNKNOWN  # type: ignore[union-attr]


def test_no_full_name_touches_the_gates_disk(site: Site, here: Gate) -> None:
    """Personal data is masked; the number is what records name."""
    bind(site, "mei")
    with site.centre.database.write() as session:
        service.find(session, "mei").name = "欧阳小梅"
    contact(site, here)
    assert [entry.name for entry in known(here)] == ["欧＊"]
    for file in here.files.root.rglob("*"):
        assert not file.is_file() or "阳小梅".encode() not in file.read_bytes(), file


def test_whatever_a_gate_must_hear_of_makes_new_updates(site: Site, here: Gate) -> None:
    """Each change one set, and nothing else makes one."""
    number = bind(site, "mei")
    assert contact(site, here)
    old = badge_text(site, number)
    for fields in ({"pin": HASH}, {"checkpoint_id": 1}, {"badge": 2}, {"pin": None}):
        change(site, number, **fields)
        assert contact(site, here), fields
        assert not contact(site, here, NOW + 1), fields
    assert (known(here)[0].checkpoint, known(here)[0].pin) == (1, None)
    assert book(here).by_badge(old, NOW).why is Why.UNKNOWN  # type: ignore[union-attr]
    assert isinstance(book(here).by_badge(badge_text(site, number), NOW), Recognized)
    for statement in (
        "UPDATE checkpoint SET closed_at = 1 WHERE id = 1",
        "UPDATE account SET disabled_at = 1",
        "UPDATE account SET disabled_at = NULL",
        "UPDATE venue SET state = 'closed'",
    ):
        with site.centre.database.write() as session:
            session.execute(text(statement))
        assert contact(site, here), statement
        checkpoints = [entry.checkpoint for entry in known(here)]
        assert checkpoints == ([0] if "checkpoint" in statement or "NULL" in statement else []), statement


def test_another_venues_inspectors_are_not_on_the_list(site: Site, here: Gate) -> None:
    """A market's inspector opens nothing at a school."""
    with site.centre.database.write() as session:
        create_checkpoint(session, create_venue(session, "西门小学").id, "北门", Direction.IN)
    bind(site, "hua", venue=2)
    assert not contact(site, here)
    mine = bind(site, "mei")
    contact(site, here)
    assert [entry.number for entry in known(here)] == [mine]


def test_the_list_lapses_on_a_gate_that_hears_of_nothing(site: Site, here: Gate) -> None:
    """At the end of the 14th day, China time; each renewal moves it on."""
    number = bind(site, "mei")
    contact(site, here)
    until = known(here)[0].until
    assert (until + 8 * 3600) % 86_400 == 0
    assert 14 * 86_400 < until - NOW <= 15 * 86_400
    assert lapses_at(until - 15 * 86_400) == until == lapses_at(until - 14 * 86_400 - 1)
    assert lapses_at(until - 14 * 86_400) == until + 86_400
    badge = badge_text(site, number)
    assert isinstance(book(here).by_badge(badge, until - 1), Recognized)
    assert book(here).by_badge(badge, until).why is Why.LAPSED  # type: ignore[union-attr]
    assert contact(site, here, NOW + 2 * 86_400)
    assert isinstance(book(here).by_badge(badge, until), Recognized)


def test_another_role_or_another_venue_makes_nobody_an_inspector_here(site: Site, here: Gate) -> None:
    """Dismissed is gone, also who stays the administrator here and inspects elsewhere; and each stands there once."""
    with site.centre.database.write() as session:
        create_venue(session, "西门小学")
    number = bind(site, "mei")
    with site.centre.database.write() as session:
        mei = service.find(session, "mei")
        service.appoint(session, mei, Appointment(Role.VENUE_ADMINISTRATOR, venue=1), NOW)
        service.appoint(session, mei, Appointment(Role.INSPECTOR, venue=2), NOW)
    assert contact(site, here)
    assert [entry.number for entry in known(here)] == [number]
    with site.centre.database.write() as session:
        mei = service.find(session, "mei")
        service.dismiss(session, mei, mei.appointments[0].id)
    assert contact(site, here)
    assert known(here) == []


def test_a_set_of_before_there_was_a_list_is_replaced_at_the_next_contact(site: Site, here: Gate) -> None:
    """After an upgrade of the centre; and sent as it is while a policy that cannot be read lets no new one be made."""
    with site.centre.database.write() as session:
        policy = session.scalar(text("SELECT document FROM policy"))
        session.execute(text("UPDATE snapshot SET staff = NULL, content = :x"), {"x": b"x" * 32})
        session.execute(text("UPDATE policy SET document = :x"), {"x": b"no policy"})
    here.have = (0, 0)
    kept = take_batch(site.centre, here.batch(1, []), NOW).updates
    assert kept is not None
    assert set(kept) == set(FILES)
    with site.centre.database.write() as session:
        session.execute(text("UPDATE policy SET document = :x"), {"x": policy})
    assert contact(site, here)
    assert known(here) == []


def test_a_lost_key_takes_the_badges_and_nothing_else(site: Site, here: Gate) -> None:
    """Gates are served, PINs hold."""
    number = bind(site, "mei", pin=HASH)
    file = site.centre.state.keys / secrets.NAME
    file.write_text("damaged")
    assert contact(site, here)
    assert [(entry.number, entry.pin, entry.badge) for entry in known(here)] == [(number, HASH, None)]


def test_a_pin_of_another_form_stays_at_the_centre(site: Site, here: Gate) -> None:
    """It would refuse the gate its whole set."""
    number = bind(site, "mei", pin="$argon2id$v=19$m=4194304,t=3,p=1$x$y")
    assert contact(site, here)
    assert [(entry.number, entry.pin) for entry in known(here)] == [(number, None)]


def test_a_contact_asks_once_for_the_staff(site: Site, here: Gate) -> None:
    """However many there are: one statement, and the key is read only for new updates."""
    for login in ("mei", "hua", "li"):
        bind(site, login)
    contact(site, here)
    seen: list[str] = []
    event.listen(
        site.centre.database.engine, "before_cursor_execute", lambda _c, _cursor, sql, *_rest: seen.append(sql)
    )
    (site.centre.state.keys / secrets.NAME).unlink()
    assert not contact(site, here)
    assert len([sql for sql in seen if "inspector" in sql]) == 1
    assert not (site.centre.state.keys / secrets.NAME).exists()


def test_a_gate_hears_of_it_over_http(served: Served, site: Site, here: Gate) -> None:
    """The real server, the real answer."""
    bind(site, "mei")
    updates = served.post(here.batch(1, [])).answer().updates
    assert updates is not None
    assert "m＊" in updates[STAFF].decode()


@both
def test_an_appointment_makes_one_inspector(site: Site) -> None:
    """Also asked twice at once; without one there is none; who comes back has the number of before."""
    account = employ(site.centre, "mei", INSPECTOR, now=NOW)

    def ask(_: int) -> int:
        with site.centre.database.write() as session:
            return inspector_of(session, account, 1).id

    with site.centre.database.read() as session:
        assert known_inspector(session, account, 1) is None
    with ThreadPoolExecutor(4) as pool:
        (number,) = set(pool.map(ask, range(4)))
    with site.centre.database.write() as session:
        assert session.get_one(Inspector, number).since == NOW
        mei = session.get_one(Account, account)
        service.dismiss(session, mei, mei.appointments[0].id)
        with pytest.raises(NotFound):
            inspector_of(session, account, 1)
        assert known_inspector(session, account, 1) is None
        service.appoint(session, mei, INSPECTOR, NOW + 9)
        assert known_inspector(session, account, 1) is None
        assert inspector_of(session, account, 1).id == number
        assert known_inspector(session, account, 1) is not None


def test_who_is_appointed_again_begins_without_pin_and_with_a_new_badge(site: Site, here: Gate) -> None:
    """What was lost before, or told to somebody, opens nothing again; the number is the same."""
    number = bind(site, "mei", pin=HASH, checkpoint_id=1)
    lost = badge_text(site, number)
    with site.centre.database.write() as session:
        mei = service.find(session, "mei")
        service.dismiss(session, mei, mei.appointments[0].id)
        service.appoint(session, mei, INSPECTOR, NOW + 9)
        account = mei.id
    contact(site, here)
    assert known(here) == []
    with site.centre.database.write() as session:
        inspector_of(session, account, 1)
    assert contact(site, here)
    assert [(entry.number, entry.pin, entry.checkpoint) for entry in known(here)] == [(number, None, 0)]
    assert book(here).by_badge(lost, NOW).why is Why.UNKNOWN  # type: ignore[union-attr]
    assert isinstance(book(here).by_badge(badge_text(site, number), NOW), Recognized)


def test_a_roll_is_the_same_for_the_same_people(site: Site) -> None:
    """Neither time nor key goes into it, so that nothing is renewed for nothing."""
    bind(site, "mei")
    with site.centre.database.look() as connection:
        assert roll_of(connection, 1).digest == roll_of(connection, 1).digest != roll_of(connection, 2).digest


def test_badges_come_from_the_key_and_their_generation() -> None:
    """Nothing secret stands in the database."""
    key = AccountKey(bytes(32))
    secrets_seen = {key.badge_secret(number, generation) for number in (1, 2, 258) for generation in (1, 2, 258)}
    assert len(secrets_seen) == 9
    assert key.badge_secret(1, 1) != AccountKey(bytes([1] * 32)).badge_secret(1, 1)


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("12345", Weakness.FORM),
        ("1234567890123", Weakness.FORM),
        ("４８２９１５", Weakness.FORM),
        ("482 915", Weakness.FORM),
        ("", Weakness.FORM),
        ("111111", Weakness.PATTERN),
        ("123456", Weakness.PATTERN),
        ("975310", Weakness.COMMON),
        ("975319", Weakness.PATTERN),
        ("474747", Weakness.PATTERN),
        ("482482", Weakness.PATTERN),
        ("482284", Weakness.PATTERN),
        ("48294829", Weakness.PATTERN),
        ("744474", Weakness.PATTERN),
        ("850623", Weakness.DATE),
        ("230685", Weakness.DATE),
        ("198506", Weakness.DATE),
        ("19850623", Weakness.DATE),
        ("23061985", Weakness.DATE),
        ("000229", Weakness.DATE),
        ("138001", Weakness.OWN_NUMBER),
        ("00138001", Weakness.OWN_NUMBER),
        ("310083", Weakness.OWN_NUMBER),
        ("147258", Weakness.COMMON),
        ("520131", Weakness.DATE),
        ("5201314", Weakness.COMMON),
        ("131452", None),
        ("482915", None),
        (PIN, None),
        ("739281406152", None),
    ],
)
def test_what_a_thief_tries_first_is_no_pin(pin: str, why: Weakness | None) -> None:
    """Six digits are few; these are the ones that everybody takes."""
    assert weakness(pin, ("tel:+8613800138000", "mei")) is why


def test_what_is_kept_of_a_pin_is_what_gates_take() -> None:
    """Of the cost that docs/SECURITY.md reckons with."""
    kept = pins.hashed(PIN)
    assert is_bounded(kept)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert kept != pins.hashed(PIN)
