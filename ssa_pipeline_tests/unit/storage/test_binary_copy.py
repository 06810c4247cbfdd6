"""The binary COPY format, against bytes written down from PostgreSQL's documentation (COPY, File Formats)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.storage.binary_copy import Column, decode, encode

HEADER = b"PGCOPY\n\377\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


def test_one_row_of_every_kind_is_spelled_as_documented() -> None:
    columns = [
        Column("a", "int2", np.array([-2])),
        Column("b", "int4", np.array([1])),
        Column("c", "int8", np.array([258])),
        Column("d", "float8", np.array([-1.5])),
        Column("e", "bool", np.array([True])),
        Column("f", "date", date(2000, 1, 3)),
        Column("g", "timestamptz", np.array([parse_utc("2000-01-01T00:00:01Z")])),
        Column("h", "text", ["é"]),
        Column("i", "bytea", [b"\0\1"]),
        Column("j", "int8?", [None]),
        Column("k", "int8?", [7]),
        Column("l", "text", [None]),
    ]
    fields = [
        b"\xff\xfe",
        b"\0\0\0\1",
        bytes(6) + b"\1\2",
        b"\xbf\xf8" + bytes(6),
        b"\1",
        b"\0\0\0\2",
        bytes(5) + b"\x0f\x42\x40",
        b"\xc3\xa9",
        b"\0\1",
        None,
        bytes(7) + b"\7",
        None,
    ]
    spelled = b"".join(b"\xff\xff\xff\xff" if f is None else len(f).to_bytes(4, "big") + f for f in fields)
    assert b"".join(encode(columns, 1)) == HEADER + b"\0\x0c" + spelled + TRAILER


@pytest.mark.parametrize("n", [0, 1, 4095, 4096, 4097, 10_000])
def test_what_is_encoded_is_decoded(n: int) -> None:
    random = np.random.default_rng(n)
    values = {
        "id": random.integers(-(2**62), 2**62, n),
        "time": random.integers(-(10**15), 4 * 10**15, n),
        "x": random.normal(size=n),
        "is_odd": random.random(n) < 0.5,
        "note": [None if k % 7 == 0 else "x" * (k % 5) for k in range(n)],
        "data": [bytes([k % 256]) * (k % 9) for k in range(n)],
    }
    kinds = {"id": "int8", "time": "timestamptz", "x": "float8", "is_odd": "bool", "note": "text", "data": "bytea"}
    columns = [Column(name, kind, values[name]) for name, kind in kinds.items()]
    decoded = decode(b"".join(encode(columns, n)), kinds)
    for name, expected in values.items():
        assert list(decoded[name]) == list(expected), name
    fixed = {name: kind for name, kind in kinds.items() if kind not in ("text", "bytea")}
    alone = decode(b"".join(encode(columns[:4], n)), fixed)
    assert alone["time"].dtype == np.int64
    assert alone["is_odd"].dtype == np.bool_
    assert list(alone["time"]) == list(values["time"])


def test_null_in_a_column_of_fixed_size_is_refused() -> None:
    null = HEADER + b"\0\1" + b"\xff\xff\xff\xff" + bytes(8) + TRAILER
    with pytest.raises(ValueError, match="NULL"):
        decode(null, {"a": "int8"})


def test_other_numbers_of_fields_and_other_formats_are_refused() -> None:
    data = b"".join(encode([Column("a", "int8", np.array([1, 2]))], 2))
    with pytest.raises(ValueError, match=r"buffer size|fields"):
        decode(data, {"a": "int8", "b": "int8"})
    with pytest.raises(ValueError, match="not a binary COPY"):
        decode(b"1\t2\n", {"a": "int8"})
    with pytest.raises(ValueError, match="fixed ones first"):
        list(encode([Column("a", "text", ["x"]), Column("b", "int8", np.array([1]))], 1))
