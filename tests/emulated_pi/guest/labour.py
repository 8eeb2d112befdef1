"""The gate's work, timed on whatever machine runs it: medians in seconds, as JSON. Arguments: a pass's file, a
picture, a gate's state directory.
"""

import json
import statistics
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import credentials
from edge.decide import Situation, decide
from edge.trust import Trust
from edge.verify import verify
from hardware.photographs import load_luma
from hardware.ports import Frame
from hardware.symbols import CascadeReader
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Moment
from sync.wire.statedir import StateDir


def median(work, times):
    work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def count():
    total = 0
    for number in range(100_000):
        total += number & 7
    return total


text, luma = Path(sys.argv[1]).read_text(), load_luma(Path(sys.argv[2]), 1280)
trust = Trust(StateDir.at(Path(sys.argv[3])))
trust.refresh()
assert trust.in_force is not None, trust.trouble
key = Ed25519PrivateKey.generate()
signature = key.sign(b"x" * 149)
now, reader = Moment(time.time(), "boot", time.monotonic(), ClockQuality.SYNCHRONIZED), CascadeReader()


def decision():
    return decide(verify(credentials.read(text), trust.in_force, now), Policy(), Situation(now))


def reading():
    return reader.read(Frame(luma, 1, time.monotonic()))


print(
    json.dumps(
        {
            "a loop of 100,000 additions in Python": median(count, 9),
            "an Ed25519 verification": median(lambda: key.public_key().verify(signature, b"x" * 149), 99),
            "a code's text → a decision": median(decision, 99),
            "a frame with a code → its text": median(reading, 15),
        }
    )
)
