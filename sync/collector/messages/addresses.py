"""PURE: where a message may go: an e-mail address or a telephone number, in one spelling each."""

from __future__ import annotations

import re

from sync.collector.errors import Mistake

MAIL, PHONE = "mailto", "tel"
_MAX_MAIL = 254  # RFC 5321 §4.5.3.1.3
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MAIL_FORM = re.compile(rf"[a-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_MAINLAND_FORM = re.compile(r"1[3-9][0-9]{9}")
_E164_FORM = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164 §6
_MAINLAND = "+86"


def normalized(asked: str) -> str:
    """`mailto:` or `tel:` with the number in E.164, from either with or without its scheme. Raises Mistake."""
    scheme, colon, rest = asked.strip().partition(":")
    value = rest if colon and scheme.lower() in (MAIL, PHONE) else asked.strip()
    if len(value) <= _MAX_MAIL and _MAIL_FORM.fullmatch(value) and scheme.lower() != PHONE:
        return f"{MAIL}:{value}"
    digits = value.replace(" ", "").replace("-", "")
    if _MAINLAND_FORM.fullmatch(digits):
        digits = _MAINLAND + digits
    if not _E164_FORM.fullmatch(digits) or scheme.lower() == MAIL:
        raise Mistake("an address is an e-mail address, or a mobile number: 11 digits, or + and the country's code")
    return f"{PHONE}:{digits}"


def masked(to: str) -> str:
    """What a list may show of it: m…@example.org, …5678."""
    scheme, _, value = to.partition(":")
    if scheme == MAIL:
        name, _, domain = value.rpartition("@")
        return f"{name[:1]}…@{domain}"
    return f"…{value[-4:]}"


def national(number: str) -> str:
    """A mainland number without its country's code, as many gateways want it; any other as it is."""
    inland = number.removeprefix(_MAINLAND)
    return inland if _MAINLAND_FORM.fullmatch(inland) else number
