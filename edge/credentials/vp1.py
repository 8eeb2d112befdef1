"""PURE: `VP1:` – the visitor's pass of this system (`sync/wire/passes.py`)."""

from __future__ import annotations

from edge.credentials.forms import Credential, Malformed
from sync.wire.errors import NotGenuine
from sync.wire.passes import PREFIX, token_of

__all__ = ["PREFIX", "read"]


def read(text: str) -> Credential | Malformed:
    """The token inside the Base45 text."""
    try:
        return Credential("VP1", token_of(text))
    except NotGenuine as refusal:
        return Malformed(refusal.reason)
