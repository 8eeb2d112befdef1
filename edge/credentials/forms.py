"""PURE: what reading a code gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credential:
    """A code in the form of a known format: its signed token, unchecked."""

    format: str
    token: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """Not a credential. reason: "unknown_format", "malformed" or "not_canonical" (`edge/reasons.py`)."""

    reason: str
