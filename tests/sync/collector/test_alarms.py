"""Alarms from the gates' contacts to the recipients, over both databases: messages, webhooks, commands (R25)."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from sync.collector.accounts import secrets
from sync.collector.alarms import service
from sync.collector.alarms.model import AlarmRow, RecipientRow
from sync.collector.alarms.recipients import MOST, Recipient, Recipients
from sync.collector.alarms.watching import Watchman
from sync.collector.alarms.webhooks import WebhookMessenger
from sync.collector.centre import Centre
from sync.collector.errors import Mistake, NotFound
from sync.collector.fleet.service import revoke_gate
from sync.collector.intake.api import take_batch
from sync.collector.messages.model import MessageRow
from sync.collector.messages.port import Message
from sync.collector.messages.queue import Queue
from sync.collector.messages.sending import Sender
from sync.collector.outbound.addresses import Rules
from sync.collector.outbound.errors import NotAllowed
from sync.collector.outbound.post import Patience, Poster
from sync.wire.batch import Report
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.peers import silent
from tests.sync.collector.processes import collector
from tests.sync.wires import Script, Told, serving

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
MINUTE = 60.0


@dataclass
class Mailbox:
    """Where mail and SMS arrive."""

    arrived: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.arrived.append(message)


@dataclass
class Town:
    """A centre with gates that are heard of, or not, as time goes on; every minute the attendant looks and sends."""

    site: Site
    rules: Rules = field(default_factory=Rules)
    now: float = NOW
    box: Mailbox = field(default_factory=Mailbox)
    gates: list[Gate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.centre = self.site.centre
        self.key = secrets.load(self.centre.state)
        self.recipients = Recipients(self.key, self.rules)
        self.queue = Queue(self.key, lambda: 0.0)
        self.begin()

    def begin(self) -> None:
        """The attendant as it starts: nothing is remembered but by the database."""
        self.watchman = Watchman(Queue(self.key, random.random), self.recipients)

    def tell(self, address: str, language: str = "zh") -> Recipient:
        with self.centre.database.write() as session:
            return self.recipients.add(session, address, language, "login it", self.now)

    def open(self, count: int) -> None:
        self.gates = [self.site.gate(f"{number}号闸机") for number in range(1, count + 1)]

    def pass_time(
        self, seconds: float, silent: set[int] = frozenset(), faults: dict[int, list[str]] | None = None
    ) -> None:  # type: ignore[assignment]
        """Gates by their place from 0."""
        end = self.now + seconds
        while self.now < end:
            self.now += MINUTE
            for number, gate in enumerate(self.gates):
                if number not in silent:
                    self.hear(gate, (faults or {}).get(number, []))
            self.watchman.look(self.centre, self.now)
            self.send()

    def hear(self, gate: Gate, faults: list[str]) -> None:
        report = Report(gate.have, 0, "0.1.0", "boot-1", gate.mono + 1, faults=faults)
        take_batch(self.centre, gate.batch(1, [], sent_at=self.now, report=report), self.now)

    def send(self) -> None:
        poster = Poster(self.rules, patience=Patience(1.0, 0.3, 0.5))
        hooks = WebhookMessenger(self.centre.database, self.recipients, poster, lambda: self.now)
        ways = {"mailto": self.box, "tel": self.box, "webhook": hooks}
        Sender(self.centre.database, self.queue, ways, lambda: self.now).send_due()


@pytest.fixture
def town(site: Site) -> Town:
    return Town(site)


@both
def test_a_gate_that_falls_silent_is_told_once_and_its_return_once(town: Town) -> None:
    """R25. To each recipient, in their language; the database keeps no address to read."""
    town.open(3)
    town.tell("it@town.example")
    town.tell("13812345678", "en")
    town.pass_time(5 * MINUTE)
    assert town.box.arrived == []
    town.pass_time(20 * MINUTE, silent={1})
    town.begin()
    town.pass_time(20 * MINUTE, silent={1})
    mail, text = sorted(town.box.arrived, key=lambda message: message.to)
    assert (mail.to, mail.subject) == ("mailto:it@town.example", "闸机告警：东门市场 南门 2号闸机 失去联系")
    assert mail.text.splitlines() == [
        "新告警 1 项：",
        "- 东门市场 南门 2号闸机：失去联系，2026-09-21 22:18:20 起",
        "详情：http://127.0.0.1:8000/alarms",
    ]
    assert (text.to, text.subject) == ("tel:+8613812345678", "Gate alarm: 东门市场 南门 2号闸机: Silent")
    town.pass_time(15 * MINUTE)
    assert sorted(message.subject for message in town.box.arrived[2:]) == [
        "All clear: 东门市场 南门 2号闸机 (Silent)",
        "告警解除：东门市场 南门 2号闸机（失去联系）",
    ]
    town.pass_time(15 * MINUTE)
    assert len(town.box.arrived) == 4
    with town.centre.database.read() as session:
        assert service.present(session) == []
        (row,) = service.past(session, 10)
        assert (row.gate.id, row.kind) == ("gate-2", "silent")
        assert all(b"town.example" not in each.sealed for each in session.scalars(select(RecipientRow)))


def test_a_sick_gate_is_told_though_it_is_heard_of(town: Town) -> None:
    """What stops people from passing; a cold board is for the page."""
    town.open(2)
    town.tell("it@town.example")
    town.pass_time(10 * MINUTE, faults={0: ["camera"], 1: ["thermometer"]})
    (message,) = town.box.arrived
    assert "1号闸机" in message.subject
    assert "摄像头故障" in message.subject  # the fleet's own words
    with town.centre.database.read() as session:
        assert [(row.gate_number, row.kind) for row in service.present(session)] == [(1, "fault.camera")]


def test_twenty_gates_at_once_are_one_message_that_names_the_line(town: Town) -> None:
    """The town's link was cut: not twenty mails."""
    town.open(22)
    town.tell("it@town.example")
    town.tell("13812345678")
    town.pass_time(3 * MINUTE)
    town.pass_time(18 * MINUTE, silent=set(range(20)))
    mail, text = sorted(town.box.arrived, key=lambda message: message.to)
    assert mail.subject == "闸机告警：20 项"
    assert mail.text.startswith("22 台闸机中有 20 台同时失去联系：多半是本镇线路或采集中心的网络中断")
    assert mail.text.count("号闸机") == 20
    assert text.text.count("号闸机") == 3
    assert "另有 17 项" in text.text


