"""The authority's word in the register, on its way to the gates (R3, DESIGN 3, 4), over both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import func, select

from edge.trust import load
from sync.collector.backup import back_up, restore
from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.errors import Mistake, NotFound
from sync.collector.invariants import broken
from sync.collector.jobs import standing
from sync.collector.policy.model import StatusListFiles, Withdrawal
from sync.collector.policy.withdrawals import build_list, reinstate, withdraw
from sync.collector.privacy import keyfile
from sync.collector.privacy.access import personal
from sync.collector.privacy.purge import Purge
from sync.collector.privacy.rotation import Rotation
from sync.collector.privacy.terms import Terms
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Document
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.service import StatusChanged, Wanted, issue_pass
from sync.collector.visitors.status.model import LabResult, MarkedPerson, StatusEntry
from sync.collector.visitors.status.model import Standing as StandingRow
from sync.collector.visitors.status.port import Health, Reason, Subject
from sync.collector.visitors.status.register import Register, RegisterSource, TakenBackAlready
from sync.collector.visitors.status.settings import DAY_SECONDS
from sync.installer import install
from sync.wire.passes import PassKind, Status
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Served, Site
from tests.sync.collector.people import CLERK, registered, somebody

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
DAY = DAY_SECONDS
G, Y, R, U = Status.GREEN, Status.YELLOW, Status.RED, Status.UNKNOWN


def register(site: Site) -> Register:
    return Register(site.centre.settings.status)


def say(site: Site, visitor: str, status: Status, days: float = 14, now: float = NOW) -> Health:
    """The authority's word."""
    with personal(site.centre, CLERK, now) as access:
        return register(site).set(access, visitor, status, Reason.CONTACT, now + days * DAY)


def take_back(site: Site, visitor: str, now: float) -> Health:
    """The newest entry's end."""
    with personal(site.centre, CLERK, now) as access:
        theirs = select(StatusEntry.id).where(StatusEntry.visitor == visitor, StatusEntry.ended_at.is_(None))
        newest = access.session.scalars(theirs.order_by(StatusEntry.set_at.desc())).first()
        return register(site).take_back(access, visitor, newest or "")


def of(site: Site, visitor: str, now: float = NOW) -> Status:
    return RegisterSource(site.centre.database, site.centre.settings.status).of(Subject(visitor), now).status


def issued(site: Site, visitor: str, kind: PassKind = PassKind.SAVED, status: Status = G, now: float = NOW) -> bytes:
    """A new pass's serial."""
    theirs = select(IssuedPass.serial).where(IssuedPass.holder == visitor)
    with site.centre.database.write() as session:
        before = set(session.scalars(theirs))
        wanted = Wanted(kind=kind, status=status, checkpoint=1, holder=visitor)
        issue_pass(site.centre, session, wanted, now)
        session.flush()
        (serial,) = set(session.scalars(theirs)) - before
    return serial


def listed(site: Site) -> set[bytes]:
    """Serials on the newest list, by its own files: what a gate gets."""
    directory = site.gate(f"gate {next(_numbers)}").files
    snapshot = load(directory)
    with site.centre.database.read() as session:
        return {
            serial for serial in session.scalars(select(IssuedPass.serial)) if snapshot.withdrawn.lists(serial, NOW)
        }


_numbers = iter(range(1, 1_000))


@both
def test_who_is_red_no_longer_passes_on_a_saved_or_paper_pass(site: Site) -> None:
    """Both are withdrawn and on the list in the same transaction; a scan result lives two minutes; others' stay."""
    one, two = registered(site, 1, 2)
    saved, other = issued(site, one), issued(site, two)
    with site.centre.database.write() as session:
        for kind in (PassKind.PAPER, PassKind.SCAN_RESULT):
            issue_pass(site.centre, session, Wanted(kind=kind, checkpoint=1, holder=one), NOW)
    assert say(site, one, R).status is of(site, one) is R
    with site.centre.database.read() as session:
        kinds = select(IssuedPass.kind).join(Withdrawal, Withdrawal.serial == IssuedPass.serial)
        assert sorted(session.scalars(kinds)) == [PassKind.SAVED, PassKind.PAPER]
    gates = listed(site)
    assert saved in gates
    assert other not in gates
    assert broken(site.centre.database, keyfile.load(site.centre.state).audit) == []


