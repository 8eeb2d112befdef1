"""PURE: the text of a code → a Credential, or Malformed with its reason. One module for each format.

Decides only what a code claims to be. Whether it is genuine is `edge/verify.py`'s, what it is worth `edge/decide.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge.credentials import vp1
from edge.credentials.forms import Credential, Malformed

__all__ = ["Credential", "Malformed", "most_telling", "read"]


@dataclass(frozen=True, slots=True)
class Format:
    """A plug-in: codes that begin with `prefix` are its own."""

    prefix: str
    read: Callable[[str], Credential | Malformed]


FORMATS = (Format(vp1.PREFIX, vp1.read),)


def read(text: str) -> Credential | Malformed:
    """Read the text of one code. Any text is answered; nothing is raised."""
    for known in FORMATS:
        if text.startswith(known.prefix):
            return known.read(text)
    return Malformed("unknown_format")


def most_telling(texts: Iterable[str]) -> tuple[str, ...]:
    """Of all texts in view, those that count: the passes if there are any, else the first other text.

    Two passes are two people: the gate never chooses between them.
    """
    texts = tuple(dict.fromkeys(texts))
    passes = tuple(text for text in texts if any(text.startswith(known.prefix) for known in FORMATS))
    return passes or texts[:1]
