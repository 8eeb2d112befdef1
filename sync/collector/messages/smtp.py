"""E-mail by SMTP (RFC 5321), over TLS from the start (RFC 8314) or by STARTTLS (RFC 3207), bounded in time."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from re import match

from sync.causes import sentence
from sync.collector.errors import Mistake
from sync.collector.messages.port import Message, Never, NotYet
from sync.collector.messages.settings import MAIL_VARIABLE, MailSettings, Security, secret
from sync.cut import Cut

_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class MailPatience:
    """step: for each answer of the server. whole: from the connection to the last answer."""

    step_seconds: float = 15.0
    whole_seconds: float = 45.0


class MailMessenger:
    """Sends each message in a connection of its own. Raises Mistake for settings that cannot be meant."""

    def __init__(self, settings: MailSettings, patience: MailPatience = MailPatience()) -> None:
        self._settings, self._patience = settings, patience
        self._sender = _address(settings.sender, settings.name)
        if settings.user and settings.security is Security.NONE and settings.host not in _LOCAL:
            raise Mistake('mail.user needs mail.security = "tls" or "starttls": else the password is sent in clear')

    def send(self, message: Message) -> None:
        """Raises NotYet, Never."""
        mail = self._mail(message)
        with self._bounded() as cut, _failures_told_apart():
            server = _Server(self._settings, self._context(), self._patience.step_seconds, cut)
            try:
                self._introduce(server)
                server.send_message(mail, self._settings.sender, [mail["To"].addresses[0].addr_spec])
                with suppress(smtplib.SMTPException, OSError):  # it was taken: a bad farewell changes nothing
                    server.docmd("QUIT")
            finally:
                server.close()

    def _introduce(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        if self._settings.security is Security.STARTTLS:
            server.starttls(context=self._context())
            server.ehlo()
        if self._settings.user:
            server.login(self._settings.user, self._password())

    def _password(self) -> str:
        try:
            return secret(self._settings.password_file, MAIL_VARIABLE) or ""
        except Mistake as cause:
            raise NotYet(str(cause), concerns_all=True) from cause

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca)
        except OSError as cause:
            raise NotYet(f"mail.ca: {self._settings.ca}: {sentence(cause)}", concerns_all=True) from cause

    def _mail(self, message: Message) -> EmailMessage:
        """The library refuses a line break in any header; `Message` has refused it before."""
        domain = self._settings.sender.rpartition("@")[2]
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = _address(message.to.partition(":")[2])
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{message.id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday notice comes back
        mail["Content-Language"] = message.language
        mail.set_content(message.text, cte="base64")
        return mail

    @contextmanager
    def _bounded(self) -> Iterator[Cut]:
        cut = Cut()
        timer = threading.Timer(self._patience.whole_seconds, cut.cut)
        timer.daemon = True
        timer.start()
        try:
            yield cut
        finally:
            timer.cancel()
            cut.cut()


class _Server(smtplib.SMTP):
    """smtplib's client whose connection can be cut, and which never asks the network for its own name."""

    def __init__(self, settings: MailSettings, context: ssl.SSLContext, timeout: float, cut: Cut) -> None:
        self._wrap = context if settings.security is Security.TLS else None
        self._cut = cut
        super().__init__(settings.host, settings.fitting_port, socket.gethostname(), timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected = socket.create_connection((host, port), timeout)
        self._cut.watch(connected)
        return self._wrap.wrap_socket(connected, server_hostname=host) if self._wrap else connected


def _address(addr_spec: str, name: str = "") -> Address:
    try:
        return Address(name, addr_spec=addr_spec)
    except (ValueError, IndexError) as cause:
        raise Mistake("mail.sender in collector.toml is an e-mail address, such as gates@town.example") from cause


@contextmanager
def _failures_told_apart() -> Iterator[None]:
    """A server's own words may repeat the address or the text: only its codes are told."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as cause:
        raise _refused(*next(iter(cause.recipients.values())), "the address") from cause
    except smtplib.SMTPDataError as cause:
        raise _refused(cause.smtp_code, cause.smtp_error, "the message") from cause
    except smtplib.SMTPAuthenticationError as cause:
        raise NotYet(f"the mail server refuses the user or password ({cause.smtp_code})", concerns_all=True) from cause
    except smtplib.SMTPResponseException as cause:
        code = _code(cause.smtp_code, cause.smtp_error)
        raise NotYet(f"the mail server refuses this centre ({code})", concerns_all=True) from cause
    except smtplib.SMTPNotSupportedError as cause:
        raise NotYet(f"the mail server cannot do what mail.security asks: {cause}", concerns_all=True) from cause
    except (smtplib.SMTPException, OSError) as cause:
        raise NotYet(f"the mail server is not reached: {sentence(cause)}", concerns_all=True) from cause


def _refused(status: int, reply: bytes | str, what: str) -> NotYet | Never:
    told = f"the mail server refuses {what} ({_code(status, reply)})"
    return Never(told) if status >= 500 else NotYet(told)  # RFC 5321 §4.2.1


def _code(status: int, reply: bytes | str) -> str:
    """With the enhanced status (RFC 3463) where there is one."""
    text = reply if isinstance(reply, str) else reply.decode("ascii", "replace")
    enhanced = match(r"[245]\.\d{1,3}\.\d{1,3}", text)
    return f"{status} {enhanced[0]}" if enhanced else str(status)
