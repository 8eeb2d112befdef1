"""The plug is pulled at random instants while people pass: what was seen on the relay's pin is on the card, afterwards.

With a card that keeps what was flushed (writethrough) nothing may be missing. With one that lies about it (writeback)
something will be: then it is told how much, and the gate still starts. Some of the honest cuts come in the very moment
in which the relay moves: there a gate that opens first and records then is found out at once.
CUTS, EDGES and LIES say how often each; SEED makes the same instants.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sync.wire.policy import Policy
from sync.wire.record import Record, Started
from tests.emulated_pi.card import Disk
from tests.emulated_pi.ground import ANSWER_SECONDS, PINS, Ground, Seen, let_in
from tests.emulated_pi.machine import Options
from tests.emulated_pi.town import BENCH, EMPTY, Town, draw_picture

CUTS, EDGES, LIES = (int(os.environ.get(name) or usual) for name, usual in (("CUTS", 30), ("EDGES", 6), ("LIES", 4)))
SEED = int(os.environ.get("SEED") or time.time())
Numbers = set[tuple[str, int]]
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
PEOPLE = 12  # in the queue, again and again
PASSING_SECONDS = 16.0
MAPPED_SECONDS = 0.1  # of error between the two machines' clocks
DECIDED_SECONDS = 8.0  # at most, between the frame that a record is of and the relay, on an emulated processor


@dataclass(slots=True)
class Ledger:
    """What was seen from outside. openings: by boot, in the guest's monotonic seconds; kept: the records, as read.

    behind: starts that were recorded under a number that the centre had already. vanished: numbers that were on the
    card or at the centre, and are on neither. spare: records of people who were let in, before an opening and belonging
    to none: such a one could stand for an opening that has no record.
    """

    openings: dict[str, list[float]] = field(default_factory=dict)
    kept: dict[tuple[str, int], Record] = field(default_factory=dict)
    rewritten: list[tuple[str, int]] = field(default_factory=list)
    behind: int = 0
    vanished: set[tuple[str, int]] = field(default_factory=set)
    spare: list[float] = field(default_factory=list)

    def take(self, records: list[tuple[str, int, Record]]) -> None:
        """The card's records now: a number that holds another record than before was used twice."""
        for outbox, number, record in records:
            if self.kept.setdefault((outbox, number), record) != record:
                self.rewritten.append((outbox, number))

    def missing(self, boot: str) -> list[float]:
        """Openings of this boot without a record: each needs one of its own, from before it. Keeps what is spare."""
        decided = sorted(
            record.when.mono  # type: ignore[union-attr]
            for record in self.kept.values()
            if let_in(record) and record.when.boot == boot
        )
        lost = []
        for opened in self.openings[boot]:
            before = [at for at in decided if opened - DECIDED_SECONDS <= at <= opened + MAPPED_SECONDS]
            if before:
                decided.remove(before[-1])
            else:
                lost.append(opened)
        last = max(self.openings[boot], default=0.0)
        self.spare += [at for at in decided if at < last - MAPPED_SECONDS]  # after it: cut before the relay moved
        return lost


@dataclass(slots=True)
class _Told:
    """started: how often; longest: seconds from power to the gate; lost: openings without a record."""

    started: int = 0
    longest: float = 0.0
    lost: int = 0


def run(ground: Ground) -> None:
    """First with an honest card, then with one that lies."""
    chance = random.Random(SEED)
    ground.findings.say(f"SEED={SEED}")
    for cache, times, edges in (("writethrough", CUTS, EDGES), ("writeback", LIES, 0)):
        if times + edges:
            _cuts(ground, cache, times, edges, chance)


def _cuts(ground: Ground, cache: str, at_random: int, at_edges: int, chance: random.Random) -> None:
    times = at_random + at_edges
    directory = ground.directory / cache
    town = Town(directory / "town", Policy(reuse_seconds=0))  # few people walk through many times

    def people(root: Path) -> None:
        town.provision(root)
        for number in range(PEOPLE):
            draw_picture(root / BENCH / "queue" / f"{2 * number:02}.png", town.pass_text())
            shutil.copy(root / BENCH / "pictures" / EMPTY, root / BENCH / "queue" / f"{2 * number + 1:02}.png")

    disk = Disk(directory, ground.card(town, people, queue=True))
    ledger, told = Ledger(), _Told()
    try:
        with town.serving() as port:
            for cut in range(times + 1):
                known = {(outbox, number) for outbox, number, _ in town.records()}
                options = Options(cache=cache, wall=time.time(), centre_port=port)
                with ground.pi(disk.card, options) as gate:
                    told.longest = max(told.longest, gate.working())
                    told.started += 1
                    told.lost += _compare(ground, gate, town, ledger, known)
                    seen = sum(map(len, ledger.openings.values()))
                    ground.findings.say(f"{cache}: cut {cut} of {times}, {seen} openings seen, {told.lost} lost")
                    if cut < times:
                        _pass_and_cut(gate, disk, ledger, chance.uniform(0.0, PASSING_SECONDS), cut >= at_random)
                disk.restore()
    finally:
        _tell(ground, cache, times, ledger, town, told)
        disk.close()


