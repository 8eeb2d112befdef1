"""A gate that runs for a year must not grow: a million decisions, and a million withdrawn passes (DESIGN 4, 10)."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge import credentials
from edge.clock import Clock
from edge.decide import Situation, decide
from edge.folding import Folding
from edge.ledger import place_of, policy_name, scan_of
from edge.presence import Presence
from edge.recent import MAX_USES, RecentUses
from edge.verify import Genuine, verify
from tests.edge.test_clock import Machine

NOW = 1_650_000_000
LIST_CHILD = """
import sys
from pathlib import Path
from sync.wire.statuslist import EMPTY, StatusList, Withdrawn
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
before = resident()
listed = Withdrawn(StatusList(Path(sys.argv[1]).read_bytes()), EMPTY)
found = sum(listed.lists(number.to_bytes(12, "big"), 0.0) for number in range(0, 2**40, 2**24))
print(resident() - before, listed.snapshot.listed)
"""


def resident_bytes() -> int:
    """Of this process, now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_a_million_decisions(authority):
    """After the memory of uses is full, nothing grows: genuine passes, forged ones, and texts that are no pass."""
    machine = Machine(NOW + 1.0, 0.01)
    clock, trust = Clock(machine), authority.snapshot()
    recent, folding, presence = RecentUses(), Folding(), Presence()
    stranger = type(authority)()
    texts = [authority.pass_text() for _ in range(400)] + [stranger.pass_text() for _ in range(50)]

    def decide_about(number: int) -> None:
        machine.seconds += 0.5
        now = clock.now()
        text = texts[number % len(texts)] if number % 10 else f"code {number}"
        presence.newly_shown([text], now.mono)
        verification = verify(credentials.read(text), trust, now)
        decision = decide(verification, trust.policy, Situation(now, 36.5, None, trust.issued_at))
        if isinstance(verification, Genuine):
            clock.saw(verification.claims, now)
            scan = scan_of(decision, verification.claims, place_of(trust), policy_name(trust))
            recent.scanned("o", number, msgspec.structs.replace(scan, serial=f"{number:024x}"))
        else:
            folding.note(verification.reason, now.mono)
            list(folding.due(now.mono))

    for number in range(3 * MAX_USES):
        decide_about(number)
    before = resident_bytes()
    for number in range(3 * MAX_USES, 3 * MAX_USES + 1_000_000):
        decide_about(number)
    assert resident_bytes() - before < 2_000_000


def test_a_million_withdrawn_passes_take_less_than_twenty_megabytes(tmp_path):
    """Measured from outside, in a process of its own."""
    count = 1_000_000
    path = tmp_path / "withdrawn.list"
    prefixes = b"".join(number.to_bytes(8, "big") for number in range(0, count * 3, 3))
    path.write_bytes(b"VSL1" + count.to_bytes(4, "big") + bytes(4) + prefixes + b"\xff" * (4 * count))
    done = subprocess.run([sys.executable, "-c", LIST_CHILD, str(path)], capture_output=True, text=True, check=True)
    grown, listed = map(int, done.stdout.split())
    assert listed == count
    assert grown < 20_000_000
