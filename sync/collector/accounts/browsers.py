"""A browser that signed in before is known again: strangers' wrong guesses lock nobody out of their own account.

What it does NOT establish: who sits there. It only chooses by what failures are counted (OWASP: device cookies).
"""

from __future__ import annotations

from typing import Any

from flask import request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from sync.collector.accounts import guard
from sync.collector.accounts.secrets import AccountKey

_NAME = "known-browser"
_SECONDS = 180 * 86_400
_MOST = 5


def is_known(key: AccountKey, login: str) -> bool:
    """Whether that login was signed in to from there."""
    return _mark(key, login) in _marks(key)


def remember(answer: Any, key: AccountKey, login: str) -> Any:
    """Add a login to what the browser keeps; the answer with the cookie."""
    mark = _mark(key, login)
    marks = [mark, *(each for each in _marks(key) if each != mark)][:_MOST]
    answer.set_cookie(
        _NAME,
        _serializer(key).dumps(marks),
        max_age=_SECONDS,
        path="/sign-in",
        secure=guard.is_front(),
        httponly=True,
        samesite="Lax",
    )
    return answer


def _marks(key: AccountKey) -> list[str]:
    try:
        found = _serializer(key).loads(request.cookies.get(_NAME, ""), max_age=_SECONDS)
    except BadSignature:
        return []
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _mark(key: AccountKey, login: str) -> str:
    return key.hash("browser", login.strip().lower()).hex()


def _serializer(key: AccountKey) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key.cookies, salt=_NAME)
