"""The same gate and centre with sticks beside the network: several, late, lost, taken twice, in any order.

Whatever happened: rounds of a stick alone bring everything to the centre, each record once, and no receipt that came
late acknowledges what the centre does not hold (R25).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sync.dispatch import dispatch, load, report
from sync.errors import PeerFault
from sync.link import Exchange, Send, Verdict
from sync.wire.receipt import decode_answer, read_receipt
from tests.examples import examples
from tests.property.test_link_state_machine import _FEW, PROVISION, LinkMachine

_sticks = st.integers(0, 1)


@dataclass
class _Stick:
    """What is on it: batches in their order, and the receipts of the centre's newest import."""

    batches: list[bytes] = field(default_factory=list)
    receipts: list[bytes] = field(default_factory=list)


class SticksMachine(LinkMachine):
    """carried: the gate's courier.json, which an old copy of the card brings back too."""

    def __init__(self) -> None:
        super().__init__()
        self.sticks = [_Stick(), _Stick()]
        self.carried: dict[str, Exchange] = {}
        self.carried_on_card: dict[str, Exchange] = {}

    @rule()
    def copy_the_card(self) -> None:
        super().copy_the_card()
        self.carried_on_card = dict(self.carried)

    @precondition(lambda self: self.card is not None and self.card[0].id == self.outboxes[-1].id)
    @rule()
    def put_the_old_copy_back(self) -> None:
        super().put_the_old_copy_back()
        self.carried = dict(self.carried_on_card)

    @rule(which=_sticks)
    def carry_out(self, which: int) -> None:
        """Everything from the cursors on, and a greeting."""
        self._look()
        stick = self.sticks[which]
        stick.batches.clear()
        for outbox in self.outboxes:
            first = self.link.cursor(outbox.id)
            assert first is not None
            while first < outbox.next():
                first = self._onto(stick, Send(outbox.id, first, _FEW))
            self._onto(stick, Send(outbox.id, first, 0))

    def _onto(self, stick: _Stick, send: Send) -> int:
        self.nonces += 1
        nonce = f"{self.nonces:032x}"
        told = report(None, (1, 1), 0, software="1", boot="b", mono=self.now, wants_updates=False)
        source = self._outbox(send.outbox)
        ready = dispatch(load(source, send, PROVISION.identity.gate), PROVISION, told, nonce=nonce, sent_at=self.now)
        self.carried[nonce] = ready.exchange
        stick.batches.append(ready.body)
        return ready.exchange.next

    @rule(which=_sticks, lost=st.sets(st.integers(0, 5), max_size=2))
    def take_in(self, which: int, lost: set[int]) -> None:
        """At the centre; some of the files cannot be read."""
        stick = self.sticks[which]
        kept = [body for number, body in enumerate(stick.batches) if number not in lost]
        stick.receipts = [decode_answer(self.centre.answer(body)).receipt for body in kept]

    @rule(which=_sticks)
    def bring_in(self, which: int) -> None:
        self._look()
        for signed in self.sticks[which].receipts:
            try:
                receipt = read_receipt(signed, PROVISION.snapshot.ring)
                exchange = self.carried.get(receipt.nonce)
                if exchange is None:
                    continue
                verdict = self.link.judge_late(exchange, receipt)
                if receipt.conflicts:
                    self.contested.add(receipt.outbox)
                if verdict.is_cursor:
                    self._never_back(receipt.outbox, receipt.epoch, receipt.next, verdict)
                    self.kept[receipt.outbox] = receipt
                    self._renew_if_replaced()
                self.link.received_late(exchange, receipt)
                self._look()
            except PeerFault:
                continue

    def _never_back(self, outbox: str, epoch: int, next_: int, verdict: Verdict) -> None:
        """A late receipt never takes the place of a later word of the same centre."""
        kept = self.kept.get(outbox)
        if kept is not None and verdict is not Verdict.BEYOND:
            assert (epoch, next_) > (kept.epoch, kept.next) or epoch > kept.epoch

    @rule(which=_sticks)
    def lose_a_stick(self, which: int) -> None:
        self.sticks[which] = _Stick()

    def teardown(self) -> None:
        """From now on sticks alone: no network, no crash."""
        for _ in range(8):
            self.carry_out(0)
            self.take_in(0, set())
            self.bring_in(0)
        for outbox in self.outboxes:
            self._holds_everything(outbox)
        super().teardown()


SticksMachine.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=60, deadline=None)
TestSticks = SticksMachine.TestCase
