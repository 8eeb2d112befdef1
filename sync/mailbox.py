"""The files that gate-sync shares with the gate: who we are, receipts, statuses. Reads and writes, decides nothing.

A file that is missing or broken becomes NotProvisioned with a sentence for IT; the caller waits and reads again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.errors import SyncError
from sync.handover import Carried
from sync.incidents import Incidents
from sync.link import Cursor
from sync.outbox.durable import make_directory, replace_file
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.keys import KeyRing, Purpose, SigningKey, key_id
from sync.wire.receipt import Receipt, read_receipt
from sync.wire.statedir import StateDir
from sync.wire.status import GateStatus, Identity, StickStatus, SyncStatus
from sync.wire.updates import FILES, MANIFEST, MAX_FILE_BYTES, Snapshot, open_snapshot

_KEY_BYTES = 32
_MAX_SMALL_FILE = 64_000
_MAX_RECEIPT_FILE = 256_000
_MAX_INCIDENTS_FILE = 1_000_000
_MAX_COURIER_FILE = 16_000_000
_FRESH_SECONDS = 60.0


class NotProvisioned(SyncError):
    """This gate lacks a file that it needs to talk to the centre. The sentence names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Provision:
    """Who this gate is and whom it trusts: what every exchange needs. ca: an absolute path, or None."""

    identity: Identity
    signing_key: SigningKey
    root: bytes
    ca: Path | None
    snapshot: Snapshot


def read_provision(state: StateDir) -> Provision:
    """Read identity, device key, root key and the newest whole updates. Raises NotProvisioned."""
    identity = read_identity(state)
    root = read_root(state)
    private = Ed25519PrivateKey.from_private_bytes(_read_key(state.device_key))
    return Provision(
        identity=identity,
        signing_key=SigningKey(private, Purpose.GATE),
        root=root,
        ca=state.root / identity.ca if identity.ca else None,
        snapshot=newest_snapshot(state, root),
    )


def read_identity(state: StateDir) -> Identity:
    """Which gate this is. Raises NotProvisioned."""
    try:
        return jsonform.decode(_read(state.identity, _MAX_SMALL_FILE), Identity, state.identity.name)
    except WireError as cause:
        raise NotProvisioned(f"{cause}; copy the file from the centre again") from cause


def read_root(state: StateDir) -> bytes:
    """The public root key, 32 bytes. Raises NotProvisioned."""
    return _read_key(state.root_key)


def root_kid(state: StateDir) -> bytes:
    """The name of the root key: whose centre's sticks this gate knows. Raises NotProvisioned."""
    return key_id(read_root(state))


def _read_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(_read(path, _MAX_SMALL_FILE).decode("ascii").strip())
    except ValueError as cause:
        raise NotProvisioned(f"{path.name} is not hexadecimal; copy it from the centre again") from cause
    if len(key) != _KEY_BYTES:
        raise NotProvisioned(f"{path.name} holds {len(key)} bytes, not {_KEY_BYTES}; copy it from the centre again")
    return key


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError as cause:
        raise NotProvisioned(
            f"{path.name} is missing in {path.parent}: provision this gate at the centre and copy its directory here"
        ) from cause
    except OSError as cause:
        raise NotProvisioned(f"{path.name} cannot be read: {cause.strerror}") from cause
    if len(content) > max_bytes:
        raise NotProvisioned(f"{path.name} has more than {max_bytes} bytes: it is not what belongs there")
    return content


def newest_snapshot(state: StateDir, root: bytes) -> Snapshot:
    """The updates in force or, when those are damaged, the newest kept ones that are whole. Raises NotProvisioned."""
    try:
        return read_snapshot(state.current_updates, root)
    except (NotProvisioned, WireError) as cause:
        for directory in reversed(snapshot_directories(state)):
            try:
                return read_snapshot(directory, root)
            except (NotProvisioned, WireError):
                continue
        raise NotProvisioned(f"updates/current cannot be used: {cause}") from cause


def read_snapshot(directory: Path, root: bytes) -> Snapshot:
    """Open the updates in `directory`, but for status list and staff list, which only the gate needs.

    Raises NotProvisioned (unreadable) or WireError (not genuine, not whole).
    """
    return open_snapshot({name: _read(directory / name, MAX_FILE_BYTES) for name in FILES}, root)


def snapshot_directories(state: StateDir) -> list[Path]:
    """The kept `<epoch>-<number>` directories, oldest first. Anything else in there is not ours."""
    found: list[tuple[tuple[int, int], Path]] = []
    try:
        names = os.listdir(state.updates)
    except OSError:
        return []
    for name in names:
        epoch, dash, number = name.partition("-")
        if dash and epoch.isdecimal() and number.isdecimal():
            found.append(((int(epoch), int(number)), state.updates / name))
    return [path for _, path in sorted(found)]


def fingerprint(state: StateDir) -> tuple[tuple[int, int, int] | None, ...]:
    """Changes whenever a file of the provision was replaced: cheap enough to ask twice a second."""
    manifest = state.current_updates / MANIFEST
    return tuple(stamp(path) for path in (state.identity, state.device_key, state.root_key, manifest))


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file was replaced; None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def changed_at(path: Path) -> int | None:
    """When the file was last written or touched, in nanoseconds; None when it is not there."""
    found = stamp(path)
    return found and found[1]


