"""The three ways to people – SMTP, an SMS gateway, a directory – against real peers: one contract."""

from __future__ import annotations

import errno
import json
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from sync.collector.errors import Mistake
from sync.collector.messages.addresses import masked, national, normalized
from sync.collector.messages.directory import DirectoryMessenger
from sync.collector.messages.gateway import GatewayMessenger
from sync.collector.messages.port import Message, Messenger, Never, NotDelivered, NotYet
from sync.collector.messages.settings import MailSettings, Security, SmsSettings
from sync.collector.messages.smtp import MailMessenger, MailPatience
from sync.collector.outbound.post import Patience
from sync.outbox.system import System
from tests.sync.collector.peers import answering, certificate, drip, endless, gone, half, silent
from tests.sync.wires import Server, Told, serving

PASSWORD = "hunter2-geheim"
TEXT = '南门1号闸机 "静默" {secret} {phone} \\ \n.\n第二行：' + "长" * 300
QUICK_MAIL = MailPatience(step_seconds=0.4, whole_seconds=0.8)
QUICK = Patience(connect_seconds=2.0, read_seconds=0.4, whole_seconds=0.8)


@dataclass
class Post:
    """A real SMTP server's answers and what it was given. says: replies in place of 250, by command."""

    says: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if "RCPT" in self.says:
            return self.says["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if "DATA" in self.says:
            return self.says["DATA"]
        mail = message_from_bytes(envelope.content, policy=policy.SMTP)
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, cast(EmailMessage, mail)))
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
        assert isinstance(said, LoginPassword)
        self.logins.append((said.login, said.password))
        return AuthResult(success=said.password == PASSWORD.encode(), handled=False)


@dataclass
class Peer:
    """One messenger, and what stands on its other end. received: (to, text) of each, in order of arrival."""

    messenger: Messenger
    to: str
    received: Callable[[], list[tuple[str, str]]]
    identities: Callable[[], set[str]]
    break_down: Callable[[], None]
    recover: Callable[[], None]
    refuse: Callable[[], None] | None = None


class FailingDisk(System):
    """A disk whose writes fail while `failing` says so."""

    failing: int | None = None

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        if self.failing is not None:
            raise OSError(self.failing, "the disk")
        return super().write(descriptor, content)


