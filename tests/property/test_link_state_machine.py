"""Gate and centre over a link that drops, delays, duplicates, reorders, truncates and corrupts, with crashes of either.

At quiet the centre holds every record once, in order, without an undeclared gap (R24, STYLE 25). The bytes are the
real ones: packed, sealed, signed, verified and unpacked by `sync.wire`.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sync.dispatch import dispatch, load, look_for_urgent, report
from sync.errors import PeerFault
from sync.link import Cursor, Link, Queued, Send
from sync.mailbox import Provision
from sync.wire.errors import WireError
from sync.wire.receipt import Receipt, decode_answer, read_receipt
from sync.wire.status import Identity, Trouble
from sync.wire.updates import open_snapshot
from tests.examples import examples
from tests.sync.town import GATE, MemoryOutbox, ModelCentre, Shelf, Town

TOWN = Town()
PROVISION = Provision(
    Identity(GATE, "https://centre.example"),
    TOWN.gate,
    TOWN.root.public,
    None,
    open_snapshot(TOWN.snapshot(), TOWN.root.public),
)
_FEW = 3  # records in a batch here, so that short histories have many batches

_anywhere = st.integers(0, 2**16)
_damage = st.sampled_from(["none", "none", "none", "cut", "flip", "grow", "page"])


class _Outbox(MemoryOutbox):
    def copy(self) -> _Outbox:
        copied = _Outbox(self.id)
        copied.lines, copied.oldest = list(self.lines), self.oldest
        return copied


def damaged(data: bytes, how: str, where: int) -> bytes:
    """What a bad line, a proxy or a captive portal makes of a message."""
    at = where % len(data)
    return {
        "none": data,
        "cut": data[:at],
        "flip": data[:at] + bytes([data[at] ^ (1 << where % 8)]) + data[at + 1 :],
        "grow": data + data[: at % 7 + 1],
        "page": b"<html>Please log in</html>",
    }[how]


class LinkMachine(RuleBasedStateMachine):
    """Disks survive (outboxes, kept receipts, the centre's shelves); a link and what is on the way do not."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.nonces = 0
        self.made = 0
        self.was_copied_back = False
        self.outboxes = [_Outbox("0" * 32)]
        self.kept: dict[str, Receipt] = {}
        self.contested: set[str] = set()
        self.centre = ModelCentre(TOWN)
        self.backup: dict[str, Shelf] = {}
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []
        self.link = self._new_link()
        self.card: tuple[_Outbox, dict[str, Receipt], set[str]] | None = None

    def _new_link(self) -> Link:
        return Link(GATE, 30.0, lambda: 0.5, max_records=_FEW)

    # The gate

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        self._append(b'{"made":%d}', count)

    @rule(count=st.integers(1, 5))
    def refuse_somebody(self, count: int) -> None:
        """Urgent (R7): these may go ahead of their turn, and are counted once all the same."""
        self._append(b'{"type":"scan","outcome":"deny","reasons":["red"],"made":%d}', count)

    def _append(self, form: bytes, count: int) -> None:
        outbox = self.outboxes[-1]
        for _ in range(count):
            self.made += 1
            outbox.append(form % self.made)

    @rule()
    def burn_a_number(self) -> None:
        self.outboxes[-1].append(None)

    @rule(share=st.floats(0, 1))
    def prune_what_is_acknowledged(self, share: float) -> None:
        for outbox in self.outboxes:
            acknowledged = self.kept[outbox.id].next if outbox.id in self.kept else 1
            if acknowledged <= outbox.next():
                outbox.oldest = max(outbox.oldest, 1 + int((acknowledged - 1) * share))

    @precondition(lambda self: len(self.outboxes) < 3)
    @rule()
    def move_the_card(self) -> None:
        self.outboxes.append(_Outbox(f"{len(self.outboxes):032x}"))

    @rule()
    def copy_the_card(self) -> None:
        self.card = self.outboxes[-1].copy(), dict(self.kept), set(self.contested)

    @precondition(lambda self: self.card is not None and self.card[0].id == self.outboxes[-1].id)
    @rule()
    def put_the_old_copy_back(self) -> None:
        """The same numbers are given to other passages; the centre keeps both (DESIGN 7)."""
        assert self.card is not None
        self.outboxes[-1], kept, self.contested = self.card[0].copy(), self.card[1], set(self.card[2])
        sealed = {outbox.id for outbox in self.outboxes[:-1]}
        self.kept = {outbox: receipt for outbox, receipt in self.kept.items() if outbox in sealed} | kept
        self.link = self._new_link()
        self.was_copied_back = True

    def _renew_if_replaced(self) -> None:
        """The gate seals an outbox of which the centre holds more than was ever written."""
        active = self.outboxes[-1]
        if active.id in self.kept and self.kept[active.id].next > active.next():
            self.outboxes.append(_Outbox(f"{len(self.outboxes):032x}"))

    # gate-sync

    @rule(exchanges=st.integers(1, 4))
    def have_a_good_line_for_a_while(self, exchanges: int) -> None:
        self.link.failed(Trouble.NO_NETWORK, self.now)
        for _ in range(exchanges):
            self.now += 200
            self._look()
            action = self.link.next_action(self.now)
            if isinstance(action, Send):
                self._send(action)
                self._take(self.centre.answer(self.requests.pop()))

    @rule(seconds=st.floats(0, 200))
    def step(self, seconds: float) -> None:
        self.now += seconds
        self._look()
        action = self.link.next_action(self.now)
        if isinstance(action, Send):
            self._send(action)

    def _look(self) -> None:
        queued = [Queued(outbox.id, outbox.first(), outbox.next()) for outbox in self.outboxes]
        cursors = {outbox: Cursor(receipt.next, receipt.epoch) for outbox, receipt in self.kept.items()}
        self.link.observe(queued, cursors, self.contested)
        self.look_for_urgent()

    @rule()
    def look_for_urgent(self) -> None:
        unread = self.link.unread(self.now)
        if unread is not None:
            self.link.looked(unread, *look_for_urgent(self._outbox(unread.outbox), unread.first))

    def _outbox(self, name: str) -> _Outbox:
        return next(outbox for outbox in self.outboxes if outbox.id == name)

    def _send(self, send: Send) -> None:
        self.nonces += 1
        told = report(None, (1, 1), self.link.backlog, software="1", boot="b", mono=self.now, wants_updates=True)
        source, nonce = self._outbox(send.outbox), f"{self.nonces:032x}"
        ready = dispatch(load(source, send, PROVISION.identity.gate), PROVISION, told, nonce=nonce, sent_at=self.now)
        self.link.sending(ready.exchange, self.now)
        self.requests.append(ready.body)

    @rule(before_the_cursor_moves=st.booleans())
    def crash_gate_sync(self, before_the_cursor_moves: bool) -> None:
        if before_the_cursor_moves and self.answers:
            self._take(self.answers[-1], crash=True)
        self.link = self._new_link()

    @rule(trouble=st.sampled_from(Trouble), retry_after=st.none() | st.floats(0, 1e6))
    def lose_patience(self, trouble: Trouble, retry_after: float | None) -> None:
        self.link.failed(trouble, self.now, retry_after)

    @rule()
    def wake(self) -> None:
        self.link.wake()

    def _take(self, body: bytes, *, crash: bool = False) -> None:
        """As the agent does: signature, judgement, disk, and only then the cursor."""
        try:
            receipt = read_receipt(decode_answer(body).receipt, PROVISION.snapshot.ring)
            verdict = self.link.judge(receipt)
            if receipt.conflicts:
                self.contested.add(receipt.outbox)
            if verdict.is_cursor:
                self.kept[receipt.outbox] = receipt
                self._renew_if_replaced()
            if not crash:
                self.link.received(receipt, self.now)
        except PeerFault:
            self.link.failed(Trouble.NOT_THE_CENTRE, self.now)

    # The way and the centre

    @precondition(lambda self: self.requests)
    @rule(which=_anywhere, again=st.booleans(), how=_damage, where=_anywhere, answered=st.booleans())
    def deliver_a_request(self, which: int, again: bool, how: str, where: int, answered: bool) -> None:
        """Any of those on the way, once or again; a crash after the commit loses the answer."""
        index = which % len(self.requests)
        body = self.requests[index] if again else self.requests.pop(index)
        try:
            answer = self.centre.answer(damaged(body, how, where))
        except WireError:
            return
        if answered:
            self.answers.append(answer)

    @precondition(lambda self: self.answers)
    @rule(which=_anywhere, again=st.booleans(), how=_damage, where=_anywhere)
    def deliver_an_answer(self, which: int, again: bool, how: str, where: int) -> None:
        index = which % len(self.answers)
        body = self.answers[index] if again else self.answers.pop(index)
        self._take(damaged(body, how, where))

    @rule()
    def back_up_the_centre(self) -> None:
        self.backup = self.centre.backup()

    @rule()
    def restore_the_centre(self) -> None:
        self.centre.restore(self.backup)

    # What must hold

    @invariant()
    def the_centre_holds_one_version_of_each_record(self) -> None:
        if self.was_copied_back:
            return
        for shelf in self.centre.shelves.values():
            assert all(len(versions) == 1 for versions in shelf.records.values())

    @invariant()
    def the_centre_has_no_undeclared_gap(self) -> None:
        for shelf in self.centre.shelves.values():
            assert all(number in shelf.records or number in shelf.holes for number in range(1, shelf.next))

    @invariant()
    def a_kept_receipt_of_this_epoch_is_true(self) -> None:
        for outbox, receipt in self.kept.items():
            if receipt.epoch == self.centre.epoch:
                assert self.centre.shelves[outbox].next >= receipt.next

    def teardown(self) -> None:
        """The line is good again, and nobody crashes: soon everything is there."""
        if self.link.next_action(self.now).__class__ is not Send:
            self.link.failed(Trouble.NO_NETWORK, self.now)  # whatever was on the way is given up
        quiet = 0
        for _ in range(400):
            self._look()
            action = self.link.next_action(self.now)
            if not isinstance(action, Send):
                self.now = action.until
                continue
            self._send(action)
            self._take(self.centre.answer(self.requests.pop()))
            quiet = quiet + 1 if self.link.backlog == 0 else 0
            if quiet == 2 * len(self.outboxes):  # each of them greeted, and nothing more was asked for
                break
        assert self.link.backlog == 0
        for outbox in self.outboxes:
            self._holds_everything(outbox)

    def _holds_everything(self, outbox: MemoryOutbox) -> None:
        shelf = self.centre.shelves.get(outbox.id, Shelf())
        assert shelf.next >= outbox.next()
        assert shelf.next == outbox.next() or self.was_copied_back
        for number, line in enumerate(outbox.lines, start=1):
            # A number that the centre was told is gone, on a card that another copy brought back: the hole shows it.
            told_gone = self.was_copied_back and shelf.holes.get(number) == "pruned"
            if line is not None and number >= outbox.oldest and not told_gone:
                assert line in shelf.records.get(number, []), f"record {number} of {outbox.id}"
            else:
                assert number in shelf.records or shelf.holes.get(number) in ("burnt", "pruned")


LinkMachine.TestCase.settings = settings(max_examples=examples(80), stateful_step_count=60, deadline=None)
TestLink = LinkMachine.TestCase
