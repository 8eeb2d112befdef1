"""The queue of messages over both databases: sent once, tried again in time, forgotten at the end."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.collector.accounts.secrets import AccountKey
from sync.collector.errors import DatabaseUnavailable
from sync.collector.messages import queue
from sync.collector.messages.model import MessageRow
from sync.collector.messages.port import Message, Messenger, Never, NotYet
from sync.collector.messages.queue import KEPT_SECONDS, LEASE_SECONDS, TERM_SECONDS, Queue, State
from sync.collector.messages.sending import Sender, messengers
from sync.collector.messages.settings import MessagesSettings
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.processes import collector

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
TO = "mailto:it@town.example"
KEY = AccountKey(b"k" * 32)


@dataclass
class Postman:
    """Takes messages, or raises what it is told to, one after the other."""

    fails: list[Exception] = field(default_factory=list)
    carried: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.carried.append(message)


@dataclass
class Office:
    """The queue of a centre with one postman for mail and one for SMS. `now` is moved by hand."""

    site: Site
    now: float = NOW
    draw: float = 0.5
    mail: Postman = field(default_factory=Postman)
    sms: Postman = field(default_factory=Postman)

    def __post_init__(self) -> None:
        self.queue = Queue(KEY, lambda: self.draw)

    def post(self, text: str = "密语", to: str = TO, **options: float) -> str:
        with self.site.centre.database.write() as session:
            return self.queue.post(session, Message(to, "告警", text), self.now, about="test", **options)  # type: ignore[arg-type]

    def send(self, after: float = 0.0) -> int:
        self.now += after
        ways: Mapping[str, Messenger] = {"mailto": self.mail, "tel": self.sms}
        return Sender(self.site.centre.database, self.queue, ways, lambda: self.now).send_due()

    def row(self, message_id: str) -> MessageRow:
        with self.site.centre.database.read() as session:
            return session.get_one(MessageRow, message_id)


@pytest.fixture
def office(site: Site) -> Office:
    return Office(site)


@both
def test_what_is_posted_is_sent_once_and_its_text_forgotten(office: Office) -> None:
    """At rest neither text nor address can be read."""
    posted = office.post()
    row = office.row(posted)
    assert (row.state, row.about, row.channel) == ("waiting", "test", "mailto")
    assert row.sealed is not None
    assert "密语".encode() not in row.sealed
    assert b"town.example" not in row.sealed
    assert office.send() == 1
    assert office.mail.carried == [Message(TO, "告警", "密语", "zh", posted)]
    row = office.row(posted)
    assert (row.state, row.sealed, row.ended_at, row.tries) == ("sent", None, NOW, 1)
    assert office.send(LEASE_SECONDS * 2) == 0


@both
def test_a_reason_that_is_not_committed_sends_nothing(office: Office) -> None:
    """The message stands in the transaction of what it tells."""
    with suppress(RuntimeError), office.site.centre.database.write() as session:
        office.queue.post(session, Message(TO, "s", "t"), NOW)
        raise RuntimeError
    assert office.send() == 0


def test_messages_go_in_the_order_of_posting(office: Office) -> None:
    for number in range(5):
        office.now += 0.001
        office.post(str(number))
    office.send()
    assert [message.text for message in office.mail.carried] == list("01234")


@both
def test_a_failure_is_tried_again_ever_more_seldom(office: Office) -> None:
    """10 s, 20 s, 40 s … an hour at most, times what was drawn: full jitter."""
    office.draw = 0.999
    posted = office.post(expires_at=NOW + 10 * 86_400)
    waits = []
    for _ in range(14):
        office.mail.fails = [NotYet("busy")]
        office.send()
        waits.append(round(office.row(posted).due_at - office.now))
        office.now = office.row(posted).due_at
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == 3596
    assert office.row(posted).last_error == "busy"
    office.send()
    assert len(office.mail.carried) == 1


@pytest.mark.parametrize(("asked", "waited"), [(300.0, 300.0), (1e12, 6 * 3600.0), (-5.0, 1.0), (None, 1.0)])
def test_what_the_peer_asks_for_is_honoured_within_bounds(office: Office, asked: float | None, waited: float) -> None:
    """RFC 9110 §10.2.3."""
    office.draw = 0.0
    posted = office.post(expires_at=NOW + 10 * 86_400)
    office.mail.fails = [NotYet("busy", asked)]
    office.send()
    assert office.row(posted).due_at - NOW == waited


@both
def test_a_message_past_its_time_is_given_up_and_forgotten(office: Office) -> None:
    """A one-time link that expired helps nobody."""
    posted = office.post(expires_at=NOW + 60)
    office.now += 1
    kept = office.post()
    office.mail.fails = [NotYet("busy")]
    assert office.send() == 1
    assert office.send(61) == 0
    row = office.row(posted)
    assert (row.state, row.sealed, row.last_error) == ("given_up", None, "busy")
    assert office.row(kept).state == "sent"
    assert [message.id for message in office.mail.carried] == [kept]


def test_without_a_time_of_its_own_a_message_has_a_day(office: Office) -> None:
    posted = office.post()
    office.now = NOW + TERM_SECONDS
    office.send()
    assert office.row(posted).state == State.GIVEN_UP.value


def test_what_ended_is_forgotten_after_a_month(office: Office) -> None:
    posted = office.post()
    office.send()
    office.send(KEPT_SECONDS + 1)
    with office.site.centre.database.read() as session:
        assert session.get(MessageRow, posted) is None


def test_a_refusal_for_good_is_not_tried_again(office: Office) -> None:
    posted = office.post()
    office.mail.fails = [Never("the address is none")]
    office.send()
    row = office.row(posted)
    assert (row.state, row.sealed, row.last_error, row.tries) == ("given_up", None, "the address is none", 1)


def test_a_way_that_is_broken_is_not_tried_for_each_message(office: Office) -> None:
    """And holds up nobody who goes another way."""
    for number in range(5):
        office.post(str(number))
    office.post("sms", "tel:+8613812345678")
    office.mail.fails = [NotYet("not reached", concerns_all=True)]
    office.send()
    assert (len(office.mail.carried), len(office.sms.carried)) == (0, 1)
    office.draw = 0.0
    office.send(60)
    assert len(office.mail.carried) == 5


def test_one_message_that_is_refused_holds_up_no_other(office: Office) -> None:
    for number in range(3):
        office.post(str(number))
    office.mail.fails = [NotYet("greylisted")]
    assert office.send() == 2


def test_what_cannot_be_opened_is_given_up_with_the_reason(office: Office) -> None:
    """The key file was lost: nobody will ever send it."""
    posted = office.post()
    office.queue = Queue(AccountKey(b"x" * 32), lambda: 0.5)
    office.send()
    assert (office.row(posted).state, "accounts.key" in office.row(posted).last_error) == ("given_up", True)


def test_a_sealed_message_opens_in_no_other_row(office: Office) -> None:
    one, other = office.post("one"), office.post("other")
    with office.site.centre.database.write() as session:
        session.get_one(MessageRow, other).sealed = session.get_one(MessageRow, one).sealed
    office.send()
    assert (office.row(one).state, office.row(other).state) == ("sent", "given_up")


@both
def test_many_senders_at_once_send_each_message_once(office: Office) -> None:
    """Two machines, two processes, two threads: who claims it has it."""
    posted = [office.post(str(number)) for number in range(40)]
    ways: Mapping[str, Messenger] = {"mailto": office.mail}
    at_once = threading.Barrier(4)

    def work() -> None:
        at_once.wait()
        Sender(office.site.centre.database, office.queue, ways, lambda: NOW).send_due()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(message.id for message in office.mail.carried) == Counter(posted)


@both
def test_a_sender_that_dies_leaves_its_message_to_the_next(office: Office) -> None:
    """After the lease; and what the dead one would write afterwards changes nothing."""
    posted = office.post()
    dead = office.queue.claim(office.site.centre.database, NOW)
    assert dead is not None
    assert office.queue.claim(office.site.centre.database, NOW + LEASE_SECONDS - 1) is None
    assert office.send(LEASE_SECONDS) == 1
    office.queue.postponed(office.site.centre.database, dead, office.now, "too late")
    office.queue.given_up(office.site.centre.database, dead, office.now, "too late")
    assert (office.row(posted).state, office.row(posted).last_error) == ("sent", "")


def test_a_database_that_fails_after_sending_gives_nothing_up(office: Office) -> None:
    """Sent once more after the lease, with the same id, rather than forgotten."""
    posted = office.post()

    class Gone(Queue):
        def delivered(self, *_args: object) -> None:
            raise DatabaseUnavailable("gone")

    office.queue = Gone(KEY, lambda: 0.5)
    with pytest.raises(DatabaseUnavailable):
        office.send()
    office.queue = Queue(KEY, lambda: 0.5)
    office.send(LEASE_SECONDS)
    assert [message.id for message in office.mail.carried] == [posted, posted]
    assert office.row(posted).state == "sent"


@both
def test_any_mixture_of_luck_sends_or_tells_why(office: Office) -> None:
    """At quiet nothing waits, and nothing that ended has a text."""
    rng = random.Random(int.from_bytes(os.urandom(2)))
    for number in range(30):
        office.post(str(number), expires_at=NOW + rng.uniform(1, 600))
    moods: list[Callable[[], list[Exception]]] = [list, lambda: [NotYet("x", 40)], lambda: [Never("y")]]
    for _ in range(40):
        office.mail.fails = rng.choice(moods)()
        office.send(rng.uniform(0, 40))
    office.send(LEASE_SECONDS)
    with office.site.centre.database.read() as session:
        rows = session.scalars(select(MessageRow)).all()
    sent = [row.id for row in rows if row.state == "sent"]
    assert len(rows) == 30
    assert {row.state for row in rows} <= {"sent", "given_up"}
    assert {row.sealed for row in rows} == {None}
    assert Counter(message.id for message in office.mail.carried) == Counter(sent)


def test_the_settings_choose_the_ways(tmp_path: Path) -> None:
    """A channel without one waits, and says what is missing."""
    with pytest.raises(NotYet, match=r"no \[sms\]"):
        messengers(None, None, MessagesSettings())["tel"].send(Message("tel:+8613812345678", "s", "t", id="1"))
    messengers(None, None, MessagesSettings(str(tmp_path)))["tel"].send(Message("tel:+8613812345678", "s", "t", id="1"))
    assert (tmp_path / "1.txt").exists()


def test_a_test_message_tells_at_once_how_it_went(site: Site, tmp_path: Path) -> None:
    """Before anybody relies on it."""
    state = site.centre.state.path
    told = collector(state, "message", "test", "it@town.example")
    assert (told.exit_code, "[mail]" in told.stderr) == (1, True)
    (state / "collector.toml").write_text(f'[messages]\ndirectory = "{tmp_path}/out"\n')
    told = collector(state, "message", "test", "13812345678")
    assert (told.exit_code, told.stdout) == (0, "")
    assert "…5678" in told.stderr
    (file,) = (tmp_path / "out").iterdir()
    assert file.read_text(encoding="utf-8").startswith("To: tel:+8613812345678\n")
    assert collector(state, "message", "test", "nobody").exit_code == 1


def test_the_list_shows_state_and_error_and_never_the_text(office: Office) -> None:
    office.post()
    office.post()
    office.mail.fails = [Never("the mail server refuses the address (550)")]
    office.send()
    shown = collector(office.site.centre.state.path, "message", "list").stdout
    lines = [line.split("\t")[2:] for line in shown.splitlines()[1:]]
    assert sorted(lines) == [
        ["mailto", "test", "-", "given_up", "1", "the mail server refuses the address (550)"],
        ["mailto", "test", "-", "sent", "1", "-"],
    ]
    assert "town.example" not in shown


def test_going_through_an_empty_queue_writes_nothing(office: Office) -> None:
    """Twelve times a minute, for ever."""
    database = office.site.centre.database
    with database.change():  # somebody else's turn to write
        assert office.send() == 0
    assert queue.expire(database, NOW) == 0
