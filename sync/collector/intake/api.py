"""`POST /v1/batches`: open, store in one transaction, answer after the commit with a signed receipt and updates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Request, Response, request

from sync.collector.centre import Centre
from sync.collector.database import queue_up
from sync.collector.fleet import service, snapshots
from sync.collector.fleet.service import KnownGate, keep_seal
from sync.collector.intake.opening import open_batch
from sync.collector.intake.service import Disputed, TakenIn, take_in
from sync.collector.problems import Kind, Problem
from sync.collector.tally import RECEIVED, Tally
from sync.wire.batch import Batch
from sync.wire.envelope import MessageType
from sync.wire.keys import Purpose
from sync.wire.receipt import Answer, Receipt, Standing, encode_answer, sign_receipt

MAX_BODY_BYTES = MessageType.BATCH.max_bytes
CONTENT_TYPE, ANSWER_TYPE = "application/cose", "application/cbor"

_log = logging.getLogger(__name__)


def blueprint(centre: Centre, clock: Callable[[], float], tally: Tally) -> Blueprint:
    """clock: seconds since 1970. tally: counts what was taken in."""
    intake = Blueprint("intake", __name__, url_prefix="/v1")

    @intake.post("/batches")
    def batches() -> Response:
        answer = take_batch(centre, _body(request), clock(), tally=tally)
        return Response(encode_answer(answer), content_type=ANSWER_TYPE)

    return intake


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch that was taken: whose, what became of its records, and the answer."""

    gate: KnownGate
    batch: Batch
    taken: TakenIn
    answer: Answer


def take_batch(centre: Centre, body: bytes, now: float, *, straight: bool = True, tally: Tally | None = None) -> Answer:
    """A batch's bytes in, the answer out. straight: it did not come on a stick. Raises Problem, DatabaseUnavailable."""
    return take(centre, body, now, straight=straight, tally=tally).answer


def take(centre: Centre, body: bytes, now: float, *, straight: bool, tally: Tally | None = None) -> Arrival:
    """The same, with what became of it."""
    gate, batch = open_batch(body, centre.database, centre.keys)
    with centre.database.change() as connection:
        queue_up(connection, gate.number)
        if gate.signed_with_next:
            gate = service.key_arrived(connection, gate)
        taken = take_in(connection, gate, batch, now, straight=straight)
        if batch.report.sealing_key:
            keep_seal(connection, gate, batch.report.sealing_key)
        in_force = snapshots.ensure_current(connection, centre, gate, now)
        wanted = batch.report.wants_updates and batch.report.have < in_force.order and not gate.is_revoked
        updates = snapshots.files(connection, gate, batch.report.have) if wanted else None
    if isinstance(taken, Disputed):
        raise Problem(
            Kind.OUTBOX_TAKEN,
            f"outbox {batch.outbox} belongs to {taken.owner}: nothing was taken, keep it and tell the centre's IT",
            gate=gate.id,
        )
    _tell(gate, batch, taken)
    if tally is not None:
        _count(tally, taken)
    receipt = Receipt(
        gate=gate.id,
        outbox=batch.outbox,
        epoch=in_force.epoch,
        next=taken.next,
        centre_time=now,
        nonce=batch.nonce,
        standing=Standing.QUARANTINED if gate.is_revoked else Standing.ACCEPTED,
        set_aside=taken.set_aside,
        conflicts=taken.conflicts,
    )
    signed = sign_receipt(receipt, centre.keys.current().signer(Purpose.RECEIPT, now))
    return Arrival(gate, batch, taken, Answer(signed, updates))


def _body(incoming: Request) -> bytes:
    if incoming.mimetype != CONTENT_TYPE:
        raise Problem(Kind.WRONG_MEDIA_TYPE, f"a batch is sent as {CONTENT_TYPE}")
    if incoming.content_length is None:
        raise Problem(Kind.NO_LENGTH, "a batch says its length before it comes")
    return incoming.get_data(cache=False)  # Flask's MAX_CONTENT_LENGTH bounds it


def _count(tally: Tally, taken: TakenIn) -> None:
    amounts = (1, taken.stored, taken.known, len(taken.set_aside), len(taken.conflicts), taken.quarantined)
    for name, amount in zip(RECEIVED, amounts, strict=True):
        if amount:
            tally.add(name, amount)


def _tell(gate: KnownGate, batch: Batch, taken: TakenIn) -> None:
    level = logging.WARNING if taken.conflicts or taken.set_aside or gate.is_revoked else logging.INFO
    _log.log(
        level,
        "%s %.8s %d-%d: stored %d, known %d, set aside %d, conflicts %d, quarantined %d, next %d",
        gate.id,
        batch.outbox,
        batch.first,
        batch.next - 1,
        taken.stored,
        taken.known,
        len(taken.set_aside),
        len(taken.conflicts),
        taken.quarantined,
        taken.next,
    )
