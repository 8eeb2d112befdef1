"""Ceremonies over the centre's keys: the next one of a purpose, one withdrawn, the list signed anew.

Each is: a new private key on the disk (which signs nothing yet), the audit's line, and last the signed list by rename.
A cut between the last two leaves a line in the audit about a ceremony that did not come to its end: it is done again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.collector import keys as key_files
from sync.collector.centre import Centre
from sync.collector.ceremonies import lists, roots
from sync.collector.ceremonies.lists import Entries, Standing, State
from sync.collector.errors import Mistake
from sync.collector.keys import KEY_LIST, KeySet
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, Actor
from sync.outbox.durable import replace_file
from sync.wire.keys import Purpose, SigningKey, key_id
from sync.wire.updates import KeyEntry, sign_keys


def next_key(centre: Centre, purpose: Purpose, root: Path, begins_at: int, actor: Actor, now: int) -> Standing:
    """Publish the key that follows, from `begins_at` (seconds since 1970) on. Raises Mistake, NotFound, OSError."""
    with _alone(centre) as held:
        signer = roots.load(root, held.root_public)
        waiting = [each for each in lists.standings(held.listed.keys, now) if each.state is State.NEXT]
        for each in waiting:
            if each.entry.purpose is purpose:
                raise Mistake(f"key {each.kid} is the next {purpose.value} key already: let it begin, or withdraw it")
        public = key_files.draw(centre.state, purpose)
        entries = lists.with_next(held.listed.keys, public, purpose, begins_at, now)
        kid = key_id(public).hex()
        _publish(centre, held, entries, signer, Act.KEYS_NEXT, f"{purpose.value} {kid}", actor, now)
        return next(each for each in lists.standings(entries, now) if each.kid == kid)


def withdraw(
    centre: Centre, kid: str, root: Path, actor: Actor, now: int, issued_until: int = lists.WITHDRAWN
) -> str | None:
    """A key is believed no longer, at each gate from its next update on. Another takes its place where none is left.

    kid: in hex; its first digits are enough. Returns the new key's kid. Raises Mistake, OSError.
    """
    with _alone(centre) as held:
        signer = roots.load(root, held.root_public)
        entry = _named(held, kid)
        if entry.reject_issued_after is not None and entry.reject_issued_after <= issued_until:
            raise Mistake(f"key {kid} is withdrawn already")
        entries = lists.without(held.listed.keys, key_id(entry.public), now, issued_until)
        made = None
        usable = [each for each in lists.good(entries, entry.purpose, now) if held.holds(each)]
        if not usable:
            public = key_files.draw(centre.state, entry.purpose)
            entries, made = lists.with_replacement(entries, public, entry.purpose, now), key_id(public).hex()
        detail = f"{entry.purpose.value} {key_id(entry.public).hex()}"
        _publish(centre, held, entries, signer, Act.KEYS_WITHDRAW, detail, actor, now)
        return made


def renew(centre: Centre, root: Path, actor: Actor, now: int) -> None:
    """The same list under a newer date: after a restore, when gates have a later list than the backup held."""
    with _alone(centre) as held:
        signer = roots.load(root, held.root_public)
        _publish(centre, held, tuple(held.listed.keys), signer, Act.KEYS_RENEW, "", actor, now)


def _named(held: KeySet, kid: str) -> KeyEntry:
    found = [entry for entry in held.listed.keys if key_id(entry.public).hex().startswith(kid.lower())]
    if len(found) != 1 or len(kid) < 4:
        raise Mistake(f"{kid} names {len(found)} keys: say at least four digits of one, see `collector keys show`")
    return found[0]


def _publish(
    centre: Centre, held: KeySet, entries: Entries, root: SigningKey, act: Act, detail: str, actor: Actor, now: int
) -> None:
    signed = sign_keys(lists.signed_next(held.listed, entries, now), root)
    with personal(centre, actor, now) as access:
        access.note(act, detail=detail)
    replace_file(centre.state.keys / KEY_LIST, signed)


@contextmanager
def _alone(centre: Centre) -> Iterator[KeySet]:
    """One ceremony at a time, on what the disk holds now."""
    descriptor = os.open(centre.state.keys / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield key_files.read(centre.state)
    finally:
        os.close(descriptor)
