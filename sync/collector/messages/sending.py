"""Sends what is due: claims a message, lets its messenger carry it, writes down how that ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sync.collector.database import Database
from sync.collector.errors import CollectorError, DatabaseUnavailable
from sync.collector.messages import queue
from sync.collector.messages.addresses import MAIL, PHONE
from sync.collector.messages.directory import DirectoryMessenger
from sync.collector.messages.gateway import GatewayMessenger
from sync.collector.messages.port import Message, Messenger, Never, NotYet
from sync.collector.messages.queue import Claimed, Queue
from sync.collector.messages.settings import MailSettings, MessagesSettings, SmsSettings
from sync.collector.messages.smtp import MailMessenger

_log = logging.getLogger(__name__)
_ROUND_SECONDS = 60.0


class Missing:
    """The messenger of a channel that collector.toml says nothing about: messages wait for it, until they expire."""

    def __init__(self, section: str) -> None:
        self._section = section

    def send(self, message: Message) -> None:
        raise NotYet(f"collector.toml has no [{self._section}], and no messages.directory", concerns_all=True)


def messengers(mail: MailSettings | None, sms: SmsSettings | None, messages: MessagesSettings) -> dict[str, Messenger]:
    """By channel, as collector.toml says; the directory takes what has no way of its own. Raises Mistake."""
    spare = None if messages.directory is None else DirectoryMessenger(Path(messages.directory))
    return {
        MAIL: MailMessenger(mail) if mail else spare or Missing("mail"),
        PHONE: GatewayMessenger(sms) if sms else spare or Missing("sms"),
    }


@dataclass
class Sender:
    """One round after the other; any number of them work on one database. now: seconds since 1970."""

    database: Database
    queue: Queue
    messengers: Mapping[str, Messenger]
    now: Callable[[], float]
    is_stopped: Callable[[], bool] = lambda: False
    elapsed: Callable[[], float] = time.monotonic

    def send_due(self) -> int:
        """Send what is due, for a minute at most; how many left. Raises DatabaseUnavailable."""
        queue.expire(self.database, self.now())
        began, sent, broken = self.elapsed(), 0, set[str]()
        while self.elapsed() - began < _ROUND_SECONDS and not self.is_stopped():
            claimed = self.queue.claim(self.database, self.now(), broken)
            if claimed is None:
                break
            try:
                self._send(claimed)
                sent += 1
            except NotYet as failure:
                why = str(failure)
                self.queue.postponed(self.database, claimed, self.now(), why, failure.retry_after)
                if failure.concerns_all:  # the others need not each wait for the same time-out
                    broken.add(claimed.channel)
                _log.warning("message %s not sent (attempt %d): %s", claimed.id, claimed.tries, why)
            except DatabaseUnavailable:
                raise
            except CollectorError as failure:  # Never, and a text that does not open
                self.queue.given_up(self.database, claimed, self.now(), str(failure))
                _log.error("message %s is given up: %s", claimed.id, failure)
        return sent

    def _send(self, claimed: Claimed) -> None:
        messenger = self.messengers.get(claimed.channel)
        if messenger is None:
            raise Never(f"there is no way to send to {claimed.channel}:")
        messenger.send(self.queue.open(claimed))
        self.queue.delivered(self.database, claimed, self.now())
        _log.info("message %s left by %s (attempt %d)", claimed.id, claimed.channel, claimed.tries)
