"""PURE: is this credential genuine, and what does it say about itself?

Establishes: a pass key that was valid at the time of issue signed exactly these claims; and the findings: issued for
here or not, expired or not, withdrawn by the centre or not. It does NOT establish that the person who shows the code is
the one it was issued to, nor that it was not shown at another gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from edge.credentials import Credential, Malformed
from sync.wire.envelope import MessageType
from sync.wire.envelope import verify as verify_envelope
from sync.wire.errors import NotGenuine as EnvelopeNotGenuine
from sync.wire.passes import PassClaims, PassKind, decode_claims
from sync.wire.record import Moment
from sync.wire.updates import Snapshot

AHEAD_SECONDS = 300  # an issue time further ahead than this is the future (DESIGN 5)


class Finding(str, Enum):
    """What a genuine pass says against itself. Each is a code of `edge/reasons.py`."""

    ELSEWHERE = "elsewhere"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Genuine:
    """Signed by the centre. findings: what is wrong with it all the same, () for nothing."""

    claims: PassClaims
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class NotGenuine:
    """Says nothing about any person. reason: a code of `edge/reasons.py`."""

    reason: str


Verification = Genuine | NotGenuine


def verify(credential: Credential | Malformed, trust: Snapshot | None, now: Moment) -> Verification:
    """Judge a credential by the keys in force; `trust` None means that the gate has none yet."""
    if isinstance(credential, Malformed):
        return NotGenuine(credential.reason)
    if trust is None:
        return NotGenuine("no_trust")
    try:
        opened = verify_envelope(credential.token, trust.ring, MessageType.PASS)
        claims = decode_claims(opened.payload)
    except EnvelopeNotGenuine as refusal:
        return NotGenuine(refusal.reason)
    if not opened.key.covers(claims.issued_at):
        return NotGenuine("key_not_valid")
    listed = trust.withdrawn.lists(claims.serial, now.earliest)
    return Genuine(claims, tuple(findings(claims, trust.venue.venue, trust.venue.checkpoint, listed, now)))


def findings(claims: PassClaims, venue: int, checkpoint: int, withdrawn: bool, now: Moment) -> Iterator[Finding]:
    """What genuine claims say against themselves at this checkpoint. withdrawn: what the status list says."""
    bound_elsewhere = claims.venue not in (0, venue) or claims.checkpoint not in (0, checkpoint)
    unbound = claims.kind is PassKind.SCAN_RESULT and 0 in (claims.venue, claims.checkpoint)
    if bound_elsewhere or unbound:
        yield Finding.ELSEWHERE
    if now.at >= claims.expires_at:
        yield Finding.EXPIRED
    if claims.issued_at > now.at + AHEAD_SECONDS:
        yield Finding.NOT_YET_VALID
    if withdrawn:
        yield Finding.WITHDRAWN