def test_a_revoked_gate_and_one_that_was_never_there_are_no_alarm(town: Town) -> None:
    town.open(2)
    town.tell("it@town.example")
    town.site.gate("3号闸机")
    town.pass_time(5 * MINUTE)
    with town.centre.database.write() as session:
        revoke_gate(session, "gate-1", town.now)
    town.pass_time(20 * MINUTE, silent={0})
    assert town.box.arrived == []


def test_without_recipients_alarms_are_kept_all_the_same(town: Town) -> None:
    """The page shows them."""
    town.open(1)
    town.pass_time(MINUTE)
    town.pass_time(20 * MINUTE, silent={0})
    with town.centre.database.read() as session:
        assert len(service.present(session)) == 1
        assert session.scalars(select(MessageRow)).all() == []


@both
def test_two_attendants_that_look_at_once_tell_once(town: Town) -> None:
    """One after the other through the transaction's queue."""
    town.open(1)
    town.tell("it@town.example")
    town.pass_time(MINUTE)
    other = Watchman(Queue(town.key, random.random), town.recipients)
    for _ in range(30):
        town.now += MINUTE
        town.watchman.look(town.centre, town.now)
        other.look(town.centre, town.now)
    town.send()
    assert len(town.box.arrived) == 1


def test_troubles_that_come_and_go_untold_leave_no_rows(town: Town) -> None:
    town.open(1)
    for _ in range(5):
        town.pass_time(3 * MINUTE, faults={0: ["camera"]})
        town.pass_time(2 * MINUTE)
    with town.centre.database.read() as session:
        assert session.scalars(select(AlarmRow)).all() == []


# Recipients


def test_a_recipient_is_there_once_and_at_most_fifty_are(town: Town) -> None:
    town.tell("it@town.example")
    with pytest.raises(Mistake, match="already"):
        town.tell("mailto:it@town.example")
    for number in range(MOST - 1):
        town.tell(f"{number}@town.example")
    with pytest.raises(Mistake, match="50"):
        town.tell("more@town.example")


@pytest.mark.parametrize(
    "address",
    [
        *("http://hook.example/", "https://127.0.0.1/", "https://10.0.0.5/x", "https://[::1]/", "ftp://hook.example"),
        *("https://169.254.169.254/latest/meta-data", "https://user:secret@hook.example/"),
    ],
)
def test_a_webhook_that_leads_inside_is_refused_when_it_is_entered(town: Town, address: str) -> None:
    """SSRF: a name that leads inside is refused when it is used."""
    with pytest.raises(NotAllowed) as caught:
        town.tell(address)
    assert "secret" not in str(caught.value)


def test_what_waits_for_a_recipient_who_is_removed_is_withdrawn(town: Town) -> None:
    recipient = town.tell("it@town.example")
    with town.centre.database.write() as session:
        service.post_trial(session, town.queue, town.centre, recipient, town.now)
        town.recipients.remove(session, recipient.id, town.now)
        with pytest.raises(NotFound):
            town.recipients.remove(session, recipient.id, town.now)
    town.send()
    assert town.box.arrived == []


# Webhooks


def hooked(site: Site, script: Script, act: Callable[[Town, Recipient], None]) -> list[Told]:
    """A town that tells a real server; what that was sent."""
    with serving(script) as server:
        town = Town(site, Rules.allowing([server.address]))
        town.open(1)
        act(town, town.tell(server.address + "/hook?token=t0ken"))
        return server.requests


def falls_silent(town: Town, _recipient: Recipient) -> None:
    town.pass_time(MINUTE)
    town.pass_time(30 * MINUTE, silent={0})


