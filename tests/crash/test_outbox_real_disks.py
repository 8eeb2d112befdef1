"""The outbox on real disks that are cut off, full or failing. As root: a missing privilege is a failure here."""

from __future__ import annotations

import fcntl
import random
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sync.outbox import AppendFailed, Limits, Outbox, OutboxError, OutboxFull, readers
from sync.outbox.segments import segment_path
from sync.wire.batch import Hole

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_FLUSHING_THE_LOG = 2
LIMITS = Limits(segment_records=20, kept_bytes=20_000, free_bytes=0, reserve_bytes=0)


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


@contextmanager
def mounted(*arguments: str | Path) -> Iterator[Path]:
    """Mount; the last argument is the place."""
    place = Path(arguments[-1])
    place.mkdir(exist_ok=True)
    run("mount", *arguments)
    try:
        yield place
    finally:
        run("umount", place)


def everything(directory: Path) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for reader in readers(directory):
        extract = reader.read(reader.first(), 10_000_000, 1 << 40)
        found |= {n: it for n, it in extract.entries() if not isinstance(it, Hole)}
    return found


def record(round_: int, number: int) -> bytes:
    return b'{"round":%d,"n":%d,"fill":"%b"}' % (round_, number, b"x" * (number * 37 % 900))


def test_a_real_power_cut_loses_nothing(tmp_path: Path) -> None:
    """R2: ext4 shut down without flushing its log, 120 times, while a thread appends and another sends."""
    image, place = tmp_path / "card.img", tmp_path / "card"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    run("mkfs.ext4", "-q", image)
    acked: dict[int, bytes] = {}
    sent: dict[int, bytes] = {}
    tried: dict[int, set[bytes]] = {}
    covered, drawn = 1, random.Random(1)
    for round_ in range(120):
        with mounted("-o", "loop", image, place):
            outbox = Outbox(place / "outbox", "m", LIMITS)
            check(place / "outbox", outbox, acked, sent, tried, covered)
            covered = max(covered, outbox.next - drawn.randint(0, 60))
            outbox.acknowledge(covered)
            cut = threading.Event()
            with ThreadPoolExecutor(2) as beside:
                appending = beside.submit(append_until_cut, outbox, round_, cut, acked, tried)
                sending = beside.submit(send_until_cut, place / "outbox", sent, cut)
                wait_until_more(acked, drawn.randint(0, 40))
                if round_ % 2:
                    cut.set()
                    appending.result()
                    leave_half_a_line(outbox, place / "outbox")
                with (place / "outbox" / "LOCK").open() as file:
                    cut.set()
                    fcntl.ioctl(file, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_LOG))
                appending.result()
                sending.result()
            outbox.close()
    with mounted("-o", "loop", image, place), Outbox(place / "outbox", "m", LIMITS) as outbox:
        check(place / "outbox", outbox, acked, sent, tried, covered)
    run("e2fsck", "-fn", image)
    print(f"120 power cuts: {len(acked)} acknowledged appends, {len(sent)} sent")
    assert len(acked) > 1000
    assert sent


def wait_until_more(acked: dict[int, bytes], more: int) -> None:
    goal, deadline = len(acked) + more, time.monotonic() + 30
    while len(acked) < goal and time.monotonic() < deadline:
        time.sleep(0.0002)


def append_until_cut(
    outbox: Outbox,
    round_: int,
    cut: threading.Event,
    acked: dict[int, bytes],
    tried: dict[int, set[bytes]],
) -> None:
    """What returns after the cut began was seen by nobody: with the power, this process would have gone too.

    (The kernel does let a flush that is under way when the ioctl comes return without having flushed.)
    """
    while not cut.is_set():
        content = record(round_, outbox.next)
        tried.setdefault(outbox.next, set()).add(content)
        try:
            number = outbox.append(content)
        except AppendFailed:
            return
        assert number not in acked
        if not cut.is_set():
            acked[number] = content


