"""Devices that ask on a stick to become gates: shown to IT, and answered once IT has confirmed them (R25).

A stick makes nobody a gate. Which gate a device becomes, and that its key words are the same, is IT's word
(`collector gate enrol`, `confirm`); until it was said for that very key, nothing is put onto the stick.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet.enrolment import answer, for_stick
from sync.collector.fleet.model import Enrolment, Gate
from sync.collector.fleet.service import gate_of_key
from sync.keywords import key_words
from sync.stick import Folder
from sync.wire.carried import ENROL_ANSWER
from sync.wire.enrolment import Request, State, open_request
from sync.wire.envelope import MessageType
from sync.wire.errors import WireError
from sync.wire.keys import key_id


@dataclass(frozen=True, slots=True)
class Asks:
    """A device that asks. file: its request's name; gate: which one it waits to become, None while nobody has said so.

    is_answered: IT has confirmed it, and its answer is on the stick.
    """

    file: str
    words: str
    words_zh: str
    gate: str | None
    is_answered: bool


def hear(centre: Centre, folder: Folder, file: str, kid: bytes, now: float) -> Asks | None:
    """The request in that file; None where it asks for nothing any more. kid: whose folder it is.

    Raises Mistake for what is no request of that device, StickFault.
    """
    body = folder.read(file, MessageType.ENROL.max_bytes)
    if body is None:
        return None
    try:
        request = open_request(body)
    except WireError as cause:
        raise Mistake(f"this is no request of a device: {cause}") from cause
    if key_id(request.public) != kid:
        raise Mistake("it is the request of another device than the folder says")
    gate, is_confirmed = _standing(centre, request)
    if is_confirmed:
        if gate is None:
            return None
        folder.write(ENROL_ANSWER, _sealed(centre, gate.id, request, gate.collector, now))
    return Asks(file, *key_words(request.public), gate.id if gate else None, is_confirmed)


@dataclass(frozen=True, slots=True)
class _Becomes:
    id: str
    collector: str


def _standing(centre: Centre, request: Request) -> tuple[_Becomes | None, bool]:
    """Which gate this key is to be, and whether IT has confirmed it. None, True: it is a gate's without asking so."""
    with centre.database.look() as connection, Session(connection) as session:
        wanted = (Enrolment.public_key == request.public, Enrolment.token.is_(None))
        row = session.scalars(select(Enrolment).where(*wanted).order_by(Enrolment.made_at.desc())).first()
        known = gate_of_key(connection, key_id(request.public))
        if row is None:
            return None, known is not None
        gate = session.get_one(Gate, row.gate_number)
        becomes = _Becomes(gate.id, row.collector)
        if row.confirmed_at is None:
            return becomes, False
        is_its = gate.public_key == request.public and gate.revoked_at is None and gate.retired_at is None
        return (becomes if is_its else None), True


def _sealed(centre: Centre, gate_id: str, request: Request, collector: str, now: float) -> bytes:
    if not request.sealing_key:
        raise Mistake(f"it brings no key to seal the answer to: collector gate enrol {gate_id} --request … --answer …")
    return for_stick(request, answer(centre, gate_id, request, collector, State.ENROLLED, now))
