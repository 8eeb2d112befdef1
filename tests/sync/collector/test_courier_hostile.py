"""A stick that somebody prepared: huge files, links, FIFOs, devices, wrong names – bounded, told, the others served."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from sync import stick
from sync.collector.courier import service
from sync.collector.courier.service import mark, take_stick
from sync.collector.fleet.service import find_gate, known_gate
from sync.stick import Calls
from sync.wire.carried import ANSWER, BatchName, Return, device_seal, seal_return
from sync.wire.status import StickTrouble
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.stickside import StickGate, files, stick_gate

OUTBOX = "ab" * 16
NAME = str(BatchName(OUTBOX, 1, 501))
SECRET = b"a file of this machine that nobody may have"


@pytest.fixture
def usb(site: Site, tmp_path: Path) -> Path:
    directory = tmp_path / "usb"
    directory.mkdir()
    mark(site.centre, directory)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(SECRET)
    return directory


@pytest.fixture
def gate(site: Site) -> StickGate:
    return stick_gate(site, people=3)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def link(path: Path) -> None:
    path.symlink_to(path.parents[3] / "outside" / "secret")


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only root makes a device")


PLANTS: dict[str, Callable[[Path], object]] = {
    "huge": huge,
    "link": link,
    "fifo": os.mkfifo,
    "device": device,
    "directory": Path.mkdir,
    "empty": Path.touch,
    "noise": lambda path: path.write_bytes(os.urandom(5_000)),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_no_batch_is_told_and_the_rest_goes_on(site: Site, usb: Path, gate: StickGate, plant: str) -> None:
    """At the centre, beside a genuine gate's batches; nothing of this machine goes onto the stick."""
    gate.visited(usb)
    PLANTS[plant](usb / "venue-gate" / gate.folder / NAME)
    tracemalloc.start()
    done = take_stick(site.centre, usb, lambda: NOW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    one = done.brought[bytes.fromhex(gate.folder)]
    assert (done.fault, one.new, one.refused, one.answered, len(one.troubles)) == (None, 3, 1, True, 1)
    assert NAME in one.troubles[0]
    assert peak < 20_000_000
    assert not any(SECRET in content for content in files(usb).values())
    assert gate.visited(usb).handed is not None
    assert gate.waiting == 0


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_no_answer_is_told_and_the_gate_carries_out_all_the_same(
    site: Site, usb: Path, gate: StickGate, plant: str
) -> None:
    """The next answer takes its place – a directory alone has to be removed by hand."""
    folder = usb / "venue-gate" / gate.folder
    folder.mkdir()
    PLANTS[plant](folder / ANSWER)
    out = gate.visited(usb)
    assert (out.fault, out.carried, len(out.troubles)) == (None, 3, 1)
    assert "answer" in out.troubles[0]
    done = take_stick(site.centre, usb, lambda: NOW)
    (one,) = done.brought.values()
    assert (one.new, one.answered) == (3, plant != "directory")
    assert (usb.parent / "outside" / "secret").read_bytes() == SECRET


@pytest.mark.parametrize("plant", ["link", "fifo", "directory", "noise"])
def test_what_stands_in_the_place_of_a_batch_of_ours_goes_or_is_told(usb: Path, gate: StickGate, plant: str) -> None:
    """A link is replaced, never written through."""
    folder = usb / "venue-gate" / gate.folder
    folder.mkdir()
    PLANTS[plant](folder / str(BatchName(gate.outbox.id, 1, 4)))
    out = gate.visited(usb)
    if plant == "directory":
        assert out.fault is not None
        assert (out.fault.trouble, "remove it" in str(out.fault)) == (StickTrouble.BAD_CONTENT, True)
    else:
        assert (out.fault, out.carried) == (None, 3)
    assert (usb.parent / "outside" / "secret").read_bytes() == SECRET


def test_a_folder_that_is_a_link_is_never_entered(site: Site, usb: Path, gate: StickGate) -> None:
    """Neither a gate's nor the stick's own: nothing outside is read, nothing is written there."""
    outside = usb.parent / "outside"
    (usb / "venue-gate" / gate.folder).symlink_to(outside)
    out = gate.visited(usb)
    assert out.fault is not None
    assert out.fault.trouble is StickTrouble.BAD_CONTENT
    done = take_stick(site.centre, usb, lambda: NOW)
    assert [len(one.troubles) > 0 for one in done.brought.values()] == [True]
    (usb / "venue-gate").rename(outside / "venue-gate")
    (usb / "venue-gate").symlink_to(outside / "venue-gate")
    assert gate.visited(usb).fault is not None
    assert {path.name for path in outside.iterdir()} == {"secret", "venue-gate"}


def test_names_that_mean_nothing_are_passed_over(site: Site, usb: Path, gate: StickGate) -> None:
    """Not UTF-8, traversal as far as a name can try, other endings, other people's files: left as they are."""
    gate.visited(usb)
    folder = usb / "venue-gate" / gate.folder
    strange = [b"\xff\xfe.batch", b"..\\..\\etc.batch", NAME.encode() + b"\n", b"-rf", b"a" * 255, "№.batch".encode()]
    for name in strange:
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"x")
        (usb / "venue-gate" / os.fsdecode(name)).mkdir()
    done = take_stick(site.centre, usb, lambda: NOW)
    assert done.is_well
    assert len(done.brought) == 1
    gate.visited(usb)
    assert gate.waiting == 0
    assert {os.fsencode(path.name) for path in folder.iterdir()} >= set(strange)


