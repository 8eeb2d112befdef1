"""PURE: updates – the numbered, signed snapshot of keys, policy and venue card that a gate lives by (DESIGN 4).

Checked as one: `keys.cose` (signed by the offline root), `manifest.cose` (signed by an update key of that list; names
the digest of every file, so that a mixed or torn set is found out), `policy.json`, `venue.json`, and where the centre
has one the status list, `withdrawn.list` and `withdrawn.delta`, and the staff list, `staff.json`.
Decides whether a set is whole, genuine and in order. It does NOT decide whether it is fresh: policy does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from sync.wire import jsonform
from sync.wire.envelope import MessageType, sign, verify
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, Purpose, SigningKey, VerificationKey
from sync.wire.policy import Policy, read_policy
from sync.wire.record import Direction
from sync.wire.staff import MAX_STAFF_BYTES, Staff, encode_staff, read_staff
from sync.wire.statuslist import EMPTY, StatusList, Withdrawn

VERSION = 1
KEYS, MANIFEST, POLICY, VENUE = "keys.cose", "manifest.cose", "policy.json", "venue.json"
WITHDRAWN, WITHDRAWN_DELTA, STAFF = "withdrawn.list", "withdrawn.delta", "staff.json"
FILES = (KEYS, MANIFEST, POLICY, VENUE)
OPTIONAL = (WITHDRAWN, WITHDRAWN_DELTA, STAFF)
MAX_FILE_BYTES = 256_000
LIMITS = dict.fromkeys(FILES, MAX_FILE_BYTES) | {
    WITHDRAWN: 20_000_000,
    WITHDRAWN_DELTA: 2_000_000,
    STAFF: MAX_STAFF_BYTES,
}
"""The most bytes of each file that a set can have."""
_STATUS_LIST = (WITHDRAWN, WITHDRAWN_DELTA)


class KeyEntry(msgspec.Struct, frozen=True):
    """One key of the list; `public` is 32 raw bytes (base64 in the JSON), times are seconds since 1970."""

    public: bytes
    purpose: Purpose
    not_before: int | None = None
    not_after: int | None = None
    reject_issued_after: int | None = None


class KeyList(msgspec.Struct, frozen=True):
    """The keys in force, as the root signed them. number: rises with each list."""

    epoch: int
    number: int
    issued_at: int
    keys: list[KeyEntry]
    v: int = VERSION


class VenueCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where this gate stands (R1, R17)."""

    gate: str
    gate_name: str
    venue: int
    venue_name: str
    checkpoint: int
    checkpoint_name: str
    direction: Direction


class Manifest(msgspec.Struct, frozen=True):
    """Which files make up snapshot (epoch, number), by SHA-256 in hex."""

    epoch: int
    number: int
    issued_at: int
    files: dict[str, str]
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A genuine set of updates. order: (epoch, number), compared as a tuple.

    keys_issued_at: when its key list was signed; a later list is never followed by an earlier one, for that would bring
    back a key that was withdrawn. lacking: files that belong to it and were not given; it is whole without any. staff:
    None where the centre sent no list, or it is lacking: then the gate knows no inspector.
    """

    order: tuple[int, int]
    issued_at: int
    ring: KeyRing
    sealing_key: bytes
    policy: Policy
    venue: VenueCard
    withdrawn: Withdrawn
    keys_issued_at: int = 0
    lacking: tuple[str, ...] = ()
    staff: Staff | None = None


def build(
    keys: bytes,
    policy: Policy,
    venue: VenueCard,
    order: tuple[int, int],
    issued_at: int,
    key: SigningKey,
    withdrawn: Withdrawn | None = None,
    staff: Staff | None = None,
) -> dict[str, bytes]:
    """The files of a snapshot. keys: the list as the root signed it. withdrawn, staff: None where none was yet."""
    files = {KEYS: keys, POLICY: jsonform.encode(policy), VENUE: jsonform.encode(venue)}
    if staff is not None:
        files[STAFF] = encode_staff(staff)
    if withdrawn is not None:
        files |= {WITHDRAWN: withdrawn.snapshot.content, WITHDRAWN_DELTA: withdrawn.delta.content}
    manifest = Manifest(order[0], order[1], issued_at, {name: sha256(data).hexdigest() for name, data in files.items()})
    return files | {MANIFEST: sign(jsonform.encode(manifest), key, MessageType.UPDATE)}


def sign_keys(keys: KeyList, root: SigningKey) -> bytes:
    """The key list under the root's signature."""
    return sign(jsonform.encode(keys), root, MessageType.KEYS)


