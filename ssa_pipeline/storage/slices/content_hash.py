"""A hash of a slice's content that depends on nothing but its values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

import numpy as np

# Ids that a database gives out: the same content has others elsewhere. And what is said of other days.
_LOCAL = ("snapshot_id", "rejected_snapshot_id", "held_days")


def content_hash(value: Any) -> tuple[str, int]:
    """SHA-256 (hex) over the fields of a record, and the number of bytes hashed."""
    digest = _Counting()
    _add(digest, value)
    return digest.hash.hexdigest(), digest.size


class _Counting:
    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.size = 0

    def add(self, data: bytes) -> None:
        self.hash.update(data)
        self.size += len(data)


def _add(digest: _Counting, value: Any) -> None:
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name not in _LOCAL:
                digest.add(field.name.encode() + b"=")
                _add(digest, getattr(value, field.name))
    elif isinstance(value, np.ndarray) and value.dtype != object:
        digest.add(f"{value.dtype.str}{value.shape}".encode())
        digest.add(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, np.ndarray):
        digest.add(json.dumps([str(item) for item in value.tolist()]).encode())
    elif isinstance(value, list):
        digest.add(f"[{len(value)}]".encode())
        for item in value:
            _add(digest, item)
    elif isinstance(value, bytes):
        digest.add(b"%d:" % len(value) + value)
    elif isinstance(value, Enum):
        digest.add(repr(value.value).encode() + b";")
    elif value is None or isinstance(value, (str, int, float, date)):
        digest.add(repr(value).encode() + b";")
    else:
        raise TypeError(f"{type(value).__name__} cannot be part of a slice")