class AnyPort(Controller):
    """aiosmtpd's controller asks itself whether it answers: at the port that it got."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def smtp_server(post: Post, stack: ExitStack, **options: Any) -> int:
    server = AnyPort(post, hostname="127.0.0.1", port=0, **options)
    server.start()
    stack.callback(server.stop)
    return int(server.port)


def mail_settings(port: int, **changes: Any) -> MailSettings:
    return MailSettings(
        **{"host": "127.0.0.1", "sender": "gates@town.example", "port": port, "security": Security.NONE} | changes
    )


def mail_peer(stack: ExitStack, _directory: Path) -> Peer:
    post = Post()
    port = smtp_server(post, stack)
    return Peer(
        MailMessenger(mail_settings(port), QUICK_MAIL),
        "mailto:it@town.example",
        lambda: [(f"mailto:{tos[0]}", text_of(mail)) for _, tos, mail in post.taken],
        lambda: {mail["Message-ID"] for _, _, mail in post.taken},
        lambda: post.says.update(DATA="451 4.3.0 try later, it@town.example"),
        post.says.clear,
        lambda: post.says.update(RCPT="550 5.1.1 <it@town.example> unknown"),
    )


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n").removesuffix("\n")


def sms_settings(server: Server, **changes: Any) -> SmsSettings:
    settings = {
        "url": server.address + "/send",
        "body": {"to": ["{phone}"], "mobile": "{national}", "content": "【场所通行】{text}", "key": "{id}", "sign": 7},
        "headers": {"Authorization": "Bearer {secret}"},
        "success": {"code": 0},
    }
    return SmsSettings(**settings | changes)


def taking(told: Told) -> None:
    told.reply(200, b'{"code": 0, "msg": "OK"}')


def sms_peer(stack: ExitStack, _directory: Path) -> Peer:
    taken: list[dict[str, Any]] = []

    def take(told: Told) -> None:
        taken.append(json.loads(told.body))
        taking(told)

    server = stack.enter_context(serving(take))
    return Peer(
        GatewayMessenger(sms_settings(server), QUICK),
        "tel:+8613812345678",
        lambda: [(f"tel:{body['to'][0]}", body["content"].removeprefix("【场所通行】")) for body in taken],
        lambda: {body["key"] for body in taken},
        lambda: setattr(server, "script", lambda told: told.reply(503)),
        lambda: setattr(server, "script", take),
        lambda: setattr(server, "script", lambda told: told.reply(400, b"+8613812345678 is no number")),
    )


def directory_peer(_stack: ExitStack, directory: Path) -> Peer:
    disk = FailingDisk()
    heads: Callable[[], list[tuple[dict[str, str], str]]] = lambda: [  # noqa: E731
        (dict(line.split(": ", 1) for line in head.splitlines()), text.removesuffix("\n"))
        for head, text in (
            path.read_text(encoding="utf-8").split("\n\n", 1) for path in sorted((directory / "out").glob("*.txt"))
        )
    ]
    return Peer(
        DirectoryMessenger(directory / "out", disk),
        "mailto:it@town.example",
        lambda: [(head["To"], text) for head, text in heads()],
        lambda: {path.name for path in (directory / "out").glob("*.txt")},
        lambda: setattr(disk, "failing", errno.ENOSPC),
        lambda: setattr(disk, "failing", None),
    )


PEERS = {"mail": mail_peer, "sms": sms_peer, "directory": directory_peer}


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    monkeypatch.setenv("COLLECTOR_SMS_SECRET", PASSWORD)
    with ExitStack() as stack:
        yield PEERS[request.param](stack, tmp_path)


def message(to: str, number: int = 1, **changes: Any) -> Message:
    return Message(**{"to": to, "subject": "闸机告警", "text": TEXT, "id": f"{number:032x}"} | changes)


def test_the_text_arrives_as_it_is(peer: Peer) -> None:
    """Quotes, braces, a lone dot, long lines of Chinese: no template, no JSON, no SMTP takes anything for its own."""
    peer.messenger.send(message(peer.to))
    assert peer.received() == [(peer.to, TEXT)]


def test_a_message_that_is_sent_twice_has_one_identity(peer: Peer) -> None:
    """Whoever is killed between sending and writing it down sends again."""
    peer.messenger.send(message(peer.to))
    peer.messenger.send(message(peer.to))
    assert len(peer.identities()) == 1
    peer.messenger.send(message(peer.to, 2))
    assert len(peer.identities()) == 2


def test_a_peer_in_trouble_is_tried_again_later(peer: Peer) -> None:
    """And nothing half done is left behind."""
    peer.break_down()
    with pytest.raises(NotYet) as caught:
        peer.messenger.send(message(peer.to))
    assert_keeps_secrets(caught.value, peer)
    peer.recover()
    peer.messenger.send(message(peer.to, 2))
    assert peer.received()[-1] == (peer.to, TEXT)


@pytest.mark.parametrize("peer", ["mail", "sms"], indirect=True)
def test_a_refusal_of_this_message_is_for_good(peer: Peer) -> None:
    """A wrong address stays wrong. A disk takes every message."""
    assert peer.refuse is not None
    peer.refuse()
    with pytest.raises(Never) as caught:
        peer.messenger.send(message(peer.to))
    assert_keeps_secrets(caught.value, peer)


def assert_keeps_secrets(failure: NotDelivered, peer: Peer) -> None:
    """What is written into the database and the log."""
    for secret in (peer.to.partition(":")[2], PASSWORD, "静默", "13812345678"):
        assert secret not in str(failure)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "x\r\nBcc: all@town.example"},
        {"subject": "x\ny"},
        {"subject": "x" * 201},
        {"text": ""},
        {"text": " \n"},
        {"text": "x" * 60_001},
        {"text": "x\r\n.\r\nMAIL FROM:<a@b>"},
        {"text": "\0"},
    ],
    ids=repr,
)
def test_a_message_that_could_be_more_than_one_is_none(changes: dict[str, str]) -> None:
    with pytest.raises(Mistake):
        message("mailto:a@b.example", **changes)


@pytest.mark.parametrize(
    ("asked", "to"),
    [
        ("it@town.example", "mailto:it@town.example"),
        (" mailto:IT+gates@town.example ", "mailto:IT+gates@town.example"),
        ("13812345678", "tel:+8613812345678"),
        ("tel:138 1234-5678", "tel:+8613812345678"),
        ("+44 20 7946 0000", "tel:+442079460000"),
    ],
)
def test_an_address_has_one_spelling(asked: str, to: str) -> None:
    assert normalized(asked) == to


@pytest.mark.parametrize(
    "asked",
    [
        *("", "it", "a@b@c", "a b@c.example", "a@b.example\r\nBcc: x@y.example", "<a@b.example>", "a@b..example"),
        *("mailto:13812345678", "tel:a@b.example", "12345", "+0123456789", "１３８12345678", "a@b.example,c@d.example"),
        *("https://hook.example", "tel:", "mailto:", "ä@b.example", "x" * 65 + "@b.example"),
    ],
)
def test_what_is_no_address_is_a_mistake(asked: str) -> None:
    with pytest.raises(Mistake):
        normalized(asked)


def test_a_list_shows_little_of_an_address() -> None:
    assert (masked("mailto:zhang.san@town.example"), masked("tel:+8613812345678")) == ("z…@town.example", "…5678")
    assert (national("+8613812345678"), national("+442079460000")) == ("13812345678", "+442079460000")


# E-mail


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as open_until_the_end:
        yield open_until_the_end


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_mail_goes_over_tls_to_a_server_that_proves_itself(
    stack: ExitStack, tmp_path: Path, security: Security
) -> None:
    """With user and password; without the right authority nothing is said, least of all the password."""
    signed, private = certificate(tmp_path)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, private)
    post = Post()
    tls = (
        {"tls_context": context, "require_starttls": True}
        if security is Security.STARTTLS
        else {"ssl_context": context}
    )
    port = smtp_server(
        post, stack, authenticator=post.authenticate, auth_require_tls=security is Security.STARTTLS, **tls
    )
    settings = mail_settings(
        port, security=security, user="gates", password_file=str(tmp_path / "password"), ca=str(signed)
    )
    MailMessenger(settings, QUICK_MAIL).send(message("mailto:it@town.example"))
    ((sender, recipients, mail),) = post.taken
    assert post.logins == [(b"gates", PASSWORD.encode())]
    assert (sender, recipients, mail["To"]) == ("gates@town.example", ["it@town.example"], "it@town.example")
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("闸机告警", "auto-generated")
    assert mail["From"] == "Venue Gate 场所通行 <gates@town.example>"

    with pytest.raises(NotYet, match="certificate") as caught:
        MailMessenger(mail_settings(port, security=security, user="gates"), QUICK_MAIL).send(
            message("mailto:a@b.example")
        )
    assert caught.value.concerns_all
    (tmp_path / "password").write_text("wrong")
    with pytest.raises(NotYet, match=r"user or password \(535\)"):
        MailMessenger(settings, QUICK_MAIL).send(message("mailto:a@b.example"))
    assert len(post.taken) == 1


def test_a_server_without_starttls_gets_nothing(stack: ExitStack) -> None:
    """Somebody on the line could have taken the offer away."""
    post = Post()
    port = smtp_server(post, stack)
    with pytest.raises(NotYet, match="STARTTLS"):
        MailMessenger(mail_settings(port, security=Security.STARTTLS), QUICK_MAIL).send(message("mailto:a@b.example"))
    assert post.taken == []


@pytest.mark.parametrize(
    ("command", "reply", "kind", "code"),
    [
        ("RCPT", "450 4.2.0 greylisted", NotYet, "450 4.2.0"),
        ("RCPT", "550 5.1.1 nobody", Never, "550 5.1.1"),
        ("DATA", "451 busy", NotYet, "451"),
        ("DATA", "554 5.7.1 spam: 静默", Never, "554 5.7.1"),
    ],
)
def test_a_mail_servers_code_says_whether_to_try_again(
    stack: ExitStack, command: str, reply: str, kind: type[NotDelivered], code: str
) -> None:
    """RFC 5321 §4.2.1; its words stay out of it, for they may repeat ours."""
    port = smtp_server(Post({command: reply}), stack)
    with pytest.raises(kind) as caught:
        MailMessenger(mail_settings(port), QUICK_MAIL).send(message("mailto:a@b.example"))
    assert str(caught.value).endswith(f"({code})")


@pytest.mark.parametrize(
    "says", [b"", b"220 hello\r\n", b"220-", b"220-x\r\n" * 9_000, b"554 no service\r\n", b"HTTP/1.1 400 Bad\r\n\r\n"]
)
def test_a_mail_server_that_stalls_or_is_none_is_left_in_time(stack: ExitStack, says: bytes) -> None:
    """Nothing, a greeting and no more, a greeting that never ends, a refusal, somebody else's protocol."""
    port = stack.enter_context(answering(says))
    with pytest.raises(NotYet) as caught:
        MailMessenger(mail_settings(port), QUICK_MAIL).send(message("mailto:a@b.example"))
    assert caught.value.concerns_all


