"""PURE but for the secret's randomness: the second factor, six digits that a phone shows for 30 seconds (RFC 6238)."""

from __future__ import annotations

import hmac

import pyotp

STEP_SECONDS = 30
_ISSUER = "场所通行 Venue Gate"
_TOLERATED_STEPS = 1  # of a phone's clock, each way (RFC 6238 §5.2)


def new_secret() -> str:
    """160 bits in Base32 (RFC 4226 §4)."""
    return pyotp.random_base32()


def uri(secret: str, login: str) -> str:
    """What an authenticator reads as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now: float, after_step: int) -> int | None:
    """The step whose code that is, None where it is wrong or none later than after_step: no code counts twice."""
    digits = "".join(code.split())
    current = int(now) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(current - _TOLERATED_STEPS, current + _TOLERATED_STEPS + 1):
        if step > after_step and hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), digits.encode()):
            return step
    return None
