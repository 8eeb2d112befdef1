"""Random tokens of cookies and links: 256 bits, so that their bare hash is what is kept."""

from __future__ import annotations

import hashlib

TOKEN_BYTES = 32


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()