def test_a_farewell_that_fails_sends_nothing_twice(stack: ExitStack) -> None:
    """It was taken: a cut line after that is no failure."""

    class Hasty(Post):
        async def handle_QUIT(self, server: Any, _session: Any, _envelope: Any) -> str:
            server.transport.close()
            return "221 bye"

    post = Hasty()
    MailMessenger(mail_settings(smtp_server(post, stack)), QUICK_MAIL).send(message("mailto:a@b.example"))
    assert len(post.taken) == 1


@pytest.mark.parametrize(
    "changes", [{"sender": "gates"}, {"sender": ""}, {"host": "mail.example", "user": "gates"}], ids=str
)
def test_mail_settings_that_cannot_be_meant_are_told_at_the_start(changes: dict[str, str]) -> None:
    with pytest.raises(Mistake, match="mail"):
        MailMessenger(mail_settings(25, **changes))


def test_a_password_file_that_is_not_there_is_named(stack: ExitStack, tmp_path: Path) -> None:
    """Somebody can mend it: the message waits."""
    port = smtp_server(Post(), stack)
    with pytest.raises(NotYet, match=r"password file .*none cannot be read"):
        MailMessenger(mail_settings(port, user="u", password_file=str(tmp_path / "none")), QUICK_MAIL).send(
            message("mailto:a@b.example")
        )


