"""A program that is going to be killed: writes an outbox, says what it is about to do and what it has done.

python outbox_writer.py DIRECTORY SEED       prints lines "try N", "ack ID N", "done NEXT"; record N is in `record`
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sync.outbox import Limits, Outbox

LIMITS = Limits(segment_records=20, kept_bytes=20_000, reserve_bytes=0)


def record(outbox_id: str, number: int, seed: int) -> bytes:
    """Tells from which life and for which number it is; of any length up to 4 KB."""
    drawn = random.Random(f"{outbox_id} {number} {seed}")
    return b'{"seed":%d,"n":%d,"fill":"%b"}' % (seed, number, b"x" * drawn.choice([0, 10, 400, 4000]))


def say(line: str) -> None:
    """In one system call, so that a killed process has said it whole or not at all."""
    os.write(1, f"{line}\n".encode())


def main(directory: Path, seed: int) -> None:
    drawn = random.Random(seed)
    with Outbox(directory, "m", LIMITS) as outbox:
        say(f"open {outbox.id} {outbox.next}")
        while True:
            number = outbox.next
            say(f"try {number}")
            assert outbox.append(record(outbox.id, number, seed)) == number
            say(f"ack {number}")
            if drawn.random() < 0.05:
                covered = drawn.randint(outbox.acknowledged, outbox.next)
                say(f"covered {covered}")
                outbox.acknowledge(covered)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
