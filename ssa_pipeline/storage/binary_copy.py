"""PostgreSQL's binary COPY format to and from numpy columns, without a Python object per number.

A row is an int16 field count, then per field an int32 length (-1 = NULL) and the payload, big-endian. Columns of
fixed size form one structured array that numpy fills at memory speed; columns of variable size (text, bytea,
nullable numbers) follow them. The same order is demanded of tables and queries that are read back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_US_FROM_1970_TO_2000 = 946_684_800_000_000
_DAYS_FROM_1970_TO_2000 = 10_957
_ROWS_PER_BLOCK = 4096

# Kind of a column -> its payload. timestamptz is int64 microseconds since 1970 on our side, since 2000 on theirs.
_FIXED = {
    "int2": ">i2",
    "int4": ">i4",
    "int8": ">i8",
    "float8": ">f8",
    "bool": "?",
    "date": ">i4",
    "timestamptz": ">i8",
}
_VARIABLE = ("text", "bytea", "int8?")


@dataclass(frozen=True)
class Column:
    """One column: ``values`` is an array of n numbers, or for text, bytea and int8? a sequence of n values or
    None. A scalar stands for the same value in every row (fixed kinds only)."""

    name: str
    kind: str
    values: Any


def copy_in(connection: psycopg.Connection, table: sql.Composable, columns: Sequence[Column], n: int) -> int:
    """COPY n rows into ``table``; returns the number of bytes sent."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(table, names)
    sent = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in encode(columns, n):
            copy.write(block)
            sent += len(block)
    return sent


def copy_out(
    connection: psycopg.Connection, query: str, params: dict[str, Any], kinds: dict[str, str]
) -> dict[str, Any]:
    """Run ``query`` and return its columns in the order of ``kinds`` (fixed kinds first): numpy arrays for fixed
    kinds, lists for the others."""
    statement = sql.SQL("COPY (") + sql.SQL(query) + sql.SQL(") TO STDOUT (FORMAT BINARY)")
    with connection.cursor() as cursor, cursor.copy(statement, params) as copy:
        data = b"".join(bytes(block) for block in copy)
    return decode(data, kinds)


def encode(columns: Sequence[Column], n: int) -> Iterator[bytes]:
    """The COPY stream of n rows in blocks."""
    _demand_fixed_first([column.kind for column in columns])
    fixed = [column for column in columns if column.kind in _FIXED]
    variable = [column for column in columns if column.kind not in _FIXED]
    yield _HEADER
    for start in range(0, n, _ROWS_PER_BLOCK):
        stop = min(start + _ROWS_PER_BLOCK, n)
        block = _fixed_block(fixed, len(columns), start, stop)
        if not variable:
            yield block.tobytes()
            continue
        yield _joined(block, [_payloads(column, start, stop) for column in variable])
    yield _TRAILER


def decode(data: bytes, kinds: dict[str, str]) -> dict[str, Any]:
    """The columns of a COPY stream; ValueError where it is not of these kinds."""
    _demand_fixed_first(list(kinds.values()))
    fixed = {name: kind for name, kind in kinds.items() if kind in _FIXED}
    dtype = _row_dtype(list(fixed.values()))
    variable = {name: kind for name, kind in kinds.items() if kind not in _FIXED}
    if not data.startswith(_HEADER[:11]):
        raise ValueError("not a binary COPY stream")
    if variable:
        rows, texts = _split_rows(data, dtype.itemsize, len(variable))
    else:
        rows, texts = data[len(_HEADER) : -len(_TRAILER)], []
    block = np.frombuffer(rows, dtype=dtype)
    if len(block) and (int(block["n"].min()) != len(kinds) or int(block["n"].max()) != len(kinds)):
        raise ValueError(f"a row has {int(block['n'][0])} fields where {len(kinds)} were asked for")
    columns: dict[str, Any] = {
        name: _from_wire(block, f"{index}", kind) for index, (name, kind) in enumerate(fixed.items())
    }
    for (name, kind), values in zip(variable.items(), texts, strict=False):
        columns[name] = [_value(kind, value) for value in values]
    return columns


