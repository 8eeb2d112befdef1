"""The outbox as its users see it: append, read, acknowledge, TinyDB."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest
from tinydb import Query, TinyDB

from sync.outbox import (
    AppendFailed,
    BadAcknowledgement,
    Immutable,
    Limits,
    Outbox,
    OutboxBusy,
    OutboxReader,
    OutboxReplaced,
    readers,
)
from sync.outbox.system import System
from sync.wire.batch import Hole


class Counting(System):
    """Counts the calls that cost something."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        self.calls["write"] += 1
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self.calls["sync"] += 1
        super().sync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        self.calls["sync_data"] += 1
        super().sync_data(descriptor)


SMALL = Limits(segment_records=3, reserve_bytes=0)
MACHINE = "10000000a1b2c3d4:0353445341434742"
DEEP = b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"


def record(number: int) -> bytes:
    return b'{"n": %d, "word": "\xe6\x9d\x8e"}' % number


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox", MACHINE, SMALL) as opened:
        yield opened


def reader_of(outbox: Outbox, directory: Path) -> OutboxReader:
    return next(reader for reader in readers(directory / "outbox") if reader.id == outbox.id)


def test_numbers_start_at_one_and_rise_by_one(outbox: Outbox) -> None:
    """The document id is the sequence number."""
    assert outbox.next == 1
    assert [outbox.append(record(n)) for n in range(1, 9)] == list(range(1, 9))
    assert outbox.next == 9


def test_what_is_read_is_what_was_appended(outbox: Outbox, tmp_path: Path) -> None:
    """Verbatim: spaces, order of keys, and characters beyond ASCII."""
    appended = [record(n) for n in range(8)] + [b'{ "b":1,"a" : [1.50, null] }']
    for content in appended:
        outbox.append(content)
    extract = reader_of(outbox, tmp_path).read(1, 500, 1_000_000)
    assert (extract.first, extract.next, list(extract.records), extract.holes) == (1, 10, appended, ())


def test_a_batch_obeys_both_limits(outbox: Outbox, tmp_path: Path) -> None:
    """At most so many records and so many bytes, but at least one record."""
    for n in range(8):
        outbox.append(record(n))
    reader, size = reader_of(outbox, tmp_path), len(record(1))
    assert reader.read(2, 3, 1_000_000).next == 5
    assert reader.read(2, 500, 4 * size).next == 6
    assert reader.read(2, 500, 1).next == 3


@pytest.mark.parametrize("first", [9, 10, 500])
def test_nothing_there_yet_is_an_empty_extract(outbox: Outbox, tmp_path: Path, first: int) -> None:
    """next = first, so that the sender asks for the same again."""
    for n in range(8):
        outbox.append(record(n))
    extract = reader_of(outbox, tmp_path).read(first, 500, 1_000_000)
    assert (extract.next, extract.records, extract.holes) == (first, (), ())


def test_a_reader_follows_the_writer(outbox: Outbox, tmp_path: Path) -> None:
    """`next` sees each record as soon as it is appended, over the ends of segments."""
    reader = reader_of(outbox, tmp_path)
    assert reader.next() == 1
    for n in range(1, 12):
        outbox.append(record(n))
        assert reader.next() == n + 1


def test_numbers_go_on_after_a_restart_with_an_empty_queue(tmp_path: Path) -> None:
    """TinyDB would start again at 1; a sequence number is never reused (DESIGN 6.4)."""
    limits = Limits(segment_records=3, kept_bytes=0, reserve_bytes=0)
    with Outbox(tmp_path, MACHINE, limits) as first:
        for n in range(6):
            first.append(record(n))
        first.acknowledge(7)
        assert len(first) == 0
        name = first.id
    with Outbox(tmp_path, MACHINE, limits) as second:
        assert (second.id, second.next) == (name, 7)
        assert second.append(record(7)) == 7


def test_one_process_writes(outbox: Outbox, tmp_path: Path) -> None:
    """A second writer gets a clear error; after the first closed, it may."""
    with pytest.raises(OutboxBusy):
        Outbox(tmp_path / "outbox", MACHINE, SMALL)
    outbox.close()
    Outbox(tmp_path / "outbox", MACHINE, SMALL).close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}x",
        b' {"a":1}',
        b'{"a":1',
        b'{"a":\n1}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b"{" + b" " * 4095 + b"}",
        DEEP,
    ],
    ids=range(10),
)
def test_what_is_no_record_is_refused_before_the_disk(outbox: Outbox, content: bytes) -> None:
    """One JSON object in one line of at most 4,096 bytes: anything else is our own bug and burns nothing."""
    with pytest.raises(ValueError, match=r"record|utf-8"):
        outbox.append(content)
    assert outbox.append(record(1)) == 1


def test_the_largest_record_fits(outbox: Outbox, tmp_path: Path) -> None:
    """4,096 bytes to the byte."""
    largest = b'{"a":"' + b"x" * (4096 - 8) + b'"}'
    outbox.append(largest)
    assert reader_of(outbox, tmp_path).read(1, 1, 1_000_000).records == (largest,)


