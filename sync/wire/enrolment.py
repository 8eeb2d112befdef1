"""PURE: enrolment – how a new gate proves its key to the centre, and how the centre gives it its identity (R25).

    code      centre → camera → gate-sync   `VE1:` + Base45 of CBOR [address, token]: where to ask, and a one-time token
    request   gate → centre                 signed by the key that it brings, bound to the token
    answer    centre → gate                 key list (from the root), a verdict under an update key, updates at the end

Decides what these say and whether they are genuine. A code is nobody's word: what is in it is believed only as far as
the answer proves that it comes from the centre whose root this gate was installed with. Whether a gate may be enrolled
now is the gate's decision (`edge/commissioning.py`), whether this key is the right one IT's, who compares key words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import base45
import cbor2
import msgspec

from sync.wire import jsonform
from sync.wire.envelope import MessageType, named_key, sign, unverified_payload, verify
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, Purpose, SigningKey, VerificationKey, key_id
from sync.wire.updates import Snapshot, key_ring, open_snapshot

VERSION = 1
PREFIX = "VE1:"
TOKEN_BYTES, NONCE_BYTES = 16, 16
MAX_TEXT = 400
MAX_ADDRESS = 200
MAX_ANSWER_BYTES = 32_000_000
MAX_ORDER = 2**40  # of the updates that a device says it has: far beyond any real one, far below a database's limit
_MAX_WORD = 64


@dataclass(frozen=True, slots=True)
class Code:
    """What IT shows to the camera. collector: base address such as https://centre.example; token: 16 random bytes."""

    collector: str
    token: bytes


def write_code(code: Code) -> str:
    """Its text, ready for a QR symbol in alphanumeric mode."""
    body: bytes = base45.b45encode(cbor2.dumps([code.collector, code.token], canonical=True))
    return PREFIX + body.decode("ascii")


def read_code(text: str) -> Code:
    """Raises WireError for any other text."""
    if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
        raise WireError(f"an enrolment code begins with {PREFIX} and has at most {MAX_TEXT} characters")
    try:
        content = base45.b45decode(text[len(PREFIX) :].encode("ascii"))
        collector, token = msgspec.convert(cbor2.loads(content), tuple[str, bytes], builtin_types=(bytes,))
    except (
        cbor2.CBORDecodeError,
        msgspec.ValidationError,
        ValueError,
        TypeError,
        LookupError,
        OverflowError,
        RecursionError,
    ) as cause:
        raise WireError("this is no enrolment code: what follows VE1: cannot be read") from cause
    code = Code(collector, token)
    if len(token) != TOKEN_BYTES or not 0 < len(collector) <= MAX_ADDRESS or not collector.isprintable():
        raise WireError("this is no enrolment code: its address or its token is out of bounds")
    if write_code(code) != text:
        raise WireError("this is no enrolment code: not the canonical form of its content")
    return code


class Request(msgspec.Struct, frozen=True):
    """A device asks to become a gate.

    public: its key, 32 bytes; the signature proves that it holds the other half. token: of the code, empty on a stick.
    nonce: 16 random bytes in hex, for this answer alone. have: order of its updates, [0, 0] for none. was: the gate
    that it is already, None for a new device. software: its version.
    """

    public: bytes
    token: bytes
    nonce: str
    have: tuple[int, int] = (0, 0)
    was: str | None = None
    software: str = ""
    v: int = VERSION


class State(str, Enum):
    """How far it is."""

    WAITING = "waiting"  # for IT to compare the key words
    ENROLLED = "enrolled"


class Verdict(msgspec.Struct, frozen=True):
    """The centre's signed word on one request.

    gate: which gate this device becomes. kid: the device key's name in hex; nonce: the request's. collector: where the
    gate finds the centre from now on, whatever address the code had. issued_at: seconds since 1970.
    """

    gate: str
    kid: str
    nonce: str
    state: State
    collector: str
    issued_at: int
    v: int = VERSION


