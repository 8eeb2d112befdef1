"""Enrolment at the centre: a code for a gate, the device that asks with it, and IT's word on the key words (R25).

    offered ── a device asks ──▶ waiting ── IT: the words are the same ──▶ confirmed: key, identity, updates
                                    └────── IT: they are not ──▶ offered no more

A code is good for one device, once, for an hour unless said; only its hash is kept. Until IT has confirmed, the
device's key is nobody's: it gets no updates, and batches of it are refused, so that they stay on the device.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet import snapshots
from sync.collector.fleet.model import Enrolment, Gate
from sync.collector.fleet.service import find_gate, gate_of_key, known_gate
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.problems import Kind, Problem
from sync.keywords import key_words
from sync.wire.enrolment import (
    MAX_ADDRESS,
    TOKEN_BYTES,
    Answer,
    Code,
    Request,
    State,
    Verdict,
    open_request,
    sign_verdict,
)
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import Purpose, key_id

VALID_SECONDS = 3600
MAX_VALID_SECONDS = 30 * 86_400
MAX_OTHERS = 1_000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Asked:
    """The device that waits for IT. words, words_zh: as its display shows them. others: devices that came too late."""

    gate: str
    kid: str
    words: str
    words_zh: str
    asked_at: float
    software: str
    others: int


def check_address(collector: str) -> str:
    """Without its last slash. Raises Mistake for what gate-sync would refuse."""
    try:
        parts = urlsplit(collector)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username or not collector.isascii():
        raise Mistake(f"{collector} is no address of a collector; it looks like https://centre.example")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Mistake(f"gates take http:// to their own machine only: write https://{parts.netloc}")
    if len(collector) > MAX_ADDRESS:
        raise Mistake(f"an address has at most {MAX_ADDRESS} characters")
    return collector.rstrip("/")


def offer(
    access: Personal, gate_id: str, collector: str, seconds: float = VALID_SECONDS, replace: bool = False
) -> Code:
    """A new code for a gate; an earlier one is void. replace: the gate has a device, which the new one shuts out.

    Raises Mistake, NotFound.
    """
    gate = _free(access.session, gate_id, replace)
    code = Code(check_address(collector), secrets.token_bytes(TOKEN_BYTES))
    _begin(access, gate, code.collector, seconds, _hash(code.token))
    access.note(Act.GATE_ENROL, detail=f"{gate.id}{' anew' * replace}")
    return code


def waiting(session: Session, gate_id: str) -> Asked | None:
    """The device that waits for IT's word on its key words; None for none."""
    row = session.get(Enrolment, find_gate(session, gate_id).number)
    if row is None or row.public_key is None or row.asked_at is None or row.confirmed_at is not None:
        return None
    kid = key_id(row.public_key).hex()
    return Asked(gate_id, kid, *key_words(row.public_key), row.asked_at, row.software, row.others)


def confirm(access: Personal, gate_id: str, kid: str) -> Gate:
    """The words are the same: that device is the gate from now on, and any earlier one is shut out.

    kid: of the key whose words were compared, so that nobody confirms another one. Raises Mistake, NotFound.
    """
    asked = waiting(access.session, gate_id)
    if asked is None:
        raise NothingWaits(
            f"no device waits to become {gate_id}: show it the code first (collector gate enrol {gate_id})"
        )
    if asked.kid != kid:
        raise OtherWords("another device waits by now: compare the key words again")
    gate = find_gate(access.session, gate_id)
    row = access.session.get_one(Enrolment, gate.number)
    access.note(Act.GATE_CONFIRM, detail=f"{gate_id} key {kid}")
    assert row.public_key is not None
    _take(access, gate, row, row.public_key)
    return gate


def refuse(access: Personal, gate_id: str) -> None:
    """The words are not the same, or the code is in the wrong hands: it is void, and so is who asked with it."""
    gate = find_gate(access.session, gate_id)
    row = access.session.get(Enrolment, gate.number)
    if row is None or row.confirmed_at is not None:
        raise NothingWaits(f"no enrolment of {gate_id} is under way")
    access.note(Act.GATE_REFUSE, detail=gate_id)
    access.session.delete(row)
    access.session.flush()


