"""`POST /v1/device-keys`: a gate rolls its key. Both are taken until its first batch under the new one (R25)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Blueprint, Response, request
from sqlalchemy import Connection, update

from sync.collector.centre import Centre
from sync.collector.fleet.enrolment_api import bounded_body
from sync.collector.fleet.model import Gate
from sync.collector.fleet.service import KnownGate, gate_of_key
from sync.collector.intake.api import ANSWER_TYPE
from sync.collector.keys import NoKey
from sync.collector.problems import Kind, Problem
from sync.wire.enrolment import State, Verdict
from sync.wire.envelope import MessageType, named_key
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, Purpose, VerificationKey, key_id
from sync.wire.rolling import Roll, answer, open_roll

PATH = "/v1/device-keys"
MAX_BODY_BYTES = MessageType.ROLL.max_bytes
_log = logging.getLogger(__name__)


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    machine = Blueprint("rolling", __name__)

    @machine.post(PATH)
    def device_keys() -> Response:
        return Response(roll(centre, bounded_body(request, MAX_BODY_BYTES), clock()), content_type=ANSWER_TYPE)

    return machine


def roll(centre: Centre, body: bytes, now: float) -> bytes:
    """The signed answer to a roll, the same however often it comes. Raises Problem, DatabaseUnavailable."""
    try:
        with centre.database.change() as connection:
            gate = gate_of_key(connection, named_key(body, MessageType.ROLL))
            if gate is None or gate.public_key is None or gate.is_revoked:
                raise Problem(Kind.UNKNOWN_GATE, "no gate that is trusted here has the key that signed this")
            _, told = open_roll(body, KeyRing([VerificationKey(gate.public_key, Purpose.GATE)]))
            _publish(connection, gate, told)
    except NotGenuine as cause:
        kind = Kind.BAD_SIGNATURE if cause.reason in ("bad_signature", "unknown_key") else Kind.NOT_A_MESSAGE
        raise Problem(kind, str(cause)) from cause
    except WireError as cause:
        raise Problem(Kind.NOT_A_MESSAGE, str(cause)) from cause
    held = centre.keys.current()
    verdict = Verdict(
        gate.id, key_id(told.public).hex(), told.nonce, State.ENROLLED, centre.settings.address or "", int(now)
    )
    try:
        return answer(held.key_list, verdict, held.signer(Purpose.UPDATE, now))
    except NoKey as cause:
        _log.error("a key roll cannot be answered: %s", cause)
        raise Problem(Kind.UNAVAILABLE, "the centre cannot answer at the moment: its log says why") from cause


def _publish(connection: Connection, gate: KnownGate, told: Roll) -> None:
    kid = key_id(told.public)
    other = gate_of_key(connection, kid)
    if other is not None and (other.number != gate.number or other.public_key == told.public):
        raise Problem(Kind.DEVICE_TAKEN, "that key is a gate's already: a gate draws a new one", gate=gate.id)
    if other is None:
        _log.info("%s rolls its key", gate.id)
        values = {"next_public_key": told.public, "next_kid": kid}
        connection.execute(update(Gate).where(Gate.number == gate.number).values(**values))
