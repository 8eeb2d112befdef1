"""The queue as TinyDB sees it: documents that can be inserted and searched, never changed.

A queued record is evidence. Only a receipt takes it away, and a correction is a new record that names the old one;
so `update`, `upsert`, `remove`, `truncate` and `drop_table` raise `Immutable`. Each insert is one append,
durable by itself; its document id is its sequence number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, Protocol

from tinydb.storages import Storage
from tinydb.table import Document, Table

from sync.outbox.errors import Immutable

TABLE = "_default"


class Queue(Protocol):
    """What the table needs from the outbox."""

    def append(self, record: bytes) -> int:
        """Write one record durably; its number."""
        ...

    def queued(self, first: int | None = None, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Numbers and records that are queued, in order, from `first` to before `end`."""
        ...

    def waiting(self) -> int:
        """How many are queued."""
        ...


class QueuedDocuments(Mapping[str, Mapping[str, Any]]):
    """Lazy: a million documents are read one by one. TinyDB wants document ids as text here."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def __getitem__(self, doc_id: str) -> Mapping[str, Any]:
        number = int(doc_id)
        for _, record in self._queue.queued(number, number + 1):
            return _decode(record)
        raise KeyError(doc_id)

    def __iter__(self) -> Iterator[str]:
        return (str(number) for number, _ in self._queue.queued())

    def __len__(self) -> int:
        return self._queue.waiting()

    def items(self) -> Any:
        """In one pass, where the inherited one would look each document up."""
        return ((str(number), _decode(record)) for number, record in self._queue.queued())


def _decode(record: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(record)
    return document


class QueueStorage(Storage):
    """TinyDB's way to the queue."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue

    def read(self) -> dict[str, Any]:
        """The one table, unread."""
        return {TABLE: QueuedDocuments(self.queue)}

    def write(self, data: dict[str, dict[str, Any]]) -> NoReturn:
        """Refused: TinyDB would write everything anew."""
        raise Immutable("queued records are not changed: append a correction")


class QueueTable(Table):
    """A table whose inserts are appends."""

    def __init__(self, storage: QueueStorage, name: str, **_: Any) -> None:
        if name != TABLE:
            raise ValueError(f"an outbox has one table, {TABLE}")
        super().__init__(storage, name, cache_size=0)  # else TinyDB keeps ten whole results
        self._queue = storage.queue

    def insert(self, document: Mapping[str, Any]) -> int:
        """Append the document. Returns its sequence number.

        Raises AppendFailed, and ValueError or TypeError for what is not JSON or names its own number.
        """
        if not isinstance(document, Mapping):
            raise ValueError("Document is not a Mapping")
        if isinstance(document, Document):
            raise ValueError("the outbox gives the number; insert dict(document) for a copy")
        text = json.dumps(dict(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return self._queue.append(text.encode())

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Append one by one: those before a failure are kept."""
        return [self.insert(document) for document in documents]

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> NoReturn:
        raise Immutable("queued records are not changed: append a correction")