def send_until_cut(directory: Path, sent: dict[int, bytes], cut: threading.Event) -> None:
    number = 1
    while not cut.is_set():
        try:
            extract = readers(directory)[-1].read(number, 50, 1_000_000)
        except OutboxError:
            continue
        for n, content in extract.entries():
            if not isinstance(content, Hole) and not cut.is_set():
                assert sent.setdefault(n, content) == content
        number = extract.next


def leave_half_a_line(outbox: Outbox, directory: Path) -> None:
    """What a writer would leave that is cut in the middle of a write."""
    segments = sorted((directory / outbox.id).glob("*.jsonl"))
    assert segments[-1] == segment_path(directory / outbox.id, int(segments[-1].stem))
    with segments[-1].open("ab") as file:
        file.write(b'01234567 {"')


def check(
    directory: Path,
    outbox: Outbox,
    acked: dict[int, bytes],
    sent: dict[int, bytes],
    tried: dict[int, set[bytes]],
    covered: int,
) -> None:
    found = everything(directory)
    for number, content in (acked | sent).items():
        assert number < covered or found[number] == content
    for number, content in found.items():
        assert content in tried[number]
    assert outbox.next > max([0, *acked, *sent])


def test_a_small_full_disk_is_refused_and_an_acknowledgement_frees_it(tmp_path: Path) -> None:
    """Real ENOSPC from the kernel: nothing acknowledged is lost, reading goes on, appends work again (DESIGN 6.7)."""
    with mounted("-t", "tmpfs", "-o", "size=512k", "none", tmp_path / "small") as place:
        outbox = Outbox(place / "outbox", "m", LIMITS)
        acked: dict[int, bytes] = {}
        for round_ in range(5):
            with suppress(OutboxFull):
                while True:
                    content = record(round_, outbox.next)
                    acked[outbox.append(content)] = content
            found = everything(place / "outbox")
            assert found == {number: content for number, content in acked.items() if number in found}
            assert all(number in found for number in acked if number >= outbox.acknowledged)
            outbox.acknowledge(outbox.next if round_ % 2 else outbox.next - 100)
            content = record(99, outbox.next)
            acked[outbox.append(content)] = content
        print(f"{len(acked)} acknowledged appends on 512 kB, {outbox.health.burnt} burnt")
        outbox.close()


def test_a_disk_that_fails_under_a_mounted_file_system_loses_nothing(tmp_path: Path) -> None:
    """EIO, then the kernel's remount to read-only: reading goes on; after the repair everything is there."""
    with mounted("-t", "tmpfs", "-o", "size=24m", "none", tmp_path / "under") as under:
        image, place, ballast = under / "card.img", tmp_path / "card", under / "ballast"
        with image.open("wb") as file:
            file.truncate(200 << 20)
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", image)
        acked: dict[int, bytes] = {}
        failures: dict[str, int] = {}
        with mounted("-o", "loop,errors=remount-ro", image, place):
            outbox = Outbox(place / "outbox", "m", LIMITS)
            for _ in range(50):
                content = record(1, outbox.next)
                acked[outbox.append(content)] = content
            fill(ballast)
            for _ in range(3000):
                content = record(2, outbox.next)
                try:
                    acked[outbox.append(content)] = content
                except AppendFailed as failed:
                    failures[str(failed.__cause__)] = failures.get(str(failed.__cause__), 0) + 1
                    if sum(failures.values()) > 200:
                        break
            found = everything(place / "outbox")  # but for the newest: it cannot be flushed again
            assert acked.items() - found.items() <= {(max(acked), acked[max(acked)])}
            after = outbox.next
            outbox.close()
        ballast.unlink()
        subprocess.run(["e2fsck", "-fy", str(image)], check=False, capture_output=True)
        with mounted("-o", "loop", image, place), Outbox(place / "outbox", "m", LIMITS) as outbox:
            assert acked.items() <= everything(place / "outbox").items()
            assert outbox.append(b'{"after":1}') > max(acked)
            print(f"{len(acked)} acknowledged appends, failures {failures}, next {after} then {outbox.next}")
    assert failures


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
