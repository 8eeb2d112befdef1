"""The audit: who looked at whom or changed what, when and why.

A line is written before anything is shown, in the same transaction.

Each line's digest is keyed and takes in the one before, so that a changed or missing line is found out by whoever has
the key file. What it does NOT find: the newest lines cut off by somebody who writes to the database past its triggers –
compare the number that `collector privacy audit` shows with one that was noted elsewhere.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Connection, insert, select

from sync.collector.database import queue_up
from sync.collector.errors import Mistake
from sync.collector.privacy.model import AuditLine
from sync.wire import jsonform

MAX_WORDS = 200
_SHOWN = 5
_QUEUE = -1  # gates have positive numbers
_BEGIN = bytes(32)


class Act(str, Enum):
    """What was done."""

    REGISTER = "register"
    FIND = "find"
    SHOW = "show"
    VERIFY = "verify"
    EXPORT = "export"
    ERASE = "erase"
    PURGE = "purge"
    ROTATE = "rotate"
    TERMS = "terms"
    ACCOUNT = "account"
    APPOINT = "appoint"
    DISMISS = "dismiss"
    DISABLE = "disable"
    ENABLE = "enable"
    LINK = "link"
    GATE_CREATE = "gate_create"
    GATE_PROVISION = "gate_provision"
    GATE_ENROL = "gate_enrol"
    GATE_CONFIRM = "gate_confirm"
    GATE_REFUSE = "gate_refuse"
    GATE_MOVE = "gate_move"
    GATE_REVOKE = "gate_revoke"
    GATE_RETIRE = "gate_retire"
    KEYS_NEXT = "keys_next"
    KEYS_WITHDRAW = "keys_withdraw"
    KEYS_RENEW = "keys_renew"
    ROOT_WORDS = "root_words"
    ROOT_COPY = "root_copy"
    ROOT_RESTORE = "root_restore"
    ROOT_REMOVE = "root_remove"
    RECORD_ACCEPT = "record_accept"
    RECORD_CORRECT = "record_correct"
    RECORD_DISCARD = "record_discard"
    VENUE_CREATE = "venue_create"
    VENUE_CHANGE = "venue_change"
    VENUE_DECIDE = "venue_decide"
    CHECKPOINT = "checkpoint"
    DECLARATION_CODE = "declaration_code"
    BINDING_ASK = "binding_ask"
    BINDING_WITHDRAW = "binding_withdraw"
    BINDING_REFUSE = "binding_refuse"
    BIND = "bind"
    UNBIND = "unbind"
    HAND_OVER_OFFER = "hand_over_offer"
    HAND_OVER_TAKE_BACK = "hand_over_take_back"
    HAND_OVER_DECLINE = "hand_over_decline"
    HAND_OVER = "hand_over"
    INSPECTOR_PIN = "inspector_pin"
    INSPECTOR_BADGE = "inspector_badge"
    CODE_RENEW = "code_renew"
    PAPER_BATCH = "paper_batch"
    PAPER_PRINT = "paper_print"
    PAPER_WITHDRAW = "paper_withdraw"
    REGISTER_BY_HAND = "register_by_hand"
    REVERSE_SCAN = "reverse_scan"
    PHONE_CLAIM = "phone_claim"
    PHONE_SEEN = "phone_seen"
    MARK = "mark"
    STATUS_SET = "status_set"
    STATUS_END = "status_end"
    TEST_RESULT = "test_result"
    DECLARE = "declare"
    DECLARATION_SEEN = "declaration_seen"
    STATUS_IMPORT = "status_import"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and why. name: as the audit says it. reason: a case or request, never somebody's name."""

    name: str
    reason: str

    def __post_init__(self) -> None:
        for word, what in ((self.name, "who"), (self.reason, "why")):
            if not word.strip() or len(word) > MAX_WORDS or not word.isprintable():
                raise Mistake(f"{what}: 1 to {MAX_WORDS} printable characters, for the audit")


def at_terminal(reason: str) -> Actor:
    """The person at this terminal: who called sudo, else whose session it is. Raises Mistake.

    What this does NOT establish: whoever may run commands as the service's user may also set SUDO_USER.
    """
    return Actor(f"login {os.environ.get('SUDO_USER') or getpass.getuser()}", reason)


def note(
    connection: Connection,
    key: bytes,
    act: Act,
    actor: Actor,
    now: float,
    *,
    visitor: str | None = None,
    detail: str = "",
) -> int:
    """Append a line within a write transaction; its number. key: of the chain (`PersonalKeys.audit`)."""
    return note_all(connection, key, act, actor, now, [(visitor, detail)])


def note_all(
    connection: Connection, key: bytes, act: Act, actor: Actor, now: float, said: Sequence[tuple[str | None, str]]
) -> int:
    """Append a line for each visitor and detail; the last one's number, 0 for none."""
    if not said:
        return 0
    queue_up(connection, _QUEUE)
    last = connection.execute(
        select(AuditLine.number, AuditLine.digest).order_by(AuditLine.number.desc()).limit(1)
    ).one_or_none()
    number, digest = (last.number, last.digest) if last else (0, _BEGIN)
    lines: list[dict[str, Any]] = []
    for visitor, detail in said:
        number += 1
        line = {
            "number": number,
            "at": now,
            "actor": actor.name,
            "act": act.value,
            "visitor": visitor,
            "reason": actor.reason,
            "detail": detail,
        }
        digest = _digest(key, digest, list(line.values()))
        lines.append(line | {"digest": digest})
    connection.execute(insert(AuditLine), lines)
    return int(number)


def broken(connection: Connection, key: bytes | None) -> Iterator[str]:
    """One sentence for each of the first lines that do not follow from the one before. No key: only their numbers."""
    columns = [column for column in AuditLine.__table__.columns if column.name != "digest"]
    before, expected, told = _BEGIN, 1, 0
    for *said, digest in connection.execute(select(*columns, AuditLine.digest).order_by(AuditLine.number)):
        if said[0] != expected:
            yield f"the audit lacks its lines {expected} to {said[0] - 1}"
            told += 1
        elif key is not None and not hmac.compare_digest(_digest(key, before, said), digest):
            yield f"line {said[0]} of the audit is not what was written, or the key file is another one"
            told += 1
        if told == _SHOWN:
            return
        before, expected = digest, said[0] + 1


def lines(connection: Connection, visitor: str | None = None, limit: int | None = None) -> list[AuditLine]:
    """The newest lines, oldest first; of one visitor, or of all."""
    statement = select(AuditLine.__table__).order_by(AuditLine.number.desc()).limit(limit)
    if visitor is not None:
        statement = statement.where(AuditLine.visitor == visitor)
    return [AuditLine(**row._mapping) for row in connection.execute(statement)][::-1]


def _digest(key: bytes, before: bytes, said: list[object]) -> bytes:
    return hmac.digest(key, before + jsonform.encode(said), hashlib.sha256)
