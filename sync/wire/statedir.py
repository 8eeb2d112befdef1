"""PURE: the directory that the programs on a gate share – which file is where, and who alone writes it.

`root` survives a reboot (/var/lib/venue-gate); `run` need not (/run/venue-gate), so that the files that change many
times a second wear no card. Nothing here reads or writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StateDir:
    """The paths of one gate. Each property names the only program that writes there."""

    root: Path
    run: Path

    @classmethod
    def at(cls, root: Path, run: Path | None = None) -> StateDir:
        """The state directory at `root`; `run` is inside it unless said."""
        return cls(root, run or root / "run")

    @property
    def outbox(self) -> Path:
        """Writer: gate. The queue (`sync.outbox`)."""
        return self.root / "outbox"

    @property
    def status(self) -> Path:
        """Writer: gate. `GateStatus` as JSON, replaced by rename."""
        return self.run / "status.json"

    @property
    def clock(self) -> Path:
        """Writer: gate. The newest proved time as JSON (`edge.clock`), so that no restart goes back behind it."""
        return self.root / "clock.json"

    @property
    def receipts(self) -> Path:
        """Writer: gate-sync. One file for each outbox id: the newest signed receipt, verbatim. It is the cursor."""
        return self.root / "receipts"

    @property
    def updates(self) -> Path:
        """Writer: gate-sync. `<epoch>-<number>/` holds one immutable snapshot; `current` is a link to the newest."""
        return self.root / "updates"

    @property
    def current_updates(self) -> Path:
        """Writer: gate-sync. The link to the snapshot in force, swapped by rename."""
        return self.updates / "current"

    @property
    def sync_status(self) -> Path:
        """Writer: gate-sync. `SyncStatus` as JSON, replaced by rename."""
        return self.run / "sync-status.json"

    @property
    def wake(self) -> Path:
        """Writer: any program of the gate. Touching it asks gate-sync for an exchange now: no content, none to tear."""
        return self.run / "wake"

    @property
    def incidents(self) -> Path:
        """Writer: gate-sync. `Incidents` as JSON: what did not go the plain way, for IT."""
        return self.root / "incidents.json"

    @property
    def delivered(self) -> Path:
        """Writer: gate-sync. How far each outbox was sent whose newest receipt is no cursor, as JSON."""
        return self.root / "delivered.json"

    @property
    def courier(self) -> Path:
        """Writer: gate-sync. Which batches left on sticks (`sync.handover.Carried`), as JSON."""
        return self.root / "courier.json"

    @property
    def handover(self) -> Path:
        """Writer: whoever copies to a stick. `sync.handover.Handover`, for the gate-sync that runs."""
        return self.run / "handover"

    @property
    def stick(self) -> Path:
        """Writer: whoever copies to a stick. `StickStatus` as JSON; gate-sync tells it on in its own status."""
        return self.run / "stick.json"

    @property
    def unplugged(self) -> Path:
        """Writer: the unit that mounts sticks. Touched when the stick is unmounted."""
        return self.run / "stick-out"

    @property
    def private(self) -> Path:
        """Writer: gate-sync. What no other program may read: the unit shuts `gate` out of it."""
        return self.root / "private"

    @property
    def device_key(self) -> Path:
        """Writer: gate-sync (or the provisioning by hand). 32 bytes in hex, mode 0600; it never leaves this device."""
        return self.private / "device.key"

    @property
    def enrolling(self) -> Path:
        """Writer: gate-sync. `sync.enrolling.Journal` as JSON, mode 0600, while an enrolment or a key roll goes on."""
        return self.private / "enrolling.json"

    @property
    def enrolment(self) -> Path:
        """Writer: gate. A `Handover`: the enrolment code that the camera read, while one may be read."""
        return self.run / "enrolment"

    @property
    def wifi(self) -> Path:
        """Writer: gate; mode 0600. A `Handover` of a Wi-Fi code; gate-sync takes it away, for a password is in it."""
        return self.run / "wifi"

    @property
    def identity(self) -> Path:
        """Writer: as `device_key`. `Identity` as JSON: which gate this is and where its centre is."""
        return self.root / "identity.json"

    @property
    def town_ca(self) -> Path:
        """Writer: the installation. The town's own certificate authority as PEM, where its centre has such a one."""
        return self.root / "ca.pem"

    @property
    def root_key(self) -> Path:
        """Writer: the installation. The public root key, 32 bytes in hex; everything else is checked from it."""
        return self.root / "root.pub"

    def receipt(self, outbox_id: str) -> Path:
        """Writer: gate-sync. The newest receipt for that outbox."""
        return self.receipts / outbox_id
