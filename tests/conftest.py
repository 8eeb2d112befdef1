"""What many tests share: an authority with real keys, which issues passes, updates and receipts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sync.outbox.durable import make_directory, replace_file
from sync.wire.keys import Purpose, SigningKey
from sync.wire.passes import PassClaims, PassKind, Status, issue
from sync.wire.policy import Policy
from sync.wire.receipt import Receipt, sign_receipt
from sync.wire.record import ClockQuality, Direction, Moment
from sync.wire.staff import Staff
from sync.wire.statedir import StateDir
from sync.wire.statuslist import Withdrawn
from sync.wire.updates import KeyEntry, KeyList, Snapshot, VenueCard, build, open_snapshot, sign_keys

NOW = 1_650_000_000  # 15 April 2022, the day of the notice
VENUE = VenueCard("g1", "南门闸机", 7, "西南镇农贸市场", 3, "南门", Direction.IN)


class Authority:
    """The centre's keys and what it signs with them."""

    def __init__(self) -> None:
        self.root = self._key(Purpose.ROOT)
        self.passes = self._key(Purpose.PASS)
        self.updates = self._key(Purpose.UPDATE)
        self.receipts = self._key(Purpose.RECEIPT)
        self.seal = X25519PrivateKey.generate()

    @staticmethod
    def _key(purpose: Purpose) -> SigningKey:
        return SigningKey(Ed25519PrivateKey.generate(), purpose)

    def key_list(self, number: int = 1, **changes: dict[str, int]) -> bytes:
        """The signed list; changes: purpose name → fields of its `KeyEntry`."""
        entries = [
            KeyEntry(key.public, key.purpose, **changes.get(key.purpose.value, {}))
            for key in (self.passes, self.updates, self.receipts)
        ]
        entries.append(KeyEntry(self.seal.public_key().public_bytes_raw(), Purpose.SEAL))
        return sign_keys(KeyList(1, number, NOW, entries), self.root)

    def files(
        self,
        number: int = 1,
        policy: Policy | None = None,
        venue: VenueCard = VENUE,
        issued_at: int = NOW,
        epoch: int = 1,
        withdrawn: Withdrawn | None = None,
        staff: Staff | None = None,
        **changes: dict[str, int],
    ) -> dict[str, bytes]:
        """The files of one snapshot."""
        keys = self.key_list(number, **changes)
        return build(keys, policy or Policy(), venue, (epoch, number), issued_at, self.updates, withdrawn, staff)

    def snapshot(self, **options: object) -> Snapshot:
        """A snapshot as the gate opens it."""
        return open_snapshot(self.files(**options), self.root.public)  # type: ignore[arg-type]

    def install(self, state: StateDir, **options: object) -> None:
        """Put a snapshot and the root key into a gate's directory, as gate-sync would."""
        files = self.files(**options)  # type: ignore[arg-type]
        self.put(state, files, f"{options.get('epoch', 1)}-{options.get('number', 1)}")

    def put(self, state: StateDir, files: dict[str, bytes], name: str) -> None:
        """Put these files into force as updates `name`, whatever they are."""
        make_directory(state.updates / name)
        for file, content in files.items():
            replace_file(state.updates / name / file, content, durable=False)
        link = state.updates / ".link"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        link.replace(state.current_updates)
        replace_file(state.root_key, self.root.public.hex().encode(), durable=False)

    def pass_text(self, key: SigningKey | None = None, **claims: object) -> str:
        """A pass as a visitor shows it: a green scan result for the gate of VENUE unless said otherwise."""
        return issue(self.claims(**claims), key or self.passes)

    @staticmethod
    def claims(**changes: object) -> PassClaims:
        """The claims of a green scan result for the gate of VENUE, with changes."""
        fields: dict[str, object] = {
            "issuer": "xinan",
            "issued_at": NOW,
            "expires_at": NOW + 120,
            "serial": os.urandom(12),
            "kind": PassKind.SCAN_RESULT,
            "status": Status.GREEN,
            "status_at": NOW - 3600,
            "venue": VENUE.venue,
            "checkpoint": VENUE.checkpoint,
        }
        return PassClaims(**(fields | changes))  # type: ignore[arg-type]

    def receipt(self, outbox: str, next_sequence: int, **changes: object) -> bytes:
        """A signed receipt for the gate of VENUE."""
        fields: dict[str, object] = {
            "gate": VENUE.gate,
            "outbox": outbox,
            "epoch": 1,
            "next": next_sequence,
            "centre_time": float(NOW),
            "nonce": "00" * 16,
        }
        return sign_receipt(Receipt(**(fields | changes)), self.receipts)  # type: ignore[arg-type]


@pytest.fixture
def authority() -> Authority:
    """A fresh authority."""
    return Authority()


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """A gate's empty state directory."""
    directory = StateDir.at(tmp_path / "gate")
    make_directory(directory.root)
    make_directory(directory.run)
    return directory


def moment(at: float = NOW + 1, clock: ClockQuality = ClockQuality.SYNCHRONIZED, mono: float = 100.0) -> Moment:
    """A moment of the gate's clock."""
    return Moment(at, "boot", mono, clock)


@pytest.fixture(name="moment")
def _moment() -> object:
    """`moment(at, clock, mono)`."""
    return moment
