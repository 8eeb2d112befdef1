"""All the ways on which messages leave this centre, as its settings say."""

from __future__ import annotations

import time

from sync.collector.alarms.recipients import WEBHOOK, Recipients
from sync.collector.alarms.webhooks import WebhookMessenger
from sync.collector.centre import Centre
from sync.collector.messages.port import Messenger
from sync.collector.messages.sending import messengers
from sync.collector.outbound.post import Poster


def ways(centre: Centre, recipients: Recipients) -> dict[str, Messenger]:
    """By channel. Raises Mistake for settings that cannot be meant."""
    settings = centre.settings
    poster = Poster(settings.outbound.rules(), settings.outbound.ca)
    return {
        **messengers(settings.mail, settings.sms, settings.messages),
        WEBHOOK: WebhookMessenger(centre.database, recipients, poster, time.time),
    }
