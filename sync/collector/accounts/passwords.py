"""Passwords: what may be one, and what is kept of it (Argon2id, RFC 9106 §4, second recommended option).

A password is judged by how many guesses it would take (zxcvbn), not by its kinds of characters (NIST SP 800-63B
§5.1.1.2).
"""

from __future__ import annotations

from threading import Semaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

MIN_LENGTH, MAX_LENGTH = 10, 128
_LEAST_SCORE = 3  # of 4: at least 10^8 guesses
_JUDGED_LENGTH = 72  # more takes zxcvbn seconds, and changes nothing
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
_AT_ONCE = Semaphore(2)  # 64 MiB each: a flood of sign-ins waits, and gates are served
_NOBODY = (  # of 32 random bytes that nobody kept
    "$argon2id$v=19$m=65536,t=3,p=4$TufiZ6ZkBFyEdc270bgyZw$hOCMhgUcZL1ujQ339cH62yqvVSOGHnhzkXx1+QEGQ20"
)


def is_strong(password: str, *known: str) -> bool:
    """Whether it may be chosen. known: words that a guesser tries first, such as the login and the name."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return False
    return int(zxcvbn(password[:_JUDGED_LENGTH], user_inputs=list(known))["score"]) >= _LEAST_SCORE


def hashed(password: str) -> str:
    """What is kept, in the PHC string format."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Whether that is the password. Takes as long where there is none (kept: None), so that time tells nothing."""
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept or _NOBODY, password[: MAX_LENGTH + 1]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False