def keep_receipt(state: StateDir, outbox: str, signed: bytes) -> None:
    """Keep the newest receipt of an outbox, verbatim. Raises OSError.

    After a power cut it is this one or the one before, whole: then what lies between is sent again, and known.
    """
    make_directory(state.receipts)
    replace_file(state.receipt(outbox), signed, newest=False)


def kept_receipt(state: StateDir, outbox: str, ring: KeyRing) -> Receipt | None:
    """The kept receipt of an outbox. None when there is none that can be trusted: then everything is sent again."""
    try:
        receipt = read_receipt(_read(state.receipt(outbox), _MAX_RECEIPT_FILE), ring)
    except (NotProvisioned, WireError):
        return None
    return receipt if receipt.outbox == outbox else None


def read_gate_status(state: StateDir, boot: str, now: float) -> GateStatus | None:
    """The gate's own word on itself; None when there is no fresh one. now: this boot's monotonic clock."""
    try:
        status = jsonform.decode(_read(state.status, _MAX_SMALL_FILE), GateStatus, state.status.name)
    except (NotProvisioned, WireError):
        return None
    return status if status.boot == boot and now - status.mono <= _FRESH_SECONDS else None


def write_sync_status(state: StateDir, status: SyncStatus) -> None:
    """Replace sync-status.json; worth nothing after a restart, so it costs the card no flush. Raises OSError."""
    state.run.mkdir(parents=True, exist_ok=True)
    replace_file(state.sync_status, jsonform.encode(status), durable=False)


def read_sync_status(state: StateDir) -> SyncStatus | None:
    """What gate-sync last said, None when it never ran here."""
    try:
        return jsonform.decode(_read(state.sync_status, _MAX_SMALL_FILE), SyncStatus, state.sync_status.name)
    except (NotProvisioned, WireError):
        return None


def read_incidents(state: StateDir) -> Incidents:
    """What was noted so far; nothing when the file is not there or broken."""
    try:
        return jsonform.decode(_read(state.incidents, _MAX_INCIDENTS_FILE), Incidents, state.incidents.name)
    except (NotProvisioned, WireError):
        return Incidents()


def put_broken_incidents_aside(state: StateDir) -> bool:
    """A file that is there and cannot be read is kept as incidents.json.bad. Whether there was one. Raises OSError."""
    try:
        jsonform.decode(_read(state.incidents, _MAX_INCIDENTS_FILE), Incidents, state.incidents.name)
    except (NotProvisioned, WireError):
        if not state.incidents.is_file():
            return False
        state.incidents.replace(state.incidents.with_name(f"{state.incidents.name}.bad"))
        return True
    return False


def read_delivered(state: StateDir) -> dict[str, Cursor]:
    """By outbox; empty when the file is not there or broken: then everything is sent again."""
    try:
        return jsonform.decode(_read(state.delivered, _MAX_SMALL_FILE), dict[str, Cursor], state.delivered.name)
    except (NotProvisioned, WireError):
        return {}


def write_delivered(state: StateDir, delivered: Mapping[str, Cursor]) -> None:
    """Replace delivered.json; it is on disk when this returns. Raises OSError."""
    replace_file(state.delivered, jsonform.encode(delivered))


def write_incidents(state: StateDir, incidents: Incidents) -> None:
    """Replace incidents.json; it is on disk when this returns. Raises OSError."""
    replace_file(state.incidents, jsonform.encode(incidents))


def read_carried(state: StateDir) -> Carried:
    """What left on sticks; nothing when the file is not there or broken: then it is carried again."""
    try:
        return jsonform.decode(_read(state.courier, _MAX_COURIER_FILE), Carried, state.courier.name)
    except (NotProvisioned, WireError):
        return Carried()


def write_carried(state: StateDir, carried: Carried) -> None:
    """Replace courier.json; it is on disk when this returns. Raises OSError."""
    replace_file(state.courier, jsonform.encode(carried))


def read_stick_status(state: StateDir) -> StickStatus | None:
    """How the copying to a stick goes, as the copying program says; None when none did in this boot."""
    try:
        status = jsonform.decode(_read(state.stick, _MAX_SMALL_FILE), StickStatus, state.stick.name)
    except (NotProvisioned, WireError):
        return None
    return status if status.boot == boot_id() else None


def write_stick_status(state: StateDir, status: StickStatus) -> None:
    """Replace stick.json. Raises OSError."""
    state.run.mkdir(parents=True, exist_ok=True)
    replace_file(state.stick, jsonform.encode(status), durable=False)


def touch_wake(state: StateDir) -> None:
    """Ask gate-sync for an exchange now. Raises OSError."""
    state.run.mkdir(parents=True, exist_ok=True)
    state.wake.touch()


def process_exists(pid: int) -> bool:
    """Whether a process of that number runs; it may be another one, long after."""
    return Path(f"/proc/{pid}").exists()


def boot_id() -> str:
    """This boot's random name (proc(5)): monotonic times of two boots never compare."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