class Answer(msgspec.Struct, frozen=True):
    """What comes back, by HTTPS or on a stick. keys: `keys.cose`; verdict: signed; updates: files, once enrolled."""

    keys: bytes
    verdict: bytes
    updates: dict[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that is genuine and meant for this request. snapshot: None while IT has not confirmed."""

    verdict: Verdict
    snapshot: Snapshot | None
    updates: dict[str, bytes]


def sign_request(request: Request, key: SigningKey) -> bytes:
    """The request in its envelope. key: whose public half stands in it."""
    return sign(jsonform.encode(request), key, MessageType.ENROL)


def open_request(data: bytes) -> Request:
    """Check that whoever made the request holds the key that it brings. Raises NotGenuine or WireError."""
    kid = named_key(data, MessageType.ENROL)
    request = jsonform.decode(unverified_payload(data, MessageType.ENROL), Request, "enrolment request")
    if request.v != VERSION:
        raise WireError(f"version {request.v} of an enrolment request; this centre reads version {VERSION}")
    if len(request.public) != 32 or key_id(request.public) != kid:
        raise NotGenuine("unknown_key", "the request is not signed by the key that it brings")
    try:
        ring = KeyRing([VerificationKey(request.public, Purpose.GATE)])
    except ValueError as cause:
        raise NotGenuine("malformed", "the request brings no key") from cause
    verify(data, ring, MessageType.ENROL)
    _check(request)
    return request


def _check(request: Request) -> None:
    words = (request.was or "", request.software)
    for holds, rule in (
        (len(request.token) in (0, TOKEN_BYTES), "a token has 16 bytes"),
        (_is_nonce(request.nonce), "a nonce is 32 hex digits"),
        (all(0 <= number < MAX_ORDER for number in request.have), "its updates are absurd"),
        (all(len(word) <= _MAX_WORD and word.isprintable() for word in words), "a word of it is too long"),
    ):
        if not holds:
            raise WireError(f"enrolment request: {rule}")


def _is_nonce(text: str) -> bool:
    return len(text) == 2 * NONCE_BYTES and all(digit in "0123456789abcdef" for digit in text)


def sign_verdict(verdict: Verdict, key: SigningKey) -> bytes:
    """The verdict in its envelope. key: an update key."""
    return sign(jsonform.encode(verdict), key, MessageType.ENROLLED)


def encode_answer(answer: Answer) -> bytes:
    """CBOR map {"keys": bytes, "verdict": bytes, "updates": {name: bytes} or null}."""
    return cbor2.dumps({"keys": answer.keys, "verdict": answer.verdict, "updates": answer.updates}, canonical=True)


def decode_answer(data: bytes) -> Answer:
    """Raises WireError for anything else, such as a captive portal's page."""
    if len(data) > MAX_ANSWER_BYTES:
        raise WireError(f"an answer has at most {MAX_ANSWER_BYTES} bytes")
    try:
        return msgspec.convert(cbor2.loads(data), Answer, builtin_types=(bytes,))
    except (
        cbor2.CBORDecodeError,
        msgspec.ValidationError,
        ValueError,
        TypeError,
        LookupError,
        OverflowError,
        RecursionError,
    ) as cause:
        raise WireError("this is not the centre's answer to an enrolment") from cause


def open_answer(data: bytes, root: bytes, public: bytes, nonce: str) -> Opened:
    """Check an answer from the root down, and that it is for this key and this request.

    root: the public key that came with the installation, 32 bytes. Raises NotGenuine or WireError.
    """
    answer = decode_answer(data)
    opened = verify(answer.verdict, key_ring(answer.keys, root), MessageType.ENROLLED)
    verdict = jsonform.decode(opened.payload, Verdict, "enrolment verdict")
    if verdict.v != VERSION:
        raise WireError(f"version {verdict.v} of a verdict; this gate reads version {VERSION}")
    if not opened.key.covers(verdict.issued_at):
        raise NotGenuine("key_not_valid", "the verdict's key was not valid when it was issued")
    if (verdict.kid, verdict.nonce) != (key_id(public).hex(), nonce):
        raise WireError("the answer is for another device, or for an earlier request of this one")
    if verdict.state is State.WAITING:
        return Opened(verdict, None, {})
    updates = answer.updates or {}
    snapshot = open_snapshot(updates, root)
    if snapshot.venue.gate != verdict.gate:
        raise WireError(f"the updates are {snapshot.venue.gate}'s, the verdict is about {verdict.gate}")
    return Opened(verdict, snapshot, updates)