# SMS


def sms(server: Server, **changes: Any) -> None:
    GatewayMessenger(sms_settings(server, **changes), QUICK).send(message("tel:+8613812345678"))


def test_the_gateway_gets_what_the_settings_say(tmp_path: Path) -> None:
    """Words are put into values and never become structure; a text's own {secret} stays what it is."""
    (tmp_path / "token").write_text(PASSWORD)
    with serving(taking) as server:
        sms(server, secret_file=str(tmp_path / "token"))
        (request,) = server.requests
    assert request.headers["Authorization"] == f"Bearer {PASSWORD}"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(request.body) == {
        "to": ["+8613812345678"],
        "mobile": "13812345678",
        "content": "【场所通行】" + TEXT,
        "key": f"{1:032x}",
        "sign": 7,
    }


@pytest.mark.parametrize("script", [silent, half, gone, drip], ids=lambda script: script.__name__)
def test_a_gateway_that_stalls_is_left_in_time(script: Callable[[Told], None]) -> None:
    with serving(script) as server, pytest.raises(NotYet) as caught:
        sms(server)
    assert caught.value.concerns_all


def test_an_endless_answer_is_no_yes() -> None:
    """Whether it took the message is not known."""
    with serving(endless) as server, pytest.raises(NotYet, match="no JSON"):
        GatewayMessenger(sms_settings(server)).send(message("tel:+8613812345678"))


@pytest.mark.parametrize(
    ("status", "kind", "wait"),
    [
        (500, NotYet, None),
        (429, NotYet, 30.0),
        (401, NotYet, None),
        (404, NotYet, None),
        (400, Never, None),
        (413, Never, None),
    ],
)
def test_a_gateways_status_says_whether_to_try_again(status: int, kind: type[NotDelivered], wait: float | None) -> None:
    """What somebody may mend – a token, a path – is tried again until the message expires."""
    headers = {"Retry_After": "30"} if wait else {}
    with serving(lambda told: told.reply(status, **headers)) as server, pytest.raises(kind) as caught:
        sms(server)
    assert getattr(caught.value, "retry_after", None) == wait


def test_a_gateway_that_redirects_to_this_machine_is_not_followed() -> None:
    with serving(taking) as inside, serving(lambda told: told.reply(307, Location=inside.address)) as server:
        with pytest.raises(NotYet, match="redirects"):
            sms(server)
        assert inside.requests == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b'{"code": 160040}', "code = 160040"),
        (b'{"code": "0"}', "code = 0"),
        (b'{"code": false}', "code = False"),
        (b'{"msg": "OK"}', "code = None"),
        (b'{"code": "limit of 13812345678"}', "something else"),
        (b'{"code": "13812345678"}', "something else"),
        (b"[0]", "code = None"),
        (b"OK", "no JSON"),
        (b"[" * 50_000, "no JSON"),
        (b"", "no JSON"),
    ],
)
def test_an_answer_of_200_may_still_be_a_no(answer: bytes, sentence: str) -> None:
    """Many gateways always answer 200."""
    with serving(lambda told: told.reply(200, answer)) as server, pytest.raises(NotYet) as caught:
        sms(server)
    assert sentence in str(caught.value)


def test_where_no_member_is_named_the_status_counts() -> None:
    with serving(lambda told: told.reply(202, b"queued")) as server:
        sms(server, success={})


# Directory


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_leaves_no_half_message(tmp_path: Path, code: int) -> None:
    disk = FailingDisk()
    disk.failing = code
    with pytest.raises(NotYet, match="does not take the message"):
        DirectoryMessenger(tmp_path / "out", disk).send(message("mailto:a@b.example"))
    assert list((tmp_path / "out").glob("*.txt")) == []


def test_a_directory_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "out", Path("/proc/none")):
        with pytest.raises(NotYet):
            DirectoryMessenger(place).send(message("mailto:a@b.example"))


def test_files_stand_in_order_and_others_do_not_read_them(tmp_path: Path) -> None:
    messenger = DirectoryMessenger(tmp_path)
    for number in (1, 2, 3):
        messenger.send(message("tel:+8613812345678", number, subject=f"{number}"))
    files = sorted(tmp_path.iterdir())
    assert [path.read_text(encoding="utf-8").splitlines()[2] for path in files] == [f"Subject: {n}" for n in (1, 2, 3)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
