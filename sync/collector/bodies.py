"""How much a request may bring: as much as a batch, and more on the routes that say so – for who may use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

from sync.collector.accounts import guard
from sync.collector.accounts.permissions import Action

_View = TypeVar("_View", bound=Callable[..., Any])


def takes(most_bytes: int) -> Callable[[_View], _View]:
    """A route that takes a body of that size."""

    def mark(view: _View) -> _View:
        view.__dict__["most_bytes"] = most_bytes
        return view

    return mark


def init_app(app: Flask) -> None:
    """Before anything else looks into a body."""
    app.before_request(_allow)


def _allow() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    most = getattr(view, "most_bytes", None)
    action = getattr(view, "action", None)
    if most is not None and isinstance(action, Action) and guard.allowed(action):
        request.max_content_length = most
