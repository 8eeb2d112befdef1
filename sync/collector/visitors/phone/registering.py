"""Registering by phone: who somebody says they are, a code to prove the phone, and whom else the phone speaks for.

A document has one registration. Where it is somebody's already, the code goes to the phone on record, whatever phone
was typed, and the page is the same: nobody learns that it is registered, and only its owner goes on. Where the town
sends no codes, such a phone speaks for them unproved (`Proof.NONE`), until a member of staff has seen the document.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import msgspec
from sqlalchemy.orm import Session

from sync.collector.accounts import limits
from sync.collector.accounts.limits import LINK, Limit, Rate
from sync.collector.accounts.secrets import AccountKey, AccountKeyTrouble
from sync.collector.centre import Centre
from sync.collector.errors import Mistake, NotFound
from sync.collector.languages import translate as _
from sync.collector.messages import addresses
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Document, Person
from sync.collector.visitors.phone import party, remembering
from sync.collector.visitors.phone.model import PhoneCode, Proof, VisitorPhone
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.passes import MAX_COMPANIONS

CODE_SECONDS = 600.0
TRIES = 5
COMPANIONS_A_DAY = Rate(20, 86_400)
_DOCUMENT = Limit(free=5, first_wait_seconds=1200, longest_wait_seconds=4 * 3600, forgotten_seconds=86_400)
_HOUR_SECONDS = 3600.0
_DIGITS = 6
_ACTOR = Actor("phone", "registered by phone")

Post = Callable[[Session, str, str, str, float, float], None]
"""Puts a message into a transaction: session, to, subject, text, now, expires_at."""


class Full(Mistake):
    """A phone speaks for so many and no more."""


class Outcome(Enum):
    """Of a code that did not do."""

    WRONG = "wrong"
    OVER = "over"  # too old, used, tried too often, or never sent: one word for all of them


class _Asked(msgspec.Struct, frozen=True):
    """What was typed, while the code is on its way. to: the number that it went to, None for nobody's."""

    name: str
    document: str
    number: str
    phone: str | None
    to: str | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where phones register. post: puts a code on its way."""

    centre: Centre
    key: AccountKey
    post: Post

    @property
    def is_open(self) -> bool:
        """Whether anybody can register: codes have a way out, or the town asks for none."""
        settings = self.centre.settings
        return not self.needs_code or bool(settings.sms or settings.messages.directory)

    @property
    def needs_code(self) -> bool:
        """Whether a phone must show that it is theirs."""
        return self.centre.settings.visitors.confirm_phone

    def ask(self, person: Person, at: str, sender: str, now: float) -> tuple[str, float]:
        """Send a code: what the page must say to `confirm`, and 0; or "" and how many seconds nothing is sent.

        at: the venue code where they are, "" for none. sender: the network address. Raises Mistake for a number that no
        message can go to.
        """
        typed = addresses.normalized(f"tel:{person.phone}")
        asked, digits = secrets.token_urlsafe(16), f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
        with personal(self.centre, _ACTOR, now) as access:
            wait = self._wait(access.session, person, at, sender, now)
            if wait > 0:
                return "", wait
            known = registry.by_document(access, person)
            to = person.phone if known is None else registry.opened(access.cipher, known).phone
            said = _Asked(person.name, person.document.value, person.number, person.phone, to)
            bound = _hash(asked)
            access.session.add(
                PhoneCode(
                    asked=bound,
                    code=self._code_hash(bound, digits),
                    sealed=self.key.seal(jsonform.encode(said), f"phone code {bound.hex()}"),
                    tries=0,
                    until=now + CODE_SECONDS,
                )
            )
            address = typed if to == person.phone else _address(to)
            wait = self._count_by_others(access.session, address or typed, now, is_own=address == typed)
            if address is not None and wait == 0:
                self._post(access.session, address, digits, now)
        return asked, 0.0

    def confirm(self, asked: str, typed: str, now: float) -> str | Outcome:
        """The cookie of the phone that is remembered from now on; or why not."""
        bound = _hash(asked)
        digits = "".join(unicodedata.normalize("NFKC", typed[:40]).split())
        with personal(self.centre, _ACTOR, now) as access:
            row = access.session.get(PhoneCode, bound, with_for_update=True)
            if row is None or row.until <= now or row.tries >= TRIES:
                return Outcome.OVER
            row.tries += 1
            if not hmac.compare_digest(row.code, self._code_hash(bound, digits)):
                return Outcome.WRONG if row.tries < TRIES else Outcome.OVER
            said = self._opened(row)
            access.session.delete(row)
            return Outcome.OVER if said is None else self._confirmed(access, said)

    def take_word(self, person: Person, at: str, sender: str, now: float) -> tuple[str, float]:
        """The same where the town sends no codes: the cookie, and 0; or "" and how many seconds to wait."""
        with personal(self.centre, _ACTOR, now) as access:
            wait = self._wait(access.session, person, at, sender, now)
            if wait > 0:
                return "", wait
            known = registry.by_document(access, person)
            if known is None:
                visitor, proof = registry.register(access, person).id, Proof.WORD
            else:
                visitor, proof = known.id, Proof.NONE
                access.note(Act.PHONE_CLAIM, visitor, "unproved")
            return remembering.remember(access, visitor, person.name, proof), 0.0

    def bring(self, token: bytes, person: Person, now: float) -> float:
        """Somebody more on that phone, without one of their own: 0, or how many seconds to wait.

        Raises Full, NotFound.
        """
        with personal(self.centre, _ACTOR, now) as access:
            session = access.session
            phone = session.get(VisitorPhone, token, with_for_update=True)
            there = None if phone is None else party.read(session, access.cipher, token, now)
            if there is None:
                raise NotFound("that phone is not remembered")
            if len(there.members) > MAX_COMPANIONS:
                raise Full(f"a pass is for {MAX_COMPANIONS} companions at most")
            wait = limits.take(session, [(self.key.hash("rate", "companions", token.hex()), COMPANIONS_A_DAY)], now)
            if wait > 0:
                return wait
            holder = there.holder
            theirs = holder.person.phone if holder.proof is not Proof.NONE else None
            known = registry.by_document(access, person)
            if known is None:
                visitor = registry.register(access, replace(person, phone=theirs)).id
                proof = Proof.WORD
            else:
                visitor = known.id
                is_ours = holder.proof is Proof.CODE and registry.opened(access.cipher, known).phone == theirs
                proof = Proof.WORD if is_ours else Proof.NONE
                access.note(Act.PHONE_CLAIM, visitor, "companion")
            if visitor not in [each.visitor for each in there.members]:
                taken = {each.place for each in there.members}
                place = next(number for number in range(1, MAX_COMPANIONS + 1) if number not in taken)
                remembering.add(access, token, place, visitor, person.name, proof)
        return 0.0

    def _confirmed(self, access: Personal, said: _Asked) -> str | Outcome:
        person = Person(said.name, Document(said.document), said.number, said.phone)
        known = registry.by_document(access, person)
        if known is None:
            if said.to != person.phone:
                return Outcome.OVER  # it was somebody's when the code was sent, and was erased since
            visitor = registry.register(access, person).id
        else:
            on_record = registry.opened(access.cipher, known)
            if said.to is None or on_record.phone != said.to:
                return Outcome.OVER  # somebody registered it meanwhile
            visitor = known.id
            access.note(Act.PHONE_CLAIM, visitor, "by code")
            if known.verified_at is None and on_record.name != person.name:
                registry.rename(access, known, person.name)
        for counted in (self._phone(said.to or ""), self._document(person)):
            limits.take_back(access.session, counted, all_of_it=True)
        return remembering.remember(access, visitor, person.name, Proof.CODE)

    def _wait(self, session: Session, person: Person, at: str, sender: str, now: float) -> float:
        settings, key = self.centre.settings.visitors, self.key
        rates = [
            (key.hash("rate", "visitors"), Rate(settings.an_hour, _HOUR_SECONDS)),
            (
                key.hash("rate", "visitors from", limits.network(sender)),
                Rate(settings.an_hour_from_network, _HOUR_SECONDS),
            ),
        ]
        if at:
            rates.append((key.hash("rate", "visitors at", at), Rate(settings.an_hour_at_code, _HOUR_SECONDS)))
        counted = [(self._document(person), _DOCUMENT)]
        if self.needs_code:
            counted.append((self._phone(addresses.normalized(f"tel:{person.phone}")), LINK))
        return limits.take(session, rates, now) or limits.count(session, counted, now)

    def _count_by_others(self, session: Session, address: str, now: float, *, is_own: bool) -> float:
        """Codes that others asked for, counted apart: a wait that is shown must not tell whose number is on record.

        One's own are counted too, to no end: the page takes as long for a document that is somebody's.
        """
        what = "visitor's own phone" if is_own else "visitor's phone on record"
        wait = limits.count(session, [(self.key.hash("tally", what, address), LINK)], now)
        return 0.0 if is_own else wait

    def _phone(self, number: str) -> bytes:
        address = number if number.startswith("tel:") or not number else addresses.normalized(f"tel:{number}")
        return self.key.hash("tally", "visitor's phone", address)

    def _document(self, person: Person) -> bytes:
        return self.key.hash("tally", "visitor's document", person.document.value, person.number)

    def _code_hash(self, bound: bytes, digits: str) -> bytes:
        return self.key.hash("visitor's code", bound.hex(), digits)

    def _opened(self, row: PhoneCode) -> _Asked | None:
        try:
            return jsonform.decode(self.key.open(row.sealed, f"phone code {row.asked.hex()}"), _Asked, "a code")
        except (AccountKeyTrouble, WireError):
            return None

    def _post(self, session: Session, address: str, digits: str, now: float) -> None:
        text = _(
            "验证码 %(digits)s，10 分钟内有效，用于场所通行登记。请勿告诉他人；不是您本人操作请忽略。", digits=digits
        )
        self.post(session, address, _("场所通行登记"), text, now, now + CODE_SECONDS)


def _address(phone: str | None) -> str | None:
    try:
        return None if phone is None else addresses.normalized(f"tel:{phone}")
    except Mistake:  # a clerk wrote a number down that no message can go to
        return None


def _hash(asked: str) -> bytes:
    return hashlib.sha256(asked.encode(errors="replace")).digest()
