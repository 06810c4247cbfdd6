"""Element sets as TLE and 3LE, in the columns of ``tle.LINE_1`` and ``LINE_2``.

Numbers are rounded half up in decimal to the columns' resolution, as CelesTrak does; what the columns cannot hold at
all is an UnrepresentableError.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from ssa_pipeline.core.time import from_us
from ssa_pipeline.messages.alpha5 import format_alpha5
from ssa_pipeline.messages.assembly import Fields
from ssa_pipeline.messages.tle import checksum

NAME_LENGTH = 24
_TICK_US = 864  # 1e-8 day
_FIRST_YEAR, _LAST_YEAR = 1957, 2056
_OBJECT_ID = re.compile(r"([0-9]{4})-([0-9]{3}[A-Z]{1,3})")
_LOOKS_LIKE_OBJECT_ID = re.compile(r"[0-9]{5}[A-Z]{1,3}")
_CLASSIFICATION = re.compile(r"[A-Z]")


class UnrepresentableError(ValueError):
    """The target format cannot hold this record; the message says which value and why."""


def two_lines(record: Fields, losses: Counter[str]) -> str:
    """Lines 1 and 2, each with its end; ``losses`` counts the fields that lost digits, or the name."""
    losses["object_name"] += bool(record.object_name)
    return _lines(record, losses)


def three_lines(record: Fields, losses: Counter[str]) -> str:
    """Line 0, ``0 NAME``, then lines 1 and 2; a longer name is cut to 24 characters."""
    losses["object_name"] += len(record.object_name) > NAME_LENGTH
    return f"0 {record.object_name[:NAME_LENGTH]}".rstrip() + "\n" + _lines(record, losses)


def _lines(record: Fields, losses: Counter[str]) -> str:
    epoch = _epoch(record.epoch_us, losses)
    dot = _dot(record.mean_motion_dot, losses)
    ddot = _power("mean_motion_ddot", record.mean_motion_ddot, losses)
    bstar = _power("bstar", record.bstar, losses)
    number, kind = _object(record.norad_id), _classification(record.classification)
    set_no = _whole("element_set_no", record.element_set_no, 4)
    line_1 = f"1 {number}{kind} {_designator(record.object_id)} {epoch} {dot} {ddot} {bstar} 0 {set_no}"
    inclination, raan, perigee, anomaly = (
        _fixed(name, getattr(record, name), 4, 8, losses)
        for name in ("inclination_deg", "raan_deg", "arg_perigee_deg", "mean_anomaly_deg")
    )
    eccentricity = _fixed("eccentricity", record.eccentricity, 7, 9, losses)
    if not eccentricity.startswith("0."):
        raise UnrepresentableError(f"eccentricity {record.eccentricity!r} does not fit 7 decimals")
    motion = _fixed("mean_motion_rev_per_day", record.mean_motion_rev_per_day, 8, 11, losses)
    rev = _whole("rev_at_epoch", record.rev_at_epoch, 5)
    line_2 = f"2 {number} {inclination} {raan} {eccentricity[2:]} {perigee} {anomaly} {motion}{rev}"
    return f"{line_1}{checksum(line_1)}\n{line_2}{checksum(line_2)}\n"


def _object(norad_id: int) -> str:
    try:
        return format_alpha5(norad_id)
    except ValueError as error:
        raise UnrepresentableError(str(error)) from None


def _classification(text: str) -> str:
    if _CLASSIFICATION.fullmatch(text):
        return text
    raise UnrepresentableError(f"classification {text!r} is not one capital letter")


def _designator(object_id: str) -> str:
    """``1998-067A`` is ``98067A  ``; another text stays as it is where it fits and cannot be mistaken for one."""
    if match := _OBJECT_ID.fullmatch(object_id):
        if _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
            return f"{match[1][2:]}{match[2]}".ljust(8)
    elif (
        len(object_id) <= 8
        and object_id.isascii()
        and object_id.isprintable()
        and not _LOOKS_LIKE_OBJECT_ID.fullmatch(object_id)
    ):
        return object_id.ljust(8)
    raise UnrepresentableError(f"object_id {object_id!r} does not fit the 8 columns of the international designator")


def _epoch(epoch_us: int, losses: Counter[str]) -> str:
    ticks = (2 * epoch_us + _TICK_US) // (2 * _TICK_US)
    losses["epoch"] += ticks * _TICK_US != epoch_us
    moment = from_us(ticks * _TICK_US)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise UnrepresentableError(f"epoch year {moment.year} has no two digits: those reach from 1957 to 2056")
    since_midnight = timedelta(
        hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )
    fraction = since_midnight // timedelta(microseconds=_TICK_US)
    return f"{moment.year % 100:02d}{moment.timetuple().tm_yday:03d}.{fraction:08d}"


def _rounded(name: str, value: float, unit: Decimal, losses: Counter[str]) -> Decimal:
    exact = Decimal(repr(value))  # the shortest decimal that is this float: the number as it was written
    rounded = exact.quantize(unit, ROUND_HALF_UP) + 0  # no minus zero
    losses[name] += rounded != exact
    return rounded


def _fixed(name: str, value: float, decimals: int, width: int, losses: Counter[str]) -> str:
    text = f"{_rounded(name, value, Decimal(1).scaleb(-decimals), losses):.{decimals}f}"
    if len(text) > width:
        raise UnrepresentableError(f"{name} {value!r} does not fit {width} columns")
    return text.rjust(width)


def _dot(value: float, losses: Counter[str]) -> str:
    rounded = _rounded("mean_motion_dot", value, Decimal("1e-8"), losses) if abs(value) < 1.0 else Decimal(1)
    text = f"{abs(rounded):.8f}"
    if not text.startswith("0."):
        raise UnrepresentableError(f"mean_motion_dot {value!r} does not fit: a TLE holds less than 1 rev/day^2")
    return ("-" if rounded < 0 else " ") + text[1:]


def _power(name: str, value: float, losses: Counter[str]) -> str:
    """`` 12345-3`` is 0.12345e-3."""
    exact = Decimal(repr(value))
    exponent = max(exact.adjusted() + 1, -9) if exact else 0
    if exponent > 9:
        raise UnrepresentableError(f"{name} {value!r} does not fit: a TLE holds less than 1e9")
    rounded = _rounded(name, value, Decimal(1).scaleb(exponent - 5), losses)
    if not rounded:
        return " 00000+0"
    digits = int(abs(rounded).scaleb(5 - exponent))
    if digits == 100_000:  # 0.999996 became 1.00000
        return _power(name, float(rounded), losses)
    return f"{'-' if rounded < 0 else ' '}{digits:05d}{exponent:+d}"


def _whole(name: str, value: int, width: int) -> str:
    if not 0 <= value < 10**width:
        raise UnrepresentableError(f"{name} {value} has more than {width} digits")
    return f"{value:>{width}d}"