def test_an_insert_costs_exactly_one_flush(tmp_path: Path) -> None:
    """Counted, not timed (DESIGN 6.6); a new segment costs one more, for its name."""
    system = Counting()
    with Outbox(tmp_path, MACHINE, SMALL, system=system) as outbox:
        costs = []
        for n in range(7):
            system.calls.clear()
            outbox.append(record(n))
            costs.append((system.calls["write"], system.calls["sync_data"], system.calls["sync"]))
    assert costs == [(1, 1, 0)] * 3 + [(1, 1, 1)] + [(1, 1, 0)] * 2 + [(1, 1, 1)]


def test_threads_may_share_an_outbox(outbox: Outbox, tmp_path: Path) -> None:
    """Each gets its own number, and acknowledging beside it disturbs nobody."""

    def work(worker: int) -> list[int]:
        numbers = [outbox.append(b'{"worker":%d,"n":%d}' % (worker, n)) for n in range(40)]
        outbox.acknowledge(numbers[worker])
        return numbers

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(work, range(4)))
    assert sorted(chain.from_iterable(numbers)) == list(range(1, 161))
    extract = reader_of(outbox, tmp_path).read(1, 500, 99999)
    documents = {number: json.loads(it) for number, it in enumerate(extract.records, 1)}
    assert all(documents[own[n]] == {"worker": w, "n": n} for w, own in enumerate(numbers) for n in range(40))


def test_a_closed_outbox_takes_nothing(outbox: Outbox) -> None:
    """Its lock is given back: another process may be writing."""
    outbox.close()
    with pytest.raises(AppendFailed):
        outbox.append(record(1))


# -- acknowledging


def test_an_acknowledgement_takes_records_out_of_the_queue(outbox: Outbox) -> None:
    """What the centre holds waits no longer; an older receipt changes nothing."""
    for n in range(1, 9):
        outbox.append(record(n))
    outbox.acknowledge(6)
    outbox.acknowledge(3)
    assert (outbox.acknowledged, [document.doc_id for document in outbox]) == (6, [6, 7, 8])


def test_acknowledged_segments_are_kept_so_that_a_restored_centre_can_ask_again(outbox: Outbox, tmp_path: Path) -> None:
    """By size, never by date (DESIGN 6.7)."""
    for n in range(8):
        outbox.append(record(n))
    outbox.acknowledge(9)
    assert reader_of(outbox, tmp_path).read(1, 500, 1_000_000).next == 9


def test_the_oldest_acknowledged_segments_go_when_they_exceed_their_size(tmp_path: Path) -> None:
    """A pruned number is a declared hole."""
    with Outbox(tmp_path / "outbox", MACHINE, Limits(segment_records=3, kept_bytes=200, reserve_bytes=0)) as outbox:
        for n in range(8):
            outbox.append(record(n))
        outbox.acknowledge(9)
        reader = reader_of(outbox, tmp_path)
        extract = reader.read(1, 500, 1_000_000)
        assert reader.first() == 4
        assert extract.holes == (Hole(1, 3, "pruned"),)
        assert [number for number, _ in extract.entries()] == [1, 4, 5, 6, 7, 8]


def test_what_is_not_acknowledged_is_never_pruned(tmp_path: Path) -> None:
    """Nothing unacknowledged is dropped to make room (DESIGN 6.7)."""
    with Outbox(tmp_path / "outbox", MACHINE, Limits(segment_records=3, kept_bytes=0, reserve_bytes=0)) as outbox:
        for n in range(8):
            outbox.append(record(n))
        outbox.acknowledge(6)
        assert reader_of(outbox, tmp_path).first() == 4


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_is_none_is_refused(outbox: Outbox, number: int) -> None:
    """The range of a receipt is checked before anything is unlinked."""
    outbox.append(record(1))
    with pytest.raises(BadAcknowledgement):
        outbox.acknowledge(number)
    assert outbox.acknowledged == 1


# -- whose outbox it is


def test_another_machine_starts_a_new_outbox_and_the_old_one_stays_readable(tmp_path: Path) -> None:
    """A cloned or moved card never gives out the original's numbers (DESIGN 7)."""
    with Outbox(tmp_path, MACHINE, SMALL) as original:
        original.append(record(1))
        brought = original.id
    with Outbox(tmp_path, "other board:other card", SMALL) as moved:
        assert moved.id != brought
        assert moved.append(record(2)) == 1
        sealed, active = readers(tmp_path)
        assert (sealed.id, sealed.sealed, sealed.read(1, 9, 9999).records) == (brought, "other_machine", (record(1),))
        assert (active.id, active.sealed) == (moved.id, None)


def test_a_card_that_comes_back_does_not_go_on_in_its_sealed_outbox(tmp_path: Path) -> None:
    """Sealed is for good: its numbers may have gone on elsewhere."""
    ids = []
    for machine in (MACHINE, "another:one", MACHINE):
        with Outbox(tmp_path, machine, SMALL) as outbox:
            ids.append(outbox.id)
    assert len(set(ids)) == 3
    assert readers(tmp_path)[-1].id == ids[-1]


