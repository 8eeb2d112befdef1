"""PURE: what the programs on a gate tell each other about themselves – status.json, sync-status.json, identity.json."""

from __future__ import annotations

from enum import Enum

import msgspec

from sync.wire.record import ClockQuality, Direction


class Fault(str, Enum):
    """A part that is missing or sick. A state to show, never a reason to stop."""

    CAMERA = "camera"
    READER = "reader"
    THERMOMETER = "thermometer"
    PINS = "pins"
    BARRIER = "barrier"
    OUTBOX = "outbox"
    DISK = "disk"
    TRUST = "trust"
    PASSAGE = "passage"  # the sensor that tells whether somebody went through
    TURNSTILE = "turnstile"  # forced, or held open
    FIRE_LOOP = "fire_loop"  # open: the lock has no power, whatever the gate decides
    REVOKED = "revoked"  # the centre trusts this gate no longer: it lets nobody in


class Trouble(str, Enum):
    """Why gate-sync did not reach the centre, told apart (STYLE 5)."""

    NOT_PROVISIONED = "not_provisioned"  # no identity, key or updates yet
    NO_NETWORK = "no_network"
    NOT_THE_CENTRE = "not_the_centre"  # something answers in its place: a portal, a proxy, a wrong key
    REFUSED = "refused"  # the centre answered, and does not know or want this gate
    CENTRE_BUSY = "centre_busy"  # 429, 5xx
    OUR_FAULT = "our_fault"  # the centre says that what we sent is malformed, or our own disk failed


class StickPhase(str, Enum):
    """How far the copying to and from a stick is."""

    COPYING = "copying"
    WRITTEN = "written"  # everything is on it; it is still mounted
    COPIED = "copied"  # it may be pulled
    FAILED = "failed"  # it may be pulled too


class StickTrouble(str, Enum):
    """Why the copying failed."""

    NOT_MARKED = "not_marked"  # no stick for this work
    OTHER_CENTRE = "other_centre"
    FULL = "full"
    READ_ONLY = "read_only"
    PULLED = "pulled"  # or broken: it does not answer any more
    BAD_CONTENT = "bad_content"  # something on it is not what the centre or this gate put there
    NOT_PROVISIONED = "not_provisioned"
    OUR_FAULT = "our_fault"  # this machine's disk or program


STICK_SHOWN_SECONDS = 120.0
"""How long lamp and display say what became of a stick, after its copying ended."""


class StickStatus(msgspec.Struct, frozen=True):
    """The newest visit of a stick. mono: when this was written. done, total: what is copied, of how much.

    detail: one English sentence for IT. waits: the unit that mounted it says when it is unmounted.
    """

    boot: str
    mono: float
    wall: float
    pid: int
    phase: StickPhase
    done: int = 0
    total: int = 0
    trouble: StickTrouble | None = None
    detail: str | None = None
    waits: bool = False


class Handed(msgspec.Struct, frozen=True):
    """What gate-sync made of a `sync.handover.Handover`.

    id: the handover's. acknowledged: records that the centre holds, by its receipts. receipts: how many said something
    new; old: how many did not. updates: installed now, or None. cursors: by outbox, where what is carried next begins.
    troubles: sentences for IT.
    """

    id: str
    acknowledged: int = 0
    receipts: int = 0
    old: int = 0
    updates: tuple[int, int] | None = None
    cursors: dict[str, int] = {}
    troubles: list[str] = []


class QueueStatus(msgspec.Struct, frozen=True):
    """How the outbox is; the meaning of each count is `sync.outbox.OutboxHealth`'s."""

    damaged: int = 0
    burnt: int = 0
    segments: int = 0
    bytes_used: int = 0
    foreign: int = 0
    reserve_bytes: int = 0
    full: bool = False
    read_only: bool = False


class Shown(msgspec.Struct, frozen=True):
    """The result on the lamps now. signal: `hardware.ports.Signal`; codes: reasons, the deciding one first.

    number: counts results since the gate's start, so that a page can tell two alike results apart. tell_the_queue: the
    policy lets the display say the reason.
    """

    number: int
    signal: str
    codes: list[str]
    kind: str | None = None
    temperature: float | None = None
    tell_the_queue: bool = False


class Counts(msgspec.Struct, frozen=True):
    """Results since the gate started. refused: codes that were not genuine."""

    passed: int = 0
    denied: int = 0
    referred: int = 0
    refused: int = 0


WITHIN = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


class Work(msgspec.Struct, frozen=True):
    """What the gate did since it started. frames: looked at; read: those in which a code was read.

    openings: of the barrier, each `seconds` from the exposure of the newest frame to the relay (their sum).
    within: how many of them took at most `WITHIN` seconds each. stages: the sum of seconds by stage of the loop.
    """

    frames: int = 0
    read: int = 0
    openings: int = 0
    seconds: float = 0.0
    within: tuple[int, ...] = (0,) * len(WITHIN)
    stages: dict[str, float] = {}

    def plus(self, frames: int = 0, read: int = 0) -> Work:
        """So many more."""
        return msgspec.structs.replace(self, frames=self.frames + frames, read=self.read + read)

    def opened(self, seconds: float, stages: dict[str, float]) -> Work:
        """One opening more."""
        within = tuple(count + (seconds <= bound) for count, bound in zip(self.within, WITHIN, strict=True))
        sums = {name: self.stages.get(name, 0.0) + spent for name, spent in stages.items()}
        return msgspec.structs.replace(
            self, openings=self.openings + 1, seconds=self.seconds + seconds, within=within, stages=sums
        )