def by_stick(
    access: Personal, gate_id: str, collector: str, body: bytes, replace: bool = False
) -> tuple[Request, Asked]:
    """A request that was carried here waits for IT's word, like one that came by network. Raises Mistake, NotFound."""
    gate = _free(access.session, gate_id, replace)
    try:
        request = open_request(body)
    except WireError as cause:
        raise Mistake(f"this is no request of a gate: {cause}") from cause
    wrong = _taken(access.session, gate, request)
    if wrong:
        raise Mistake(wrong)
    row = _begin(access, gate, check_address(collector), VALID_SECONDS, None)
    _bind(row, request, access.now)
    access.note(Act.GATE_ENROL, detail=f"{gate.id} by stick{' anew' * replace}")
    access.session.flush()
    asked = waiting(access.session, gate_id)
    assert asked is not None
    return request, asked


def ask(centre: Centre, body: bytes, now: float, tries: Tries, sender: str) -> Answer:
    """What a request by network is answered. Raises Problem, DatabaseUnavailable."""
    try:
        request = open_request(body)
    except NotGenuine as cause:
        kind = Kind.BAD_SIGNATURE if cause.reason == "bad_signature" else Kind.NOT_A_MESSAGE
        raise Problem(kind, str(cause)) from cause
    except WireError as cause:
        raise Problem(Kind.NOT_A_MESSAGE, str(cause)) from cause
    if not request.token:
        raise Problem(Kind.UNKNOWN_CODE, "the request brings no token: it is one for a stick")
    with centre.database.read() as session:
        found = session.scalar(select(Enrolment).where(Enrolment.token == _hash(request.token)))
        is_bound = found is not None and found.public_key is not None
    if found is None:
        tries.failed(sender, now)
        raise Problem(
            Kind.UNKNOWN_CODE, "no gate has that enrolment code: it was replaced, refused, or is another town's"
        )
    if not is_bound or found.public_key != request.public:
        with centre.database.write() as session:
            found = session.get_one(Enrolment, found.gate_number, with_for_update=True)
            refused = _first_or_refused(session, found, request, now)
        if refused is not None:
            raise refused
    if found.confirmed_at is None:
        return answer(centre, session_gate(centre, found.gate_number), request, found.collector, State.WAITING, now)
    return _enrolled(centre, found, request, now)


def _first_or_refused(session: Session, row: Enrolment, request: Request, now: float) -> Problem | None:
    """Bind the code to this device, which is the first; or why not. What is counted is kept, so nothing is raised."""
    gate = session.get_one(Gate, row.gate_number)
    if row.token != _hash(request.token):
        return Problem(Kind.UNKNOWN_CODE, "no gate has that enrolment code any more", gate=gate.id)
    if row.public_key is not None and row.public_key != request.public:
        row.others = min(row.others + 1, MAX_OTHERS)
        return Problem(Kind.CODE_USED, "another device used this code before: IT is told", gate=gate.id)
    if row.public_key is None:
        if now > row.expires_at:
            return Problem(Kind.CODE_OVER, "this enrolment code is too old: make a new one", gate=gate.id)
        wrong = _taken(session, gate, request)
        if wrong:
            return Problem(Kind.DEVICE_TAKEN, wrong, gate=gate.id)
        _bind(row, request, now)
        session.flush()
    return None


def _enrolled(centre: Centre, row: Enrolment, request: Request, now: float) -> Answer:
    """Again and again for the same device: an answer may be lost."""
    with centre.database.read() as session:
        gate = session.get_one(Gate, row.gate_number)
        is_its = gate.public_key == request.public and gate.revoked_at is None and gate.retired_at is None
    if not is_its:
        raise Problem(Kind.CODE_USED, "the gate has another device by now, or is trusted no longer", gate=gate.id)
    return answer(centre, gate.id, request, row.collector, State.ENROLLED, now)


def session_gate(centre: Centre, number: int) -> str:
    """The id of a gate."""
    with centre.database.read() as session:
        return session.get_one(Gate, number).id


