"""The first page: what the one who is signed in may do, and as what."""

from __future__ import annotations

from flask import Blueprint, render_template

from sync.collector.accounts import guard, words
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre


def blueprint(centre: Centre) -> Blueprint:
    """`/`."""
    pages = Blueprint("home", __name__)

    @pages.get("/")
    @requires(Action.HOME)
    def index() -> str:
        with centre.database.read() as session:
            roles = [words.appointment(session, each) for each in guard.who().appointments]
        return render_template("home.html", roles=roles)

    return pages
