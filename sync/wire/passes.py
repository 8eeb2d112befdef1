"""PURE: the visitor's pass, `VP1:` – CWT claims (RFC 8392) in the strict envelope, in Base45 (RFC 9285).

Decides how a pass is written and read. Whether it is genuine is the envelope's word; what it is worth is
the gate's (`edge/verify.py`, `edge/decide.py`).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import base45
import cbor2
import msgspec

from sync.wire.envelope import MessageType, sign
from sync.wire.errors import NotGenuine
from sync.wire.keys import SigningKey

PREFIX = "VP1:"
SERIAL_BYTES = 12
MAX_TEXT = 400  # version 9-M carries 262 alphanumeric characters; the rest is room for older printers
MAX_COMPANIONS = 8
_ISS, _EXP, _IAT, _CTI, _PRIVATE = 1, 4, 6, 7, -65537  # RFC 8392 §3.1; ours in the private range


class PassKind(IntEnum):
    """How the pass came to the visitor (DESIGN 3)."""

    SCAN_RESULT = 1
    SAVED = 2
    PAPER = 3


class Status(IntEnum):
    """The health code's colour (码色). UNKNOWN: the centre could not say, and every gate refers (DESIGN 3)."""

    UNKNOWN = 0
    GREEN = 1
    YELLOW = 2
    RED = 3

    @property
    def severity(self) -> int:
        """Of several people on one pass the most severe counts: green, unknown, yellow, red."""
        return _SEVERITY.index(self)


_SEVERITY = (Status.GREEN, Status.UNKNOWN, Status.YELLOW, Status.RED)


class PassClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a pass says.

    issuer: short name of the centre. issued_at, expires_at, status_at, tested_at: whole seconds since 1970.
    serial: 12 random bytes, no pseudonym: passes of one person cannot be linked by whoever sees them.
    test_negative: result of the last test, None when there is none. companions: people on the same pass; status and
    test are then the worst of all of them, as the centre found them.
    venue, checkpoint: the only place where the pass holds, 0 for any (a scan result always names one).
    hint: masked name, only if the town wants it.
    """

    issuer: str
    issued_at: int
    expires_at: int
    serial: bytes
    kind: PassKind
    status: Status
    status_at: int
    tested_at: int | None = None
    test_negative: bool | None = None
    companions: int = 0
    venue: int = 0
    checkpoint: int = 0
    hint: str | None = None


def issue(claims: PassClaims, key: SigningKey) -> str:
    """The text of a pass, ready for a QR symbol in alphanumeric mode (RFC 9285 alphabet)."""
    body: bytes = base45.b45encode(sign(encode_claims(claims), key, MessageType.PASS))
    return PREFIX + body.decode("ascii")


def token_of(text: str) -> bytes:
    """The envelope's bytes inside the text of a pass. Raises NotGenuine("malformed")."""
    if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
        raise NotGenuine("malformed", f"a pass begins with {PREFIX} and has at most {MAX_TEXT} characters")
    try:
        # As bytes: of a str, the library forgives line feeds at the end. Beyond that each token has one text, since
        # groups that are too large are refused; encoding it again to compare cost 70 µs and found nothing.
        token: bytes = base45.b45decode(text[len(PREFIX) :].encode("ascii"))
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as cause:
        raise NotGenuine("malformed", "the text after VP1: is not Base45") from cause
    return token


def encode_claims(claims: PassClaims) -> bytes:
    """The canonical CBOR claims set (RFC 8392 §7.1 step 1)."""
    return cbor2.dumps(
        {
            _ISS: claims.issuer,
            _EXP: claims.expires_at,
            _IAT: claims.issued_at,
            _CTI: claims.serial,
            _PRIVATE: [
                int(claims.kind),
                int(claims.status),
                # Ages, not times: 1-3 bytes instead of 5 keep the symbol at version 8 (DESIGN 3).
                claims.issued_at - claims.status_at,
                None if claims.tested_at is None else claims.issued_at - claims.tested_at,
                claims.test_negative,
                claims.companions,
                claims.venue,
                claims.checkpoint,
                claims.hint,
            ],
        },
        canonical=True,
    )


def decode_claims(payload: bytes) -> PassClaims:
    """Read a claims set. Raises NotGenuine for anything that `encode_claims` does not write."""
    try:
        raw: dict[int, Any] = cbor2.loads(payload)
        kind, status, status_age, test_age, negative, companions, venue, checkpoint, hint = raw[_PRIVATE]
        fields = {
            "issuer": raw[_ISS],
            "issued_at": raw[_IAT],
            "expires_at": raw[_EXP],
            "serial": raw[_CTI],
            "kind": kind,
            "status": status,
            "status_at": raw[_IAT] - status_age,
            "tested_at": None if test_age is None else raw[_IAT] - test_age,
            "test_negative": negative,
            "companions": companions,
            "venue": venue,
            "checkpoint": checkpoint,
            "hint": hint,
        }
        claims = msgspec.convert(fields, PassClaims, builtin_types=(bytes,))
    except (
        cbor2.CBORDecodeError,
        msgspec.ValidationError,
        ValueError,
        TypeError,
        LookupError,
        RecursionError,
    ) as cause:
        raise NotGenuine("malformed", "not the claims of a pass") from cause
    if len(claims.serial) != SERIAL_BYTES or not 0 <= claims.companions <= MAX_COMPANIONS:
        raise NotGenuine("malformed", "a claim is out of its range")
    if encode_claims(claims) != payload:
        raise NotGenuine("not_canonical", "not the canonical form of its claims")
    return claims
