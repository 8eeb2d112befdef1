"""The attendant's jobs: what, and how often."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from sync.collector.accounts import secrets
from sync.collector.attendant import Job
from sync.collector.centre import Centre
from sync.collector.messages.queue import Queue
from sync.collector.messages.sending import Sender, messengers

_SEND_SECONDS = 3.0  # somebody waits for a one-time link


def standing(centre: Centre, is_stopped: Callable[[], bool]) -> list[Job]:
    """All of them. Raises CollectorError for settings that cannot be meant."""
    settings = centre.settings
    ways = messengers(settings.mail, settings.sms, settings.messages)
    queue = Queue(secrets.load(centre.state), random.random)
    sender = Sender(centre.database, queue, ways, time.time, is_stopped)
    return [Job("messages", _SEND_SECONDS, lambda _centre, _now: sender.send_due())]
