"""PURE: typed JSON both ways, with the peer's mistakes as WireError."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from sync.wire.errors import WireError

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON in the order of the fields."""
    return _encoder.encode(value)


def decode(data: bytes, form: type[T], what: str) -> T:
    """Read JSON into `form`. Raises WireError with one sentence that names `what` and the field."""
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise WireError(f"{what}: {cause}") from cause
