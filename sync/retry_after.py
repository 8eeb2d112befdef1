"""PURE: how long a peer asks to be left alone (RFC 9110 §10.2.3)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime


def retry_after_seconds(value: str, date: str, now: float) -> float | None:
    """Seconds from Retry-After, a number or a date; None for anything else.

    date: the answer's own Date, from which a date counts where it is there: our clock may be years off. now: seconds
    since 1970.
    """
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError):
        return None
    with suppress(ValueError, IndexError, TypeError):
        now = parsedate_to_datetime(date).timestamp()
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
