"""The errands of a stick at a device that is nobody's gate: its request goes out, the centre's answer comes in (R25).

Asked is only while this device is nobody's; an answer is taken then, or while the button in the enclosure counts. What
an answer proves is judged by `sync.adoption`, by whatever way it came.
"""

from __future__ import annotations

from contextlib import suppress

from sync import adoption, mailbox
from sync.courier import Visit, known_name
from sync.desk import as_owner
from sync.errors import SyncError
from sync.journal import Attempt, JournalFile
from sync.stick import Folder, StickFault
from sync.wire.carried import ENROL_ANSWER, ENROL_REQUEST, MAX_SEALED_ANSWER_BYTES
from sync.wire.status import StickTrouble


def become_gate(visit: Visit) -> None:
    """The answer to what this device asked, where the stick has one. Raises StickFault, OSError."""
    with as_owner(visit.state.root):
        adoption.go_on(visit.state)
    attempt = adoption.stick_attempt(visit.state)
    if attempt is None or not _may_become(visit):
        return
    folder = visit.named(adoption.folder(attempt))
    if folder is None:
        return
    with folder:
        try:
            _take(visit, folder)
        except StickFault as fault:
            if fault.trouble is not StickTrouble.BAD_CONTENT:
                raise
            visit.outcome.troubles.append(f"the centre's answer on the stick cannot be used: {fault}")
        except SyncError as refused:
            visit.outcome.troubles.append(f"the centre's answer on the stick is not taken, nothing changed: {refused}")


def ask(visit: Visit) -> None:
    """The request of a device that is nobody's; there is nothing else to do then. Raises StickFault, OSError."""
    if not _is_nobodys(visit):
        return
    asking = JournalFile(visit.state).read().asking
    if asking is not None and asking.code is not None:
        sentence = "this device is no gate yet: it asks the centre with a code; put the stick in when that has ended"
        raise StickFault(StickTrouble.NOT_PROVISIONED, sentence)
    with as_owner(visit.state.root):
        body = adoption.stick_request(visit.state)
    attempt = adoption.stick_attempt(visit.state)
    assert attempt is not None  # it was just made
    folder = visit.named(adoption.folder(attempt), make=True)
    assert folder is not None  # it was made
    with folder:
        folder.remove_drafts()
        folder.write(ENROL_REQUEST, body)
    raise StickFault(StickTrouble.NOT_PROVISIONED, _next_step(attempt))


def _take(visit: Visit, folder: Folder) -> None:
    answer = folder.read(known_name(folder, ENROL_ANSWER), MAX_SEALED_ANSWER_BYTES)
    if answer is None:
        return
    with as_owner(visit.state.root):
        opened = adoption.stick_answer(visit.state, answer)
    if opened.snapshot is None:
        visit.outcome.troubles.append("the centre has not confirmed the key words yet")
        return
    visit.outcome.became = opened.verdict.gate
    with suppress(StickFault):  # it is a gate whatever stays on the stick
        for name in (ENROL_REQUEST, ENROL_ANSWER):
            folder.remove(known_name(folder, name))


def _is_nobodys(visit: Visit) -> bool:
    """A gate whose updates are damaged is still a gate: the identity says so."""
    return not visit.state.identity.exists()


def _may_become(visit: Visit) -> bool:
    if _is_nobodys(visit):
        return True
    told = mailbox.read_gate_status(visit.state, mailbox.boot_id(), visit.mono())
    return told is not None and bool(told.setup_seconds)


def _next_step(attempt: Attempt) -> str:
    english, chinese = adoption.words(attempt)
    return (
        "this device is no gate yet: its request is on the stick, for collector import at the centre; "
        f"its key words: {english} ({chinese})"
    )