def test_an_old_image_is_found_out_and_a_new_outbox_starts(outbox: Outbox, tmp_path: Path) -> None:
    """A receipt for more than was ever written: sealed, and on with a new id (DESIGN 7)."""
    outbox.append(record(1))
    replaced = outbox.id
    with pytest.raises(OutboxReplaced):
        outbox.acknowledge(3)
    assert outbox.renew() == outbox.id != replaced
    assert outbox.append(record(2)) == 1
    assert [(reader.id, reader.sealed) for reader in readers(tmp_path / "outbox")] == [
        (replaced, "replaced"),
        (outbox.id, None),
    ]


def test_a_sealed_outbox_is_pruned_when_it_is_drained_and_room_is_needed(tmp_path: Path) -> None:
    """An acknowledgement always frees space, also for an outbox that the card brought along."""
    limits = Limits(segment_records=3, kept_bytes=0, reserve_bytes=0)
    with Outbox(tmp_path, MACHINE, limits) as original:
        for n in range(5):
            original.append(record(n))
        brought = original.id
    with Outbox(tmp_path, "another:one", limits) as outbox:
        outbox.acknowledge_sealed(brought, 5)
        assert next(reader for reader in readers(tmp_path) if reader.id == brought).first() == 4
        outbox.acknowledge_sealed(brought, 6)
        assert [reader.id for reader in readers(tmp_path)] == [outbox.id]
        outbox.acknowledge_sealed(brought, 6)
        with pytest.raises(BadAcknowledgement):
            outbox.acknowledge_sealed(outbox.id, 1)


def test_records_of_a_replaced_outbox_stay_until_a_receipt_covers_them(tmp_path: Path) -> None:
    """The receipt that found the old image out names other records by these numbers: it prunes nothing (R2)."""
    with Outbox(tmp_path, MACHINE, Limits(segment_records=3, kept_bytes=0, reserve_bytes=0)) as outbox:
        for n in range(5):
            outbox.append(record(n))
        replaced = outbox.id
        outbox.renew()
        outbox.acknowledge_sealed(replaced, 99)
        assert readers(tmp_path)[0].read(1, 500, 99999).next == 6


# -- TinyDB


def test_it_is_a_tinydb_over_what_is_queued(outbox: Outbox) -> None:
    """Query, search, get, contains, count, iteration and len as TinyDB's users expect."""
    assert isinstance(outbox, TinyDB)
    numbers = outbox.insert_multiple({"gate": n % 2, "name": "南门"} for n in range(8))
    gate = Query().gate
    assert numbers == list(range(1, 9))
    assert [document.doc_id for document in outbox.search(gate == 1)] == [2, 4, 6, 8]
    assert outbox.get(doc_id=5) == {"gate": 0, "name": "南门"}
    assert outbox.get(gate == 1).doc_id == 2
    assert outbox.get(doc_id=99) is None
    assert [document.doc_id for document in outbox.get(doc_ids=[7, 1, 50])] == [1, 7]
    assert outbox.contains(doc_id=8)
    assert outbox.count(gate == 0) == 4
    assert len(outbox) == len(outbox.all()) == 8
    assert outbox.tables() == {"_default"}


@pytest.mark.parametrize(
    "act",
    [
        lambda outbox: outbox.update({"a": 1}),
        lambda outbox: outbox.update({"a": 1}, doc_ids=[1]),
        lambda outbox: outbox.update_multiple([({"a": 1}, Query().n == 1)]),
        lambda outbox: outbox.upsert({"a": 1}, Query().n == 1),
        lambda outbox: outbox.remove(doc_ids=[1]),
        lambda outbox: outbox.remove(Query().n == 1),
        lambda outbox: outbox.truncate(),
        lambda outbox: outbox.drop_table("_default"),
        lambda outbox: outbox.drop_tables(),
    ],
    ids=range(9),
)
def test_a_queued_record_is_evidence(outbox: Outbox, act: Callable[[Outbox], object]) -> None:
    """Nothing but a receipt takes a record away, and nothing changes it (R8)."""
    outbox.append(record(1))
    with pytest.raises(Immutable):
        act(outbox)
    assert outbox.all() == [{"n": 1, "word": "李"}]


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"a": float("nan")}, ValueError),
        ({"a": object()}, TypeError),
        ([1], ValueError),
        ({"a": "x" * 5000}, ValueError),
    ],
    ids=range(4),
)
def test_what_json_cannot_say_is_not_inserted(
    outbox: Outbox, document: dict[str, object], error: type[Exception]
) -> None:
    """Refused before the disk; the number is not burnt."""
    with pytest.raises(error):
        outbox.insert(document)
    assert outbox.insert({"a": 1}) == 1


def test_the_outbox_gives_the_number(outbox: Outbox) -> None:
    """A Document that names its own id is refused, and so is a second table."""
    outbox.append(record(1))
    with pytest.raises(ValueError, match="number"):
        outbox.insert(outbox.get(doc_id=1))
    with pytest.raises(ValueError, match="one table"):
        outbox.table("other")
