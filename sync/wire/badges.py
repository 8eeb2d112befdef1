"""PURE: an inspector's badge – the text of its QR code, and what a gate keeps to know it by.

Decides how a badge is written and read: `VB1:`, the inspector's number, a full stop, and 128 secret bits in Base32
(RFC 4648 §6), so that a symbol uses its alphanumeric mode. A badge has one text: what does not encode back to itself is
refused. Whether a badge counts is the staff list's word (`sync.wire.staff`): whoever holds a copy holds the badge.
"""

from __future__ import annotations

import binascii
import re
from base64 import b32decode, b32encode
from dataclasses import dataclass, field
from hashlib import sha256

from sync.wire.errors import WireError

PREFIX = "VB1:"
SECRET_BYTES = 16
MAX_NUMBER = 2**53 - 1  # what every reader of JSON keeps exactly
MAX_TEXT = 47  # of version 3 with error correction Q, alphanumeric: also with the largest number
_FORM = re.compile(r"VB1:([1-9][0-9]{0,15})\.([A-Z2-7]{26})")
_PADDING = "=" * 6
_LABEL = b"venue-gate/badge/1"


class BadBadge(WireError):
    """A text that is no badge."""


@dataclass(frozen=True, slots=True)
class Badge:
    """number: the inspector's. secret: 16 bytes."""

    number: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MAX_NUMBER or len(self.secret) != SECRET_BYTES:
            raise ValueError(f"a badge has a number from 1 to {MAX_NUMBER} and {SECRET_BYTES} secret bytes")


def text_of(badge: Badge) -> str:
    """What the QR code holds."""
    return f"{PREFIX}{badge.number}.{b32encode(badge.secret).decode('ascii').rstrip('=')}"


def read_badge(text: str) -> Badge:
    """The badge of a text. Raises BadBadge."""
    found = _FORM.fullmatch(text) if len(text) <= MAX_TEXT else None
    if found is None:
        raise BadBadge(f"a badge is {PREFIX}, a number, a full stop and 26 characters of Base32")
    try:
        badge = Badge(int(found[1]), b32decode(found[2] + _PADDING))
    except (binascii.Error, ValueError) as cause:
        raise BadBadge("the number or the secret of this badge is out of range") from cause
    if text_of(badge) != text:
        raise BadBadge("this is not the one text of its badge")
    return badge


def badge_hash(badge: Badge) -> str:
    """64 hex digits for the staff list: 128 random bits need no slow hash, and nobody makes the badge of it."""
    return sha256(_LABEL + badge.number.to_bytes(8, "big") + badge.secret).hexdigest()
