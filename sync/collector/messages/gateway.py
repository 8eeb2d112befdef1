"""SMS through a gateway that takes JSON by POST: which one, and how it wants it, says `[sms]` in collector.toml."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sync.collector.errors import Mistake
from sync.collector.messages.addresses import national
from sync.collector.messages.port import Message, Never, NotYet
from sync.collector.messages.settings import SMS_VARIABLE, SmsSettings, secret
from sync.collector.outbound.addresses import Rules
from sync.collector.outbound.errors import NotAllowed, OutboundError, PeerFault
from sync.collector.outbound.post import Patience, Poster

FOR_GOOD = frozenset({400, 410, 413, 414, 415, 422})
"""Statuses that say that this very message will not be taken. Others someone may mend before it expires."""
_PATIENCE = Patience()
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class GatewayMessenger:
    """Raises Mistake for an address that is none."""

    def __init__(self, settings: SmsSettings, patience: Patience = _PATIENCE) -> None:
        try:
            rules = Rules.allowing([settings.url])
        except NotAllowed as cause:
            raise Mistake(f"sms.url in collector.toml: {cause}") from cause
        self._settings, self._poster = settings, Poster(rules, settings.ca, patience)

    def send(self, message: Message) -> None:
        """Raises NotYet, Never."""
        number = message.to.partition(":")[2]
        fill = {"phone": number, "national": national(number), "text": message.text, "id": message.id}
        try:
            fill["secret"] = secret(self._settings.secret_file, SMS_VARIABLE) or ""
        except Mistake as cause:
            raise NotYet(str(cause), concerns_all=True) from cause
        headers = {name: filled(value, fill) for name, value in self._settings.headers.items()}
        body = json.dumps(filled(self._settings.body, fill), ensure_ascii=False).encode()
        with_type = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", **headers}
        try:
            answer = self._poster.post(self._settings.url, body, with_type)
        except OutboundError as failure:
            raise undelivered(failure) from failure
        if self._settings.success:
            self._judge(answer.body, number)

    def _judge(self, body: bytes, number: str) -> None:
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as cause:
            raise NotYet("the gateway's answer is no JSON: whether it took the message is not known") from cause
        for name, wanted in self._settings.success.items():
            found = said.get(name) if isinstance(said, dict) else None
            if type(found) is not type(wanted) or found != wanted:
                raise NotYet(f"the gateway answers {name} = {_shown(found, number)}")


def filled(form: Any, fill: Mapping[str, str]) -> Any:
    """A template with its words put in: into the values of what was parsed, so that no text becomes structure."""
    if isinstance(form, str):
        parts = form.split("{")
        # In one pass: a text that reads {secret} stays that text.
        return parts[0] + "".join(_word(part, fill) for part in parts[1:])
    if isinstance(form, dict):
        return {name: filled(value, fill) for name, value in form.items()}
    if isinstance(form, list):
        return [filled(value, fill) for value in form]
    return form


def _word(part: str, fill: Mapping[str, str]) -> str:
    name, brace, rest = part.partition("}")
    return fill[name] + rest if brace and name in fill else "{" + part


def undelivered(failure: OutboundError) -> NotYet | Never:
    """What a failed POST means for the message that it carried."""
    if isinstance(failure, NotAllowed):
        return Never(str(failure))
    if not isinstance(failure, PeerFault):
        return NotYet(str(failure), concerns_all=True)
    if failure.status in FOR_GOOD:
        return Never(str(failure))
    return NotYet(str(failure), failure.retry_after, concerns_all=failure.status in (None, 401, 403, 429))


def _shown(found: Any, number: str) -> str:
    """A short code of the peer's; never a sentence, which could repeat text or number."""
    shown = str(found)
    return shown if _CODE.fullmatch(shown) and number[-8:] not in shown else "something else"
