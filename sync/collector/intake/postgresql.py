"""One statement stores a batch's new records and adds what was new to the roll-up, in one round trip.

A row that is there already adds nothing, whatever the look-up before had seen. The rows travel as arrays in
PostgreSQL's binary form, packed here: psycopg's own way for lists takes four times as long (research: 25 µs a record).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any

import psycopg
from psycopg.pq import Format
from sqlalchemy import BigInteger, Connection, Float, LargeBinary, column, literal_column, table
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from sync.collector.intake.hours import KEY, TOTALS, recount
from sync.collector.intake.model import HourlyCount, RecordRow
from sync.collector.intake.rows import Row

_CONSTANT = ("venue", "outbox", "gate", "received_at")  # of a batch
_COUNTED = (*KEY, "count", "temperature", "reasons")  # what the roll-up is made of


def store(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert the rows, all of one venue, outbox and moment."""
    columns = dict(zip(Row._fields, zip(*rows, strict=True), strict=True))
    parameters: dict[str, Any] = {name: columns.pop(name)[0] for name in _CONSTANT}
    for name, values in columns.items():
        packed = _FORMS[name]
        parameters[name] = packed(_pack(values, packed))
    connection.exec_driver_sql(_statement(), parameters)


class Packed(bytes):
    """An array in binary form. element: its type's oid. array: the array type's name. encode: a value's bytes.

    frames: each value behind its length, all of them one after the other.
    """

    element: int
    array: str
    encode: Callable[[Any], bytes]

    @classmethod
    def frames(cls, values: Sequence[Any]) -> bytes:
        """Most columns of a batch have few different values: each is encoded once."""
        framed = {value: _NULL if value is None else _frame(cls.encode(value)) for value in set(values)}
        return b"".join(map(framed.__getitem__, values))


class _Numbers(Packed):
    letter: str

    @classmethod
    def frames(cls, values: Sequence[Any]) -> bytes:
        """In one step, if there is no NULL among them."""
        if None in values:
            return super().frames(values)
        return struct.pack(f">{('i' + cls.letter) * len(values)}", *chain.from_iterable(zip(repeat(8), values)))


class _Integers(_Numbers):
    element, array, letter = 20, "bigint[]", "q"
    encode = struct.Struct(">q").pack


class _Floats(_Numbers):
    element, array, letter = 701, "double precision[]", "d"
    encode = struct.Struct(">d").pack


class _Texts(Packed):
    element, array = 25, "text[]"
    encode = str.encode


class _Bytes(Packed):
    element, array = 17, "bytea[]"
    encode = bytes

    @classmethod
    def frames(cls, values: Sequence[Any]) -> bytes:
        """Hardly two are equal."""
        return b"".join(_NULL if value is None else _LENGTH(len(value)) + value for value in values)


_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)


def _pack(values: Sequence[Any], form: type[Packed]) -> bytes:
    """array_send of PostgreSQL: dimensions, whether NULLs occur, element type, length, lower bound, then each value."""
    return struct.pack(">iiIii", 1, 1, form.element, len(values), 1) + form.frames(values)


def _frame(encoded: bytes) -> bytes:
    return _LENGTH(len(encoded)) + encoded


def _dumper(form: type[Packed]) -> type[psycopg.adapt.Dumper]:
    class Dumper(psycopg.adapt.Dumper):
        oid, format = psycopg.adapters.types[form.element].array_oid, Format.BINARY

        def dump(self, obj: Any) -> bytes:
            return bytes(obj)

    return Dumper


for _form in (_Integers, _Floats, _Texts, _Bytes):
    psycopg.adapters.register_dumper(_form, _dumper(_form))


def form_of(kind: TypeEngine[Any]) -> type[Packed]:
    """How values of that column travel."""
    if isinstance(kind, BigInteger):
        return _Integers
    if isinstance(kind, Float):
        return _Floats
    return _Bytes if isinstance(kind, LargeBinary) else _Texts


_FORMS = {c.name: form_of(c.type) for c in RecordRow.__table__.columns if c.name not in _CONSTANT}


@cache
def _statement() -> str:
    arrays = [name for name in Row._fields if name not in _CONSTANT]
    new = table("new", *(column(name) for name in _COUNTED))
    dialect = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
    # Rows of the roll-up are locked in one order by everybody: gates of a checkpoint would else deadlock on its hours.
    in_order = recount(new).order_by(*(literal_column(str(place)) for place in range(1, len(KEY) + 1)))
    counted = in_order.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    totals = ", ".join(f"{name} = hourly_count.{name} + excluded.{name}" for name in TOTALS)
    return f"""
        WITH new AS (
            INSERT INTO {RecordRow.__tablename__} ({_list((*_CONSTANT, *arrays))})
            SELECT {", ".join(f"%({name})s" for name in _CONSTANT)}, {_list(arrays)}
            FROM unnest({", ".join(f"%({name})s::{_FORMS[name].array}" for name in arrays)}) AS batch ({_list(arrays)})
            ON CONFLICT DO NOTHING
            RETURNING {_list(_COUNTED)}
        )
        INSERT INTO {HourlyCount.__tablename__} ({_list((*KEY, *TOTALS))})
        {counted}
        ON CONFLICT ({_list(KEY)}) DO UPDATE SET {totals}
    """  # noqa: S608 - names of our own tables and columns


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
