"""Key words: a public key in a form that two people compare over a telephone (R25).

Five words of the BIP-39 lists (2,048 each): 55 bits of a hash of the key. Whoever wants to be taken for a device must
find another key with the same words, 2^54 tries on average, in the minutes before IT compares them. What they do NOT
establish: that somebody did compare them.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from mnemonic import Mnemonic

WORDS = 5
_BITS = 11
_LABEL = b"venue-gate/key-words/1"


def key_words(public: bytes) -> tuple[str, str]:
    """The words of a device's public key, English and Chinese; the same places in both lists."""
    number = int.from_bytes(sha256(_LABEL + public).digest(), "big") >> (256 - WORDS * _BITS)
    places = [number >> (_BITS * (WORDS - 1 - index)) & (2**_BITS - 1) for index in range(WORDS)]
    return " ".join(_list("english")[place] for place in places), "".join(
        _list("chinese_simplified")[place] for place in places
    )


@cache
def _list(language: str) -> list[str]:
    words: list[str] = Mnemonic(language).wordlist
    return words
