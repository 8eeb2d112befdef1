"""Giving a gate its identity, key and first updates as files: for a demo, a simulation, or by hand.

The files are written first and the gate's public key is registered last: whatever interrupts it, running it again
completes it, and a device that works is never shut out by halves.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet import enrolment, snapshots
from sync.collector.fleet.model import Gate
from sync.collector.fleet.service import find_gate, gate_of_key, known_gate
from sync.collector.privacy import audit, keyfile
from sync.collector.privacy.audit import Act, Actor
from sync.outbox.durable import make_directory, replace_file
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.keys import key_id
from sync.wire.statedir import StateDir
from sync.wire.status import Identity


def provision(
    centre: Centre,
    directory: Path,
    identity: Identity,
    now: float,
    *,
    replace: bool = False,
    actor: Actor | None = None,
) -> None:
    """Make `directory` a gate's state directory.

    Running it again for the same gate keeps its key and brings address and updates up to date. replace: the gate
    may have been provisioned elsewhere; that device is shut out. actor: who does it, for the audit.

    Raises Mistake, NotFound, OSError.
    """
    _check_url(identity.collector)
    files = StateDir.at(directory)
    _check_owner(files, identity.gate)
    with centre.database.write() as session:
        gate = find_gate(session, identity.gate)
        present = _present_key(files)
        if gate.public_key not in (None, present) and not replace:
            raise Mistake(
                f"{gate.id} was provisioned elsewhere already, and that device would be shut out: "
                "name its directory, or say --replace"
            )
        if gate.revoked_at is not None or gate.retired_at is not None:
            if not replace:
                what = "revoked" if gate.retired_at is None else "retired"
                raise Mistake(f"{gate.id} is {what}; say --replace to put a new device in its place")
            present, gate.revoked_at, gate.retired_at = None, None, None  # never again the key that was shut out
        make_directory(directory)
        replace_file(files.identity, jsonform.encode(identity) + b"\n")
        _register(session, gate, present or _draw_key(files))
        replace_file(files.root_key, centre.keys.current().root_public.hex().encode() + b"\n")
        connection = session.connection()
        known = known_gate(connection, gate)
        in_force = snapshots.ensure_current(connection, centre, known, now)
        if in_force.order == (0, 0):
            raise Mistake("there is no policy that this version can read: `collector policy set FILE` first")
        if actor is not None:
            key = keyfile.load(centre.state).audit
            audit.note(connection, key, Act.GATE_PROVISION, actor, now, detail=f"{gate.id}{' anew' * replace}")
        _write_updates(files, in_force.order, snapshots.files(connection, known))


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        raise Mistake(f"{url} is no address of a collector; it looks like https://centre.example")


def _check_owner(files: StateDir, gate_id: str) -> None:
    """Refuse a directory that is another gate's."""
    try:
        owner = jsonform.decode(files.identity.read_bytes(), Identity, str(files.identity)).gate
    except FileNotFoundError:
        if files.device_key.exists():
            raise Mistake(f"{files.root} holds a device key of an unknown gate; choose an empty directory") from None
        return
    except WireError as cause:
        raise Mistake(f"{cause}; choose an empty directory") from cause
    if owner != gate_id:
        raise Mistake(f"{files.root} belongs to {owner}, not to {gate_id}; choose another directory")


def _present_key(files: StateDir) -> bytes | None:
    """The public half of the device key in the directory, None when there is none."""
    try:
        private = bytes.fromhex(files.device_key.read_text(encoding="ascii"))
        return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    except FileNotFoundError:
        return None
    except ValueError as cause:
        raise Mistake(f"{files.device_key} is damaged; remove it and say --replace") from cause


def _draw_key(files: StateDir) -> bytes:
    private = os.urandom(32)
    make_directory(files.private)
    files.private.chmod(0o700)
    replace_file(files.device_key, private.hex().encode() + b"\n", mode=0o600)
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _register(session: Session, gate: Gate, public: bytes) -> None:
    other = gate_of_key(session.connection(), key_id(public))
    if other is not None and other.number != gate.number:
        raise Mistake(f"the device key there is {other.id}'s: two gates never share one; choose an empty directory")
    if gate.public_key != public:
        gate.next_public_key, gate.next_kid = None, None
        enrolment.forget_gate(session, gate.number)
    gate.public_key, gate.kid = public, key_id(public)
    session.flush()


def _write_updates(files: StateDir, order: tuple[int, int], contents: dict[str, bytes]) -> None:
    """As gate-sync would: an immutable directory, then the link by rename."""
    name = f"{order[0]}-{order[1]}"
    target = files.updates / name
    make_directory(target)
    for file_name, content in contents.items():
        replace_file(target / file_name, content)
    draft = files.updates / f".current.{os.getpid()}.tmp"
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    os.replace(draft, files.current_updates)
