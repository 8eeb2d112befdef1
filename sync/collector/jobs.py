"""The attendant's jobs: what, and how often."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from sync.collector.accounts import limits, secrets, service, sessions
from sync.collector.alarms.service import recipients_of
from sync.collector.alarms.watching import EVERY_SECONDS, Watchman
from sync.collector.attendant import Job
from sync.collector.centre import Centre
from sync.collector.messages.queue import Queue
from sync.collector.messages.sending import Sender
from sync.collector.registration import service as registrations
from sync.collector.visitors.phone import remembering
from sync.collector.visitors.status import reach
from sync.collector.ways import ways

_FORGET_SECONDS = 3600.0
_SEND_SECONDS = 3.0  # somebody waits for a one-time link
_LAPSE_SECONDS = 3.0  # so that online gates know within ten


def standing(centre: Centre, is_stopped: Callable[[], bool]) -> list[Job]:
    """All of them. Raises CollectorError for settings that cannot be meant."""
    key = secrets.load(centre.state)
    queue, recipients = Queue(key, random.random), recipients_of(centre, key)
    sender = Sender(centre.database, queue, ways(centre, recipients), time.time, is_stopped)
    watchman = Watchman(queue, recipients)
    return [
        Job("alarms", EVERY_SECONDS, watchman.look),
        Job("messages", _SEND_SECONDS, lambda _centre, _now: sender.send_due()),
        Job("accounts", _FORGET_SECONDS, _forget),
        Job("status", _LAPSE_SECONDS, lambda centre, now: _lapse(centre, now, is_stopped)),
    ]


def _forget(centre: Centre, now: float) -> None:
    """Sessions that are over, failures that count no longer, links that nobody used, nonces that nobody sends again,
    visitors' codes and phones."""
    with centre.database.write() as session:
        sessions.forget_old(session, now)
        limits.forget_old(session, now)
        service.forget_old_links(session, now)
        registrations.forget_old(session, now)
        remembering.forget_old(session, now)


def _lapse(centre: Centre, now: float, is_stopped: Callable[[], bool]) -> None:
    """Somebody's term is over: their passes follow."""
    reach.settle_lapsed(centre.database, centre.settings.status, now, is_stopped)