def _demand_fixed_first(kinds: list[str]) -> None:
    unknown = set(kinds) - set(_FIXED) - set(_VARIABLE)
    is_variable = [kind not in _FIXED for kind in kinds]
    if unknown or is_variable != sorted(is_variable):
        raise ValueError(f"columns must be of known kinds, fixed ones first, not {kinds}")


def _row_dtype(kinds: list[str]) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [("n", ">i2")]
    for index, kind in enumerate(kinds):
        fields += [(f"length_{index}", ">i4"), (f"{index}", _FIXED[kind])]
    return np.dtype(fields)


def _fixed_block(columns: list[Column], n_fields: int, start: int, stop: int) -> NDArray[np.void]:
    dtype = _row_dtype([column.kind for column in columns])
    block: NDArray[np.void] = np.empty(stop - start, dtype=dtype)
    block["n"] = n_fields
    for index, column in enumerate(columns):
        block[f"length_{index}"] = dtype[f"{index}"].itemsize
        values = column.values[start:stop] if isinstance(column.values, np.ndarray) else column.values
        block[f"{index}"] = _to_wire(values, column.kind)
    return block


def _to_wire(values: Any, kind: str) -> Any:
    if kind == "timestamptz":
        return values - _US_FROM_1970_TO_2000
    if kind == "date":
        return (values - date(2000, 1, 1)).days if isinstance(values, date) else values - _DAYS_FROM_1970_TO_2000
    return values


def _from_wire(block: NDArray[np.void], field: str, kind: str) -> NDArray[Any]:
    lengths = block[f"length_{field}"]
    size = block.dtype[field].itemsize
    if len(block) and (int(lengths.min()) != size or int(lengths.max()) != size):
        raise ValueError(f"a value of kind {kind} is NULL or not {size} bytes long")
    values = block[field].astype(block.dtype[field].newbyteorder("="))
    if kind == "timestamptz":
        return np.asarray(values + _US_FROM_1970_TO_2000)
    if kind == "date":
        return np.asarray(values + _DAYS_FROM_1970_TO_2000)
    return np.asarray(values)


def _payloads(column: Column, start: int, stop: int) -> list[bytes]:
    """Length prefix and payload of the values start … stop of a column of variable size."""
    payloads = []
    for value in column.values[start:stop]:
        if value is None:
            payloads.append(b"\xff\xff\xff\xff")
            continue
        if column.kind == "text":
            value = value.encode()
        elif column.kind == "int8?":
            value = struct.pack(">q", value)
        payloads.append(struct.pack(">i", len(value)) + value)
    return payloads


def _joined(block: NDArray[np.void], variable: list[list[bytes]]) -> bytes:
    fixed, size = block.tobytes(), block.dtype.itemsize
    heads = [fixed[at : at + size] for at in range(0, len(fixed), size)]
    return b"".join(part for row in zip(heads, *variable, strict=True) for part in row)


def _split_rows(data: bytes, fixed_size: int, n_variable: int) -> tuple[bytes, list[list[bytes | None]]]:
    heads: list[bytes] = []
    values: list[list[bytes | None]] = [[] for _ in range(n_variable)]
    length_at = struct.Struct(">i").unpack_from
    at, end = len(_HEADER), len(data) - len(_TRAILER)
    while at < end:
        heads.append(data[at : at + fixed_size])
        at += fixed_size
        for column in values:
            (length,) = length_at(data, at)
            at += 4
            if length < 0:
                column.append(None)
                continue
            column.append(data[at : at + length])
            at += length
    return b"".join(heads), values


def _value(kind: str, value: bytes | None) -> str | bytes | int | None:
    if value is None or kind == "bytea":
        return value
    if kind == "text":
        return value.decode()
    return int(struct.unpack(">q", value)[0])
