"""From the text of a code to the relay: what deciding costs beside one bare signature check (DESIGN 10).

And what a status list costs: a million withdrawn passes, searched as they are (DESIGN 4).
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rows import Options, Row

from edge import credentials
from edge.decide import Situation, decide
from edge.verify import verify
from sync.outbox import Outbox
from sync.wire.policy import Policy
from sync.wire.statedir import StateDir
from sync.wire.statuslist import EMPTY, StatusList, Withdrawn
from tests.conftest import Authority, moment
from tests.edge.test_gate import Bench


def suite(options: Options, tell: Callable[[str], None]) -> list[Row]:
    """Interleaved: text → decision, one bare Ed25519 check, and text → relay with its record on the disk."""
    rounds = 200 if options.quick else 3_000
    authority = Authority()
    snapshot, now, policy = authority.snapshot(), moment(), Policy()
    situation = Situation(now, 36.5, None, snapshot.issued_at)
    public = Ed25519PublicKey.from_public_bytes(authority.passes.public)
    message = b"x" * 150
    signature = authority.passes.private.sign(message)
    texts = [authority.pass_text() for _ in range(rounds)]

    tell(f"{rounds} decisions")
    deciding, checking = [], []
    for text in texts:
        deciding.append(
            _cpu(lambda text=text: decide(verify(credentials.read(text), snapshot, now), policy, situation))
        )
        checking.append(_cpu(lambda: public.verify(signature, message)))

    tell("the status list")
    listed = _status_list(1_000_000 if not options.quick else 10_000)
    probes = [os.urandom(12) for _ in range(rounds)]
    looking = [_cpu(lambda probe=probe: listed.lists(probe, 0.0)) for probe in probes]

    tell(f"{rounds} passages through a gate")
    relay = _passages(authority, texts)
    decision, check = statistics.median(deciding), statistics.median(checking)
    return [
        Row("text → decision, p50", decision * 1e6, "µs CPU"),
        Row("text → decision, p99", _p99(deciding) * 1e3, "ms CPU", "≤ 2", _p99(deciding) <= 0.002),
        Row("text → decision / bare signature check", decision / check, "×"),
        Row("text → relay with its record, p50", statistics.median(relay) * 1e6, "µs CPU"),
        Row(f"status list of {listed.snapshot.listed:,}, look-up p50", statistics.median(looking) * 1e6, "µs CPU"),
        Row("status list, look-up p99", _p99(looking) * 1e6, "µs CPU", "≤ 50", _p99(looking) <= 50e-6),
        Row("status list, size", len(listed.snapshot.content) / 1e6, "MB"),
        Row("text → relay with its record, p99", _p99(relay) * 1e3, "ms CPU", "≤ 2", _p99(relay) <= 0.002),
    ]


def _status_list(count: int) -> Withdrawn:
    """So many entries, evenly spread as random serials are."""
    step = 2**64 // count
    prefixes = b"".join((number * step).to_bytes(8, "big") for number in range(count))
    head = b"VSL1" + count.to_bytes(4, "big") + bytes(4)
    return Withdrawn(StatusList(head + prefixes + b"\xff" * 4 * count), EMPTY)


def _passages(authority: Authority, texts: list[str]) -> list[float]:
    """The gate of the tests, with its real outbox and mock pins; the wait for the disk is no processor time."""
    with tempfile.TemporaryDirectory() as directory:
        state = StateDir.at(Path(directory))
        state.run.mkdir()
        authority.install(state)
        with Outbox(state.outbox, "board:card") as outbox:
            opened_at = [0.0]

            def watch(pin: str, level: bool) -> None:
                if pin == "GPIO17" and level:
                    opened_at[0] = time.thread_time()

            bench = Bench(authority, state, outbox, watch)
            times = []
            for text in texts:
                started = time.thread_time()
                bench.gate.answer(text, bench.clock.now())
                times.append(opened_at[0] - started)
                bench.close_barrier()
            assert bench.openings == len(texts)
            bench.barrier.close()
            bench.indicator.close()
            return times


def _cpu(act: Callable[[], object]) -> float:
    """Processor seconds of this thread."""
    started = time.thread_time()
    act()
    return time.thread_time() - started


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