@both
def test_green_again_takes_the_pass_off_the_list_but_not_one_withdrawn_by_hand(site: Site) -> None:
    """Each ground is kept: the status gives back only what it took."""
    (one,) = registered(site, 1)
    lost = issued(site, one)
    with site.centre.database.write() as session:
        withdraw(session, lost, NOW)
    say(site, one, G, 60)
    with site.centre.database.write() as session:
        issue_pass(site.centre, session, Wanted(kind=PassKind.PAPER, holder=one), NOW)
    say(site, one, R, now=NOW + 1)
    assert len(listed(site)) == 2
    with site.centre.database.write() as session:
        (kept,) = session.scalars(select(Withdrawal.serial).where(~Withdrawal.by_hand))
        with pytest.raises(Mistake, match="holder's status"):
            reinstate(session, kept)
    assert take_back(site, one, NOW + 2).status is G
    assert listed(site) == {lost}
    say(site, one, R, now=NOW + 3)
    with site.centre.database.write() as session:
        reinstate(session, lost)  # the hand's ground alone is gone
        build_list(session, NOW + 3)
    assert lost in listed(site)


@both
def test_a_term_that_lapses_gives_the_pass_back_and_one_that_ends_green_takes_it(site: Site) -> None:
    """By the attendant's job, whoever waits; nobody has to look."""
    one, two = registered(site, 1, 2)
    say(site, one, G, 60)
    first = issued(site, one)
    say(site, one, Y, 2, now=NOW + 1)
    say(site, two, G, 2)
    second = issued(site, two)
    assert listed(site) == {first}
    job = next(job for job in standing(site.centre, lambda: False) if job.name == "status")
    job.run(site.centre, NOW + 1.9 * DAY)
    assert listed(site) == {first}
    job.run(site.centre, NOW + 2 * DAY + 2)
    assert listed(site) == {second}
    assert (of(site, one, NOW + 2 * DAY + 2), of(site, two, NOW + 2 * DAY + 2)) == (G, U)


@both
def test_a_restricted_pass_is_not_withdrawn_for_what_it_says_itself(site: Site) -> None:
    """A yellow pass of somebody yellow is referred by its own word; of somebody red it is listed."""
    (one,) = registered(site, 1)
    say(site, one, Y)
    issued(site, one, status=Y)
    assert listed(site) == set()
    say(site, one, R, now=NOW + 1)
    assert len(listed(site)) == 1


@both
def test_no_pass_is_issued_that_says_better_than_is_true(site: Site) -> None:
    """Whoever asked before the authority spoke is told so; nothing is kept."""
    (one,) = registered(site, 1)
    say(site, one, R)
    for status in (G, U, Y):
        with pytest.raises(StatusChanged):
            issued(site, one, status=status)
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(IssuedPass)) == 0


@both
def test_who_was_red_before_they_registered_registers_red(site: Site) -> None:
    """By the document's number, whatever key it was hashed under; the id is theirs from then on."""
    person = somebody(1)
    with personal(site.centre, CLERK, NOW) as access:
        marked = register(site).mark(access, Document.RESIDENT, person.number)
        assert register(site).mark(access, Document.RESIDENT, person.number) == marked
        assert register(site).mark(access, Document.OTHER, person.number) != marked
    say(site, marked, R)
    rotation = Rotation(site.centre, CLERK, NOW)
    rotation.begin()
    assert sum(rotation.run()) == 2
    assert rotation.end()
    (one,) = registered(site, 1)
    assert (one, of(site, one)) == (marked, R)
    with pytest.raises(StatusChanged):
        issued(site, one)
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).where(MarkedPerson.id == one)) == 0
    assert broken(site.centre.database, keyfile.load(site.centre.state).audit) == []


@both
def test_tests_and_declarations_count_until_they_do_not(site: Site) -> None:
    """A positive test is red at once, symptoms are yellow until the authority looks."""
    (one,) = registered(site, 1)
    say(site, one, G, 60)
    serial = issued(site, one)
    with personal(site.centre, CLERK, NOW + 1) as access:
        assert register(site).declare(access, one, ("fever", "fever"), contact=False).status is Y
    assert listed(site) == {serial}
    with personal(site.centre, CLERK, NOW + 2) as access:
        assert register(site).look(access, one).status is G
        assert register(site).declare(access, one, (), contact=False).status is G
        assert register(site).tested(access, one, NOW - DAY, negative=False, lab="县医院").status is R
        assert register(site).tested(access, one, NOW - DAY, negative=False, lab="县医院").status is R
        found = register(site).tested(access, one, NOW, negative=True)
    assert (found.status, found.test and found.test.negative) == (G, True)
    assert listed(site) == set()
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(LabResult)) == 2


