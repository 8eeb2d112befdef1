"""Gates of one checkpoint that send at the same time: each adds to the same hours (found by `collector simulate`)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.collector.intake.api import take_batch
from sync.collector.invariants import broken
from sync.wire.record import ClockQuality, Moment, Outcome
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site

GATES, BATCHES, PER_BATCH, HOURS = 6, 6, 60, 40


def send(site: Site, gate: Gate, seed: int) -> int:
    """Batches whose records touch the same hours in another order at each gate; the last receipt's `next`."""
    rng, first = random.Random(seed), 1
    for _ in range(BATCHES):
        records = [
            gate.record(
                first + number,
                when=Moment(NOW - 3600 * rng.randrange(HOURS), "b" * 36, 1.0, ClockQuality.SYNCHRONIZED),
                kind=rng.choice(["saved", "paper", None]),
                outcome=rng.choice(list(Outcome)),
            )
            for number in range(PER_BATCH)
        ]
        first = gate.receipt(take_batch(site.centre, gate.batch(first, records), NOW)).next
    return first


@pytest.mark.parametrize("new_state", DATABASES, indirect=True)
def test_gates_that_count_into_the_same_hours_do_not_stand_in_each_others_way(site: Site) -> None:
    """No transaction is given up as a deadlock: a gate would be told 503 and come again, after a second for nothing."""
    gates = [site.gate(f"{number}号闸机") for number in range(GATES)]
    with ThreadPoolExecutor(GATES) as pool:
        reached = list(pool.map(send, [site] * GATES, gates, range(GATES)))
    assert reached == [BATCHES * PER_BATCH + 1] * GATES
    assert broken(site.centre.database) == []