class GateStatus(msgspec.Struct, frozen=True):
    """How the gate is. wall: seconds since 1970; mono: seconds on this boot's monotonic clock, to tell the age.

    next_sequence: what the next record will be called; acknowledged: everything below is at the centre.
    lamps: name → lit, read from the pins ("pass", "deny", "refer", "link", "buzzer", "relay").
    hint: `hardware.ports.Hint`, what would help a visitor whose code is seen and not read (signal "reading").
    trust: [epoch, number] of the updates in force, None without; trust_issued_at: seconds since 1970.
    clock_error_seconds: greatest error of `wall`, None where nobody can say. nonce: the gate's own, 32 hex; a receipt
    that repeats it proves the time to the gate (DESIGN 5). enrolled: whether this device is a gate. setup_seconds: how
    long setting-up codes are still read because of the button, None for not.
    """

    wall: float
    boot: str
    mono: float
    pid: int
    software: str
    signal: str
    clock: ClockQuality
    outbox: str
    next_sequence: int
    acknowledged: int
    lamps: dict[str, bool]
    shown: Shown | None = None
    hint: str | None = None
    counts: Counts = Counts()
    faults: list[Fault] = []
    gate: str | None = None
    gate_name: str | None = None
    venue_name: str | None = None
    checkpoint_name: str | None = None
    direction: Direction | None = None
    trust: tuple[int, int] | None = None
    trust_issued_at: int | None = None
    queue: QueueStatus = QueueStatus()
    work: Work = Work()
    disk_used: float | None = None
    board_celsius: float | None = None
    clock_error_seconds: float | None = None
    nonce: str | None = None
    enrolled: bool = True
    setup_seconds: int | None = None

    @property
    def backlog(self) -> int:
        """Records that the centre does not hold yet."""
        return self.next_sequence - self.acknowledged


class Step(str, Enum):
    """How far an enrolment is."""

    ASKING = "asking"  # the centre of the code has not answered yet
    CONFIRM = "confirm"  # IT compares the key words that the display shows with those that the centre shows
    REFUSED = "refused"  # by the centre, or by this device, which does not believe the answer
    ENROLLED = "enrolled"


class Setup(msgspec.Struct, frozen=True):
    """What becomes of a code that the gate handed over, or of a request on a stick.

    number: counts changes since gate-sync started. words, words_zh: of the device's key, to be compared by people.
    detail: one English sentence for IT.
    """

    number: int
    step: Step
    words: str = ""
    words_zh: str = ""
    detail: str = ""


class WifiStep(str, Enum):
    """How far joining a network is. The others are why it failed."""

    JOINING = "joining"
    JOINED = "joined"
    UNREADABLE = "unreadable"  # the code is none, or of a kind that a gate does not join
    NO_SUCH_NETWORK = "no_such_network"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a reason
    NO_ADDRESS = "no_address"  # joined, and nobody gave it an address
    NO_WIFI = "no_wifi"  # no adapter, or it is switched off
    NO_NETWORK_MANAGER = "no_network_manager"
    NOT_ALLOWED = "not_allowed"
    TIMED_OUT = "timed_out"


class WifiSetup(msgspec.Struct, frozen=True):
    """What becomes of a Wi-Fi code. number: as `Setup`'s. network: its name; never its password."""

    number: int
    step: WifiStep
    network: str = ""


class SyncStatus(msgspec.Struct, frozen=True):
    """How the link to the centre is. mono: when this was written.

    connected: the newest exchange brought a genuine receipt. last_contact: seconds since 1970 of that exchange, None
    before the first. backlog: records that wait. detail: one English sentence for IT, beside the trouble's code.
    next_attempt_mono: when the next exchange is due, on the monotonic clock. answered_mono: when the newest one ended,
    well or not. incidents: how many lines `gate-sync status` shows of what did not go the plain way. stick: a visit
    that goes on, or ended lately. handed: the newest answer to who copies there. setup, wifi: what becomes of the
    newest code of each kind, None for none. revoked: the centre's newest word is that it trusts this gate no longer.
    """

    wall: float
    boot: str
    mono: float
    pid: int
    connected: bool
    backlog: int
    last_contact: float | None = None
    trouble: Trouble | None = None
    detail: str | None = None
    next_attempt_mono: float | None = None
    failures: int = 0
    answered_mono: float | None = None
    incidents: int = 0
    stick: StickStatus | None = None
    handed: Handed | None = None
    setup: Setup | None = None
    wifi: WifiSetup | None = None
    revoked: bool = False


class Handover(msgspec.Struct, frozen=True):
    """A code that is no visitor's, which the gate read while it might. boot, mono: when, to tell an old one."""

    text: str
    boot: str
    mono: float


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which gate this is. collector: base address such as https://centre.example; ca: a PEM file's path, or None."""

    gate: str
    collector: str
    ca: str | None = None