@both
def test_what_cannot_be_is_refused_and_changes_nothing(site: Site) -> None:
    """Each in a sentence."""
    (one,) = registered(site, 1)
    for wrong in (
        lambda access: register(site).set(access, one, U, Reason.OTHER, NOW + DAY),
        lambda access: register(site).set(access, one, R, Reason.DEFAULT, NOW + DAY),
        lambda access: register(site).set(access, one, R, Reason.OTHER, NOW),
        lambda access: register(site).set(access, one, R, Reason.OTHER, NOW + 400 * DAY),
        lambda access: register(site).tested(access, one, NOW + DAY, negative=True),
        lambda access: register(site).tested(access, one, NOW, negative=True, lab="x\n"),
        lambda access: register(site).declare(access, one, ("bad mood",), contact=False),
        lambda access: register(site).set(access, "0" * 16, R, Reason.OTHER, NOW + DAY),
        lambda access: register(site).take_back(access, one, "0" * 16),
    ):
        with pytest.raises((Mistake, NotFound)), personal(site.centre, CLERK, NOW) as access:
            wrong(access)
    say(site, one, R, 1)
    with site.centre.database.read() as session:
        entry = session.scalars(select(StatusEntry.id)).one()
    for now in (NOW + DAY, NOW + 1, NOW + 2):
        if now == NOW + 1:
            take_back(site, one, now)
            continue
        with pytest.raises(TakenBackAlready), personal(site.centre, CLERK, now) as access:
            register(site).take_back(access, one, entry)


@both
def test_an_export_holds_how_somebody_stood_and_erasing_leaves_nothing(site: Site) -> None:
    """Whoever is yellow or red is not erased: they would come back as nobody. When it is over, everything goes."""
    one, two = registered(site, 1, 2)
    say(site, one, R)
    say(site, two, Y)
    with personal(site.centre, CLERK, NOW + 1) as access:
        register(site).tested(access, one, NOW, negative=True, lab="县医院")
        held = registry.export(access, one)["status"]
    assert [(each["status"], each["reason"], each["who"]) for each in held["entries"]] == [
        ("red", "contact", CLERK.name),
    ]
    assert held["tests"] == [{"taken_at": NOW, "negative": True, "lab": "县医院", "known_at": NOW + 1}]
    with pytest.raises(registry.Withheld), personal(site.centre, CLERK, NOW + 2) as access:
        registry.erase(access, one)
    take_back(site, one, NOW + 2)
    with personal(site.centre, CLERK, NOW + 3) as access:
        registry.erase(access, one)
    with site.centre.database.read() as session:
        for model in (StatusEntry, LabResult, StandingRow):
            assert session.scalars(select(model.visitor).distinct()).all() in ([two], [])


@both
def test_who_is_red_is_not_forgotten_for_not_having_come(site: Site) -> None:
    """Their term of a year runs out; they stay until the red has."""
    (one,) = registered(site, 1)
    late = NOW + 370 * DAY
    say(site, one, R, 14, now=late)
    with site.centre.database.look() as connection:
        assert registry.over(connection, late + 13 * DAY, 9) == []
        assert registry.over(connection, late + 14 * DAY, 9) == [one]


@both
def test_how_people_stood_is_forgotten_with_its_term_and_not_while_it_counts(site: Site) -> None:
    """90 days after it ended, whatever the terms never less than it counts; somebody marked goes with the last row."""
    with personal(site.centre, CLERK, NOW) as access:
        marked = register(site).mark(access, Document.RESIDENT, somebody(1).number)
        register(site).tested(access, marked, NOW, negative=False)
    say(site, marked, R, 1)

    def left(days: float, terms: Terms) -> int:
        list(Purge(site.centre.database, terms, NOW + days * DAY, counts_days=14).run())
        with site.centre.database.read() as session:
            return sum(
                session.scalar(select(func.count()).select_from(model)) or 0
                for model in (StatusEntry, LabResult, MarkedPerson, StandingRow)
            )

    assert left(13, Terms(health=1)) == 4
    assert left(89, Terms()) == 4
    assert left(90.5, Terms()) == 3
    assert left(91.5, Terms()) == 0


def test_a_restored_backup_knows_who_is_red(site: Site) -> None:
    """As far as it was made after that."""
    (one,) = registered(site, 1)
    say(site, one, R)
    back_up(site.centre, site.directory / "backup.tar")
    state = StateDir(site.directory / "restored")
    restore(state, site.directory / "backup.tar", NOW + 1)
    centre = Centre.open(state)
    try:
        assert of(Site(centre, site.directory), one) is R
    finally:
        centre.close()