def answer(centre: Centre, gate_id: str, request: Request, collector: str, state: State, now: float) -> Answer:
    """The signed answer, with all updates once the device is enrolled. Raises Mistake, DatabaseUnavailable."""
    held = centre.keys.current()
    verdict = Verdict(gate_id, key_id(request.public).hex(), request.nonce, state, collector, int(now))
    updates = None
    if state is State.ENROLLED:
        with centre.database.change() as connection, Session(connection) as session:
            known = known_gate(connection, find_gate(session, gate_id))
            in_force = snapshots.ensure_current(connection, centre, known, now)
            if in_force.order == (0, 0):
                raise Mistake("there is no policy that this version can read: `collector policy set FILE` first")
            updates = snapshots.files(connection, known)
    return Answer(held.key_list, sign_verdict(verdict, held.signer(Purpose.UPDATE, now)), updates)


def _free(session: Session, gate_id: str, replace: bool) -> Gate:
    gate = find_gate(session, gate_id)
    if gate.public_key is not None and not replace:
        raise HasDevice(f"{gate.id} has a device already, which would be shut out: say --replace")
    return gate


def _begin(access: Personal, gate: Gate, collector: str, seconds: float, token: bytes | None) -> Enrolment:
    access.session.execute(delete(Enrolment).where(Enrolment.gate_number == gate.number))
    row = Enrolment(
        gate_number=gate.number,
        token=token,
        made_at=access.now,
        expires_at=access.now + seconds,
        collector=collector,
        have_epoch=0,
        have_number=0,
        software="",
        others=0,
    )
    access.session.add(row)
    access.session.flush()
    return row


def _bind(row: Enrolment, request: Request, now: float) -> None:
    row.public_key, row.asked_at, row.software = request.public, now, request.software
    row.have_epoch, row.have_number = request.have


def _taken(session: Session, gate: Gate, request: Request) -> str | None:
    """Why this device cannot become that gate, None where it can."""
    if request.was not in (None, gate.id):
        return (
            f"this device is {request.was}, and its records are that gate's: send them, then install it anew "
            f"(sudo systemd/install-gate --forget-gate) before it becomes {gate.id}"
        )
    if gate_of_key(session.connection(), key_id(request.public)) is not None:
        return "that key is a gate's already: a device makes a new one for each enrolment"
    return None


def _take(access: Personal, gate: Gate, row: Enrolment, public: bytes) -> None:
    """The device becomes the gate. Its updates get a number above those that it has, so that it takes them."""
    if gate_of_key(access.session.connection(), key_id(public)) is not None:
        raise Mistake("that key is a gate's already: refuse it, and enrol the device anew")
    gate.public_key, gate.kid = public, key_id(public)
    gate.next_public_key, gate.next_kid, gate.revoked_at, gate.retired_at = None, None, None, None
    row.confirmed_at = access.now
    access.session.flush()
    snapshots.begin_above(access.session.connection(), gate.number, (row.have_epoch, row.have_number))


def _hash(token: bytes) -> bytes:
    return sha256(token).digest()


class NothingWaits(Mistake):
    """No device asked to become this gate, or IT has decided already."""


class OtherWords(Mistake):
    """The words that were compared are not those of the device that waits now."""


class HasDevice(Mistake):
    """The gate has one; whoever puts another in its place says so."""


class Tries:
    """How many unknown codes one sender may try: a token cannot be guessed, and nobody shall try at our cost.

    A sender who tried too often waits; whoever has a code that is known never does. `most` senders are remembered.
    """

    FREE, SECONDS, MOST = 20, 60.0, 10_000

    def __init__(self) -> None:
        self._failed: dict[str, tuple[float, int]] = {}

    def failed(self, sender: str, now: float) -> None:
        """Raises Problem when it was too often."""
        began, count = self._failed.get(sender, (now, 0))
        if not 0 <= now - began < self.SECONDS:
            began, count = now, 0
        if len(self._failed) >= self.MOST and sender not in self._failed:
            self._failed.clear()
        self._failed[sender] = (began, count + 1)
        if count >= self.FREE:
            wait = max(1, round(self.SECONDS - (now - began)))
            raise Problem(Kind.TOO_MANY, "too many unknown enrolment codes from this address", retry_after_seconds=wait)


def forget_gate(session: Session, gate_number: int) -> None:
    """Codes of a gate that is revoked or retired are void."""
    session.execute(delete(Enrolment).where(Enrolment.gate_number == gate_number))