def test_a_webhook_is_signed_so_that_its_receiver_can_check_it(site: Site) -> None:
    """Standard Webhooks, checked by its own library; an address with a token stays whole and is shown nowhere."""
    known: list[Recipient] = []

    def act(town: Town, recipient: Recipient) -> None:
        known.append(recipient)
        falls_silent(town, recipient)

    (request,) = hooked(site, lambda told: told.reply(204), act)
    assert request.path == "/hook?token=t0ken"
    body = json.loads(request.body)
    moment = int(request.headers["webhook-timestamp"])
    assert moment == NOW + 18 * MINUTE
    expected = Webhook(known[0].secret).sign(
        request.headers["webhook-id"],
        datetime.fromtimestamp(moment, UTC),
        request.body.decode(),
    )
    assert request.headers["webhook-signature"] == expected
    assert body == {
        "type": "gates.alarm",
        "timestamp": "2026-09-21T14:31:20+00:00",
        "data": {
            "begun": [
                {
                    "gate": "gate-1",
                    "name": "1号闸机",
                    "venue": "东门市场",
                    "checkpoint": "南门",
                    "kind": "silent",
                    "since": "2026-09-21T14:14:20+00:00",
                    "until": None,
                }
            ],
            "over": [],
            "more": 0,
            "gates": 1,
        },
    }
    assert "t0ken" not in known[0].shown


def test_a_webhook_is_tried_again_with_the_same_id_and_a_new_time(site: Site) -> None:
    """So that its receiver knows what it has already."""
    answers = iter([503, 500, 429, 200])

    requests = hooked(site, lambda told: told.reply(next(answers), Retry_After="5"), falls_silent)
    assert len(requests) == 4
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in requests}) == 4
    assert len({request.body for request in requests}) == 1
    assert len({request.headers["webhook-signature"] for request in requests}) == 4


@pytest.mark.parametrize(("status", "state"), [(410, "given_up"), (302, "waiting"), (404, "waiting"), (200, "sent")])
def test_what_a_webhooks_receiver_says_is_kept(site: Site, status: int, state: str) -> None:
    """Without its address, which may hold a token."""
    seen: list[tuple[str, str]] = []

    def act(town: Town, recipient: Recipient) -> None:
        falls_silent(town, recipient)
        with town.centre.database.read() as session:
            (delivery,) = service.deliveries(session, town.recipients)
            assert delivery.newest is not None
            seen.append((delivery.newest.state, delivery.newest.last_error))

    hooked(site, lambda told: told.reply(status, Location="http://127.0.0.1:1/"), act)
    assert seen[0][0] == state
    assert "t0ken" not in seen[0][1]


def test_one_webhook_that_stalls_holds_up_no_other(site: Site) -> None:
    with serving(silent) as stalled, serving(lambda told: told.reply(200)) as fine:
        town = Town(site, Rules.allowing([stalled.address, fine.address]))
        town.open(1)
        town.tell(stalled.address)
        town.tell(fine.address)
        town.pass_time(MINUTE)
        town.pass_time(18 * MINUTE, silent={0})
        assert len(fine.requests) == 1


# Commands


def test_alarms_in_the_terminal(site: Site, tmp_path: Path) -> None:
    """Add, list, test, remove; addresses are masked, a webhook's secret is shown once."""
    state = site.centre.state.path
    (state / "collector.toml").write_text(f'[messages]\ndirectory = "{tmp_path}/out"\n')
    assert "Nobody is told" in collector(state, "alarm", "list").stderr
    added = collector(state, "alarm", "add", "it@town.example", "--language", "en")
    assert added.exit_code == 0, added.stderr
    recipient = added.stdout.strip()
    hook = collector(state, "alarm", "add", "https://hook.example/secret-path")
    assert "whsec_" in hook.stderr
    listed = collector(state, "alarm", "list").stdout
    assert f"{recipient}\tmailto\ti…@town.example\ten\t-\t0\t-" in listed
    assert "https://hook.example/…" in listed
    assert "whsec_" not in listed
    assert "secret-path" not in listed
    assert collector(state, "alarm", "test", recipient).exit_code == 0
    (file,) = (tmp_path / "out").iterdir()
    assert "Subject: Venue Gate: a test of alarms" in file.read_text(encoding="utf-8")
    assert collector(state, "alarm", "remove", recipient).exit_code == 0
    assert collector(state, "alarm", "remove", recipient).exit_code == 1
    assert collector(state, "alarm", "add", "https://10.0.0.1/").exit_code == 1
    assert "No alarm so far" in collector(state, "alarm", "history").stderr


def test_the_terminal_shows_alarms_past_and_present(town: Town) -> None:
    town.open(2)
    town.pass_time(MINUTE)
    town.pass_time(30 * MINUTE, silent={0})
    town.pass_time(30 * MINUTE, silent={1})
    lines = collector(town.centre.state.path, "alarm", "history").stdout.splitlines()[1:]
    assert [line.split("\t")[:2] for line in lines] == [["gate-2", "silent"], ["gate-1", "silent"]]
    assert lines[0].endswith("\t-")
    assert Centre.open(town.centre.state).settings.alarm_after_seconds == 900