@both
def test_the_gate_knows_at_its_next_contact(site: Site, serve) -> None:
    """A saved green pass in the hand, the authority says red: the next updates list it; taken back: not (R3)."""
    served: Served = serve()
    (one,) = registered(site, 1)
    say(site, one, G, 60)
    serial, gate = issued(site, one), site.gate()
    gate.have = gate.snapshot.order
    say(site, one, R, now=NOW + 1)
    assert contact(served, gate).withdrawn.lists(serial, NOW + 2)
    take_back(site, one, NOW + 3)
    assert not contact(served, gate).withdrawn.lists(serial, NOW + 4)
    assert served.post(gate.batch(1, [])).answer().updates is None


def contact(served: Served, gate: Gate):  # type: ignore[no-untyped-def]
    """One exchange: installed by gate-sync's installer, opened by the gate's own program."""
    answer = served.post(gate.batch(1, [])).answer()
    assert answer.updates is not None
    gate.have = install(gate.files, answer.updates, bytes.fromhex(gate.files.root_key.read_text()), gate.have).order
    return load(gate.files)


@both
def test_the_authority_waits_for_a_pass_that_is_being_issued_and_withdraws_it(site: Site) -> None:
    """Both lock the visitor's row: whichever comes first, the other sees it."""
    (one,) = registered(site, 1)
    speaking = threading.Thread(target=say, args=(site, one, R))
    with site.centre.database.write() as session:
        issue_pass(site.centre, session, Wanted(kind=PassKind.SAVED, holder=one), NOW)
        speaking.start()
        speaking.join(0.5)
    speaking.join(60)
    with site.centre.database.read() as session:
        kept = set(session.scalars(select(IssuedPass.serial)))
    assert (len(kept), listed(site)) == (1, kept)


@both
def test_no_green_pass_slips_in_beside_the_word_red(site: Site) -> None:
    """Passes issued, tests entered and the person looked up while the authority speaks: no pass is left unlisted."""
    (one,) = registered(site, 1)
    say(site, one, G, 60, now=NOW - 1)
    failures: list[BaseException] = []
    refused: list[StatusChanged] = []

    def issue() -> None:
        try:
            with site.centre.database.write() as session:
                issue_pass(site.centre, session, Wanted(kind=PassKind.SAVED, holder=one), NOW)
        except StatusChanged as cause:
            refused.append(cause)

    def look() -> None:
        with personal(site.centre, CLERK, NOW) as access:
            registry.find(access, somebody(1).number)

    def test() -> None:
        with personal(site.centre, CLERK, NOW) as access:
            register(site).tested(access, one, NOW - DAY, negative=True)

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as cause:  # noqa: BLE001 - shown below
            failures.append(cause)

    acts = [issue, issue, look, test, lambda: say(site, one, R), issue, look, issue, test, issue]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with site.centre.database.read() as session:
        kept = set(session.scalars(select(IssuedPass.serial)))
    assert len(kept) + len(refused) == 5
    assert listed(site) == kept


def test_a_list_that_was_not_built_is_built_by_the_job(site: Site) -> None:
    """Somebody who withdraws and is killed before the list is built."""
    (one,) = registered(site, 1)
    serial = issued(site, one)
    with site.centre.database.write() as session:
        withdraw(session, serial, NOW)
    job = next(job for job in standing(site.centre, lambda: False) if job.name == "status")
    job.run(site.centre, NOW + 1)
    assert listed(site) == {serial}
    job.run(site.centre, NOW + 2)
    with site.centre.database.read() as session:
        assert session.scalars(select(StatusListFiles.number)).all() == [1]


def test_settings_say_what_somebody_is_of_whom_nothing_is_known(site: Site) -> None:
    """`[status] default`; a third word is refused."""
    (one,) = registered(site, 1)
    site.centre.state.config.write_text('[status]\ndefault = "green"\n')
    centre = Centre.open(site.centre.state)
    try:
        assert of(Site(centre, site.directory), one) is G
    finally:
        centre.close()
    site.centre.state.config.write_text('[status]\ndefault = "red"\n')
    with pytest.raises(Mistake, match="default"):
        Centre.open(site.centre.state)
    assert msgspec.to_builtins(site.centre.settings.status) == {
        "default": "unknown",
        "positive_days": 14,
        "declaration_days": 14,
    }
