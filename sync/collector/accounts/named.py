"""PURE: how the audit names an account. Nothing personal stands in lines that are never deleted."""

from __future__ import annotations

import re

_SOMEBODY_S = re.compile(r".*@.*|[0-9]{5,}")


def named(number: int, login: str) -> str:
    """The login; "#7" where that is a phone or a mailbox, as of accounts that people made themselves."""
    return f"#{number}" if _SOMEBODY_S.fullmatch(login) else login