def test_the_case_of_a_name_does_not_matter(site: Site, usb: Path, gate: StickGate) -> None:
    """FAT keeps it, or does not, as the program pleases that copied the stick."""
    gate.visited(usb)
    for path in sorted((usb / "venue-gate").rglob("*"), reverse=True):
        path.rename(path.with_name(path.name.upper()))
    (usb / "venue-gate" / "STICK.JSON").rename(usb / "venue-gate" / "stick.json")  # as FAT would find it
    (usb / "venue-gate").rename(usb / "VENUE-GATE")
    done = take_stick(site.centre, usb, lambda: NOW)
    assert [(one.gate, one.new) for one in done.brought.values()] == [(gate.id, 3)]
    answer = next(path for path in usb.rglob(ANSWER))
    (usb / "VENUE-GATE" / gate.folder.upper() / ANSWER.upper()).write_bytes(answer.read_bytes())
    back = gate.visited(usb)
    assert (back.fault, gate.waiting) == (None, 0)


def test_thousands_of_files_are_bounded(
    site: Site, usb: Path, gate: StickGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one folder so many names, of refused files so few; what is left is told, and who is honest is served."""
    monkeypatch.setattr(service, "MAX_BATCHES", 120)
    gate.visited(usb)
    rogue = usb / "venue-gate" / ("f" * 16)
    rogue.mkdir()
    for number in range(1, 400):
        (rogue / str(BatchName(OUTBOX, number, number + 1))).write_bytes(b"noise")
    began = time.monotonic()
    done = take_stick(site.centre, usb, lambda: NOW)
    assert time.monotonic() - began < 20
    strange = done.brought[bytes.fromhex("f" * 16)]
    assert (strange.refused, done.brought[bytes.fromhex(gate.folder)].new) == (20, 3)
    assert done.left == 399 + 2 - 120
    assert "the rest of this folder was left" in strange.troubles[-1]


def test_no_more_names_than_that_are_listed_and_it_is_told(
    site: Site, usb: Path, gate: StickGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of millions ends no program."""
    gate.visited(usb)
    folder = usb / "venue-gate" / gate.folder
    for number in range(30):
        (folder / f"{number}").touch()
    assert len(Calls().names(os.open(folder, os.O_RDONLY), 7)) == 7
    monkeypatch.setattr(stick, "MAX_NAMES", 20)
    done = take_stick(site.centre, usb, lambda: NOW)
    assert "more than 20 names" in done.brought[bytes.fromhex(gate.folder)].troubles[0]
    assert any("more than 20 names" in sentence for sentence in gate.visited(usb).troubles)


def test_updates_with_names_of_paths_install_nothing_outside(site: Site, usb: Path, gate: StickGate) -> None:
    """Even whoever knows the gate's sealing key – the centre alone – cannot name a file elsewhere."""
    gate.visited(usb)
    take_stick(site.centre, usb, lambda: NOW)
    with site.centre.database.read() as session:
        seal = known_gate(session.connection(), find_gate(session, gate.id)).seal
    assert seal == device_seal(gate.wire.key).public_key().public_bytes_raw()
    evil = Return([b"no receipt"], {"../../evil": b"x", "keys.cose": b"", "manifest.cose": b""})
    (usb / "venue-gate" / gate.folder / ANSWER).write_bytes(seal_return(evil, seal))
    out = gate.visited(usb)
    assert out.handed is not None
    assert (out.handed.updates, out.handed.receipts, len(out.troubles)) == (None, 0, 2)
    assert not list(gate.state.root.parent.rglob("evil"))


def test_a_batch_in_another_gates_folder_is_its_own_gates(site: Site, usb: Path, gate: StickGate) -> None:
    """The signature says whose it is; the answer lies where that gate looks for it."""
    other = stick_gate(site, "2号", people=4)
    for each in (gate, other):
        each.visited(usb)
    root = usb / "venue-gate"
    for path in (root / gate.folder).iterdir():
        path.rename(root / other.folder / path.name)
    (root / gate.folder).rmdir()
    done = take_stick(site.centre, usb, lambda: NOW)
    assert done.is_well
    for each, count in ((gate, 3), (other, 4)):
        assert done.brought[bytes.fromhex(each.folder)].new == count
        each.visited(usb)
        assert each.waiting == 0
