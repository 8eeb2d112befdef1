"""The outbox against a plain list: whatever is done to it in whatever order, it holds what the list holds."""

from __future__ import annotations

import errno
import json
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tinydb import where

from sync.outbox import AppendFailed, Limits, Outbox, OutboxError, OutboxReplaced, readers
from sync.wire.batch import Hole
from tests.crash.memory_disk import MemoryDisk
from tests.crash.power_cut import DIRECTORY
from tests.examples import examples

documents = st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5) | st.none(), max_size=3)


class Model(RuleBasedStateMachine):
    """The list holds a record, or None for a burnt number; index 0 is number 1."""

    @initialize(segment_records=st.integers(2, 5), kept_bytes=st.sampled_from([0, 100, 1 << 20]))
    def start(self, segment_records: int, kept_bytes: int) -> None:
        self.limits = Limits(segment_records=segment_records, kept_bytes=kept_bytes, reserve_bytes=0)
        self.disk = MemoryDisk({"/state": None})
        self.machine = 1
        self.ids: list[str] = []
        self.sealed: dict[str, list[bytes | None]] = {}
        self.list: list[bytes | None] = []
        self.acknowledged = 1
        self.open()

    def open(self) -> None:
        self.outbox = Outbox(DIRECTORY, f"machine {self.machine}", self.limits, system=self.disk)

    @rule(document=documents)
    def append(self, document: dict[str, object]) -> None:
        record = json.dumps(document).encode()
        assert self.outbox.append(record) == len(self.list) + 1
        self.list.append(record)

    @rule(document=documents)
    def insert(self, document: dict[str, object]) -> None:
        number = self.outbox.insert(document)
        assert self.outbox.get(doc_id=number) == document
        (reader,) = readers(DIRECTORY, system=self.disk)[-1:]
        self.list.extend(reader.read(number, 1, 9999).records)
        assert number == len(self.list)

    @rule(call=st.sampled_from(["write", "sync_data"]))
    def append_fails(self, call: str) -> None:
        self.disk.failing[call] = {self.disk.calls.get(call, 0) + 1: errno.EIO}
        with pytest.raises(AppendFailed):
            self.outbox.append(b'{"fails":1}')
        self.list.append(None)
        with suppress(OutboxError):  # the kernel tells one reader of the failed flush
            readers(DIRECTORY, system=self.disk)[-1].read(1, 999, 99999)

    @rule(back=st.integers(0, 6))
    def acknowledge(self, back: int) -> None:
        number = max(1, len(self.list) + 1 - back)
        self.outbox.acknowledge(number)
        self.acknowledged = max(self.acknowledged, number)

    @rule(beyond=st.integers(2, 9))
    def acknowledge_too_much(self, beyond: int) -> None:
        with pytest.raises(OutboxReplaced):
            self.outbox.acknowledge(len(self.list) + beyond)

    @rule()
    def restart(self) -> None:
        name = self.outbox.id
        self.outbox.close()
        self.open()
        assert self.outbox.id == name
        self.acknowledged = self.outbox.acknowledged

    @precondition(lambda self: len(self.sealed) < 3)
    @rule(moved=st.booleans())
    def begin_anew(self, moved: bool) -> None:
        self.sealed[self.outbox.id] = self.list
        if moved:
            self.outbox.close()
            self.machine += 1
            self.open()
        else:
            self.outbox.renew()
        self.list, self.acknowledged = [], 1
        assert self.outbox.id not in self.sealed

    @rule(first=st.integers(1, 40), max_records=st.integers(1, 10), max_bytes=st.integers(1, 200))
    def read(self, first: int, max_records: int, max_bytes: int) -> None:
        reader = readers(DIRECTORY, system=self.disk)[-1]
        extract = reader.read(first, max_records, max_bytes)
        assert len(extract.records) <= max_records
        assert len(extract.records) <= 1 or sum(map(len, extract.records)) <= max_bytes
        number = first
        for found, content in extract.entries():
            assert found == number
            number = content.last + 1 if isinstance(content, Hole) else number + 1
            self.agrees(found, content, reader.first())
        assert number == extract.next
        assert extract.next > first or first > len(self.list)

    def agrees(self, number: int, content: bytes | Hole, kept_from: int) -> None:
        if not isinstance(content, Hole):
            assert content == self.list[number - 1]
        elif content.reason == "pruned":
            assert content.last < kept_from <= self.acknowledged
        else:
            assert content.reason == "burnt"
            assert set(self.list[content.first - 1 : content.last]) == {None}

    @invariant()
    def tinydb_shows_what_is_queued(self) -> None:
        if not hasattr(self, "outbox"):
            return
        queued = [(n, it) for n, it in enumerate(self.list, 1) if n >= self.acknowledged and it is not None]
        assert (self.outbox.next, self.outbox.acknowledged) == (len(self.list) + 1, self.acknowledged)
        assert [(it.doc_id, dict(it)) for it in self.outbox] == [(n, json.loads(it)) for n, it in queued]
        assert len(self.outbox) == len(queued)
        assert self.outbox.count(where("").exists()) == sum("" in json.loads(it) for _, it in queued)

    @invariant()
    def sealed_outboxes_are_kept(self) -> None:
        if not hasattr(self, "outbox"):
            return
        found = readers(DIRECTORY, system=self.disk)
        assert {reader.id for reader in found[:-1]} == set(self.sealed)
        assert found[-1].id == self.outbox.id
        for reader in found[:-1]:
            kept = reader.read(reader.first(), 999, 99999).entries()
            assert [n for n, it in kept if not isinstance(it, Hole)] == [
                n for n, it in enumerate(self.sealed[reader.id], 1) if it is not None and n >= reader.first()
            ]


TestOutboxAgainstAList = Model.TestCase
TestOutboxAgainstAList.settings = settings(max_examples=examples(80), stateful_step_count=40, deadline=None)