def open_snapshot(files: Mapping[str, bytes], root: bytes) -> Snapshot:
    """Check a set of files against the root's public key (32 bytes) and read it.

    Files that a later version added are left alone; of the lists, what is not given is `lacking`. Raises NotGenuine or
    WireError; the sentence names the file. Order against what is in force is the caller's.
    """
    for name in FILES:
        if name not in files:
            raise WireError(f"{name} is missing")
    for name, limit in LIMITS.items():
        if len(files.get(name, b"")) > limit:
            raise WireError(f"{name} has more than {limit} bytes")
    key_list = open_keys(files[KEYS], root)
    ring = KeyRing(_verification_keys(key_list))
    opened = verify(files[MANIFEST], ring, MessageType.UPDATE)
    manifest = jsonform.decode(opened.payload, Manifest, MANIFEST)
    if manifest.v != VERSION:
        raise WireError(f"version {manifest.v} of updates; this gate reads version {VERSION}")
    if not opened.key.covers(manifest.issued_at):
        raise NotGenuine("key_not_valid", f"{MANIFEST}: its key was not valid when it was issued")
    for name in (KEYS, POLICY, VENUE, *OPTIONAL):
        if (name in FILES or name in files) and manifest.files.get(name) != sha256(files[name]).hexdigest():
            raise WireError(f"{name} does not belong to this set: its digest differs from the manifest's")
    return Snapshot(
        order=(manifest.epoch, manifest.number),
        issued_at=manifest.issued_at,
        ring=ring,
        sealing_key=_sealing_key(key_list, manifest.issued_at),
        policy=read_policy(files[POLICY]),
        venue=jsonform.decode(files[VENUE], VenueCard, VENUE),
        withdrawn=Withdrawn(*(StatusList(files[name]) if name in files else EMPTY for name in _STATUS_LIST)),
        keys_issued_at=key_list.issued_at,
        lacking=tuple(name for name in OPTIONAL if name in manifest.files and name not in files),
        staff=read_staff(files[STAFF]) if STAFF in files else None,
    )


def key_ring(data: bytes, root: bytes) -> KeyRing:
    """The keys of a list that the root signed. Raises NotGenuine or WireError."""
    return KeyRing(_verification_keys(open_keys(data, root)))


def open_keys(data: bytes, root: bytes) -> KeyList:
    """Check and read a key list. root: 32 bytes. Raises NotGenuine or WireError."""
    opened = verify(data, KeyRing([VerificationKey(root, Purpose.ROOT)]), MessageType.KEYS)
    key_list = jsonform.decode(opened.payload, KeyList, KEYS)
    if key_list.v != VERSION:
        raise WireError(f"version {key_list.v} of the key list; this gate reads version {VERSION}")
    if any(len(entry.public) != 32 for entry in key_list.keys):
        raise WireError(f"{KEYS}: a public key has 32 bytes")
    if any(entry.purpose in (Purpose.ROOT, Purpose.GATE) for entry in key_list.keys):
        raise WireError(f"{KEYS}: a key list names no root and no gate")
    return key_list


def _verification_keys(key_list: KeyList) -> Iterable[VerificationKey]:
    return [
        VerificationKey(entry.public, entry.purpose, entry.not_before, entry.not_after, entry.reject_issued_after)
        for entry in key_list.keys
    ]


def _sealing_key(key_list: KeyList, issued_at: int) -> bytes:
    """The newest sealing key that is valid at the time of issue: the last one listed."""
    for key in reversed(list(_verification_keys(key_list))):
        if key.purpose is Purpose.SEAL and key.covers(issued_at):
            return key.public
    raise WireError(f"{KEYS}: no sealing key is valid")
