"""What collector.toml may say about messages; passwords stand in files of their own or in the environment."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import msgspec

from sync.collector.errors import Mistake
from sync.collector.outbound.addresses import Rules
from sync.collector.outbound.errors import NotAllowed

MAIL_VARIABLE, SMS_VARIABLE = "COLLECTOR_MAIL_PASSWORD", "COLLECTOR_SMS_SECRET"
_MAX_SECRET_BYTES = 4_096


class Security(str, Enum):
    """How the connection to a mail server is protected. none: only on a line that nobody else hears."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}


class MailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[mail]`. sender: where mails come from. ca: PEM file of the server's authority, None: the machine's."""

    host: str
    sender: str
    name: str = "Venue Gate 场所通行"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None = None
    security: Security = Security.STARTTLS
    user: str | None = None
    password_file: str | None = None
    ca: str | None = None

    @property
    def fitting_port(self) -> int:
        """RFC 8314 §3.3, unless said."""
        return self.port or _PORTS[self.security]


class SmsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[sms]`: a gateway that takes JSON by POST.

    url: naming it here allows it, also by http and inside a private network. headers, body: {phone} is the number as
    +8613…, {national} without +86, {text} the text, {id} the message's id, {secret} the password. success: members that
    the answer must have with these values; none: the status alone counts.
    """

    url: str
    body: dict[str, Any]
    headers: dict[str, str] = {}
    success: dict[str, Any] = {}
    secret_file: str | None = None
    ca: str | None = None


class MessagesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[messages]`. directory: where messages are written as files that have no [mail] or [sms] to leave by."""

    directory: str | None = None


class OutboundSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[outbound]`. allow: servers to which webhooks may go though they stand inside, or speak http.

    ca: PEM file of their authority, None: the machine's.
    """

    allow: tuple[str, ...] = ()
    ca: str | None = None

    def rules(self) -> Rules:
        """Raises Mistake."""
        try:
            return Rules.allowing(self.allow)
        except NotAllowed as cause:
            raise Mistake(f"outbound.allow in collector.toml: {cause}") from cause


def secret(file: str | None, variable: str) -> str | None:
    """A password: the environment's, else the file's first line; None for neither. Raises Mistake without it."""
    if said := os.environ.get(variable):
        return said
    if file is None:
        return None
    try:
        with Path(file).open("rb") as opened:
            lines = opened.read(_MAX_SECRET_BYTES).decode().splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        why = cause.strerror if isinstance(cause, OSError) else "it is no text"
        raise Mistake(f"the password file {file} cannot be read: {why}") from cause
    if not lines or not lines[0].strip():
        raise Mistake(f"the password file {file} is empty")
    return lines[0].strip()