def _pass_and_cut(gate: Seen, disk: Disk, ledger: Ledger, seconds: float, at_edge: bool) -> None:
    """People pass for so long; then the disk and the Pi lose their power, in this order, within milliseconds.

    at_edge: in the moment in which the relay is pulled next.
    """
    here, there, _, boot = gate.pi.bench.time()
    gate.relay_opens(gate.pi.started, ANSWER_SECONDS)
    time.sleep(seconds)
    if at_edge:
        gate.relay_opens(time.monotonic(), ANSWER_SECONDS)
    disk.cut()
    gate.pi.cut()
    ledger.openings[boot] = [at - here + there for at in gate.pi.pins.rises(PINS.relay)]


def _compare(ground: Ground, gate: Seen, town: Town, ledger: Ledger, known: Numbers) -> int:
    """After a start: how many openings of the boot before have no record now. known: what the centre had before it."""
    here = gate.records()
    there = town.records()
    ledger.take([*here, *((outbox, number, _DECODER.decode(raw)) for outbox, number, raw in there)])
    ledger.vanished |= ledger.kept.keys() - {(outbox, number) for outbox, number, _ in (*here, *there)}
    boot = gate.pi.bench.time()[3]
    started = [
        (outbox, number) for outbox, number, record in here if isinstance(record, Started) and record.when.boot == boot
    ]
    ledger.behind += not started or any(name in known for name in started)
    boots = list(ledger.openings)
    lost = ledger.missing(boots[-1]) if boots else []
    for at in lost:
        ground.findings.say(f"an opening without a record: boot {boots[-1]}, {at:.3f} s")
    return len(lost)


def _tell(ground: Ground, cache: str, times: int, ledger: Ledger, town: Town, told: _Told) -> None:
    findings, opened = ground.findings, sum(map(len, ledger.openings.values()))
    findings.note(
        f"{cache}: after each cut the gate starts by itself",
        told.started == times + 1,
        told.started - 1,
        "starts",
        f"{times}",
    )
    findings.measure(f"{cache}: power on → the gate answers, the longest", told.longest, "s")
    conflicts = len(town.programs.ask("SELECT sequence, raw FROM conflict"))
    outboxes = len({outbox for outbox, _ in ledger.kept})
    findings.measure(f"{cache}: records on the card and at the centre", len(ledger.kept), "records")
    if cache == "writethrough":
        findings.note(
            f"{cache}: each opening that was seen has its record", not told.lost, told.lost, f"lost of {opened}", "0"
        )
        findings.note(
            f"{cache}: no number has two records", not ledger.rewritten, len(ledger.rewritten), "numbers", "0"
        )
        findings.note(
            f"{cache}: no number that the centre has is given out again",
            not ledger.behind,
            ledger.behind,
            "starts",
            "0",
        )
        findings.note(f"{cache}: no record vanished", not ledger.vanished, len(ledger.vanished), "records", "0")
        findings.note(
            f"{cache}: no record without an opening before it ended", not ledger.spare, len(ledger.spare), "spare", "0"
        )
        findings.note(f"{cache}: the centre saw no conflict", not conflicts, conflicts, "conflicts", "0")
        findings.note(f"{cache}: it is one outbox all the time", outboxes == 1, outboxes, "outboxes", "1")
    else:
        findings.measure(f"{cache}: openings without a record, of {opened}", told.lost, "lost")
        findings.measure(f"{cache}: numbers that the card gave out again", len(ledger.rewritten), "numbers")
        findings.measure(f"{cache}: conflicts that the centre kept and tells", conflicts, "conflicts")
        findings.measure(f"{cache}: outboxes, a new one where the card was found out", outboxes, "outboxes")
