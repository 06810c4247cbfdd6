"""The fields of an OMM (CCSDS 502.0-B-3, section 4) that an element set for SGP4 needs: one table for all containers,
CSV, JSON, XML and KVN, in the spellings of CelesTrak and Space-Track. Fields that are not named here are ignored.

A container hands over every value as the text that was received; what is read from it is decided here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter

from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.messages.alpha5 import parse_catalog_number
from ssa_pipeline.messages.assembly import (
    Assembly,
    Fields,
    RecordError,
    Span,
    check_ephemeris_type,
    day_of_year_us,
    day_us,
    has_control_characters,
    number,
    whole_decimal,
    whole_number,
)

# Units as KVN and XML may write them, table 4-3.
UNITS = {
    "MEAN_MOTION": "rev/day",
    "ECCENTRICITY": "",
    "INCLINATION": "deg",
    "RA_OF_ASC_NODE": "deg",
    "ARG_OF_PERICENTER": "deg",
    "MEAN_ANOMALY": "deg",
    "BSTAR": "1/ER",
    "MEAN_MOTION_DOT": "rev/day**2",
    "MEAN_MOTION_DDOT": "rev/day**3",
}
NUMERIC = tuple(UNITS)
_POWERS = ("BSTAR", "MEAN_MOTION_DDOT")
OTHERS = (
    "NORAD_CAT_ID",
    "EPOCH",
    "OBJECT_NAME",
    "OBJECT_ID",
    "EPHEMERIS_TYPE",
    "CLASSIFICATION_TYPE",
    "ELEMENT_SET_NO",
    "REV_AT_EPOCH",
    "EPOCH_MICROSECONDS",  # Space-Track's class tle has whole seconds in EPOCH, and the rest here
)
# What SGP4 elements are; a field that is absent or blank says nothing against it.
CONVENTIONS = (
    ("MEAN_ELEMENT_THEORY", ("", "SGP4", "SGP/SGP4", "TLE", "SDP4", "SGP4/SDP4", "SGP/SDP4"), RejectRule.THEORY),
    ("REF_FRAME", ("", "TEME", "TEMEOFDATE"), RejectRule.REFERENCE_FRAME),
    ("TIME_SYSTEM", ("", "UTC"), RejectRule.TIME_SYSTEM),
    ("CENTER_NAME", ("", "EARTH"), RejectRule.CENTER),
)
CONVENTION_NAMES = tuple(name for name, _, _ in CONVENTIONS)
# SGP4 uses neither derivative, so a file may do without them (they count as 0).
REQUIRED = ("NORAD_CAT_ID", "EPOCH", *NUMERIC[:7])
OPTIONAL = (*NUMERIC[7:], *OTHERS[2:], *CONVENTION_NAMES)
KEYWORDS = frozenset((*REQUIRED, *OPTIONAL))

_EPOCH = re.compile(
    r"([0-9]{4})-(?:([0-9]{2})-([0-9]{2})|([0-9]{3}))[T ]"
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,12}))?(?:Z|\+00:?00)?",
    re.IGNORECASE,
)
_WEEK_DATE = re.compile(r"[0-9]{4}-?W[0-9]", re.IGNORECASE)
_TLE_POWER = re.compile(r"([+-]?)([0-9]{5})([+-][0-9]{1,2})")  # as a TLE writes B* and the second derivative
_NOT_IN_WORDS = re.compile(r"[\s_-]")
_PLAIN_NUMBERS = re.compile(r"[0-9+\-.eE]+")
_BLANK = dict.fromkeys(KEYWORDS, "")
_numbers_of, _others_of, _conventions_of = itemgetter(*NUMERIC), itemgetter(*OTHERS), itemgetter(*CONVENTION_NAMES)
_printable_of = itemgetter("OBJECT_NAME", "OBJECT_ID", "CLASSIFICATION_TYPE")


def add_record(
    assembly: Assembly, span: Span, values: Sequence[tuple[str, str]], error: RecordError | None = None
) -> None:
    """Accept or reject one record from its (keyword, text) pairs; ``error`` is what its container found wrong."""
    try:
        assembly.accept(read_keywords(values, error), span)
    except RecordError as wrong:
        reject_record(assembly, span, dict(values), wrong)


def read_keywords(values: Sequence[tuple[str, str]], error: RecordError | None = None) -> Fields:
    """One element set from its (keyword, text) pairs; RecordError where something is wrong, ``error`` before all."""
    if error is not None:
        raise error
    known = dict(values)
    if len(known) < len(values):
        _check_none_repeated(values)
    return _read_keywords(known)


def reject_record(assembly: Assembly, span: Span, known: Mapping[str, str], error: RecordError) -> None:
    norad_id, object_name = identify(known.get("NORAD_CAT_ID", ""), known.get("OBJECT_NAME", ""))
    assembly.reject(error, span, norad_id=norad_id, object_name=object_name)


def _read_keywords(values: Mapping[str, str]) -> Fields:
    filled = {**_BLANK, **values}
    for text in _printable_of(filled):
        if has_control_characters(text.strip()):
            raise RecordError(RejectRule.MALFORMED, f"control characters in {text!r}")
    return read_fields(_numbers_of(filled), _others_of(filled), _conventions_of(filled))


def read_fields(numbers: Sequence[str], others: Sequence[str], conventions: Sequence[str]) -> Fields:
    """One element set from the texts of NUMERIC, OTHERS and CONVENTION_NAMES, '' for what is absent."""
    norad_id, epoch, name, object_id, kind, classification, set_no, rev, microseconds = others
    check_ephemeris_type(kind)
    _check_conventions(conventions)
    motion, eccentricity, inclination, raan, perigee, anomaly, bstar, dot, ddot = _read_numbers(numbers)
    return Fields(
        _catalog_number(norad_id),
        name.strip(),
        object_id.strip(),
        _epoch_us(epoch, microseconds) if microseconds else parse_epoch(epoch),
        motion,
        eccentricity,
        inclination,
        raan,
        perigee,
        anomaly,
        bstar,
        dot,
        ddot,
        classification if classification == "U" else _classification(classification),
        whole_number("ELEMENT_SET_NO", set_no),
        whole_number("REV_AT_EPOCH", rev),
    )


def _classification(text: str) -> str:
    """One letter is a capital one."""
    text = text.strip() or "U"
    return text.upper() if len(text) == 1 else text


def identify(norad_id: str, name: str) -> tuple[int | None, str | None]:
    """Number and name of a record that is rejected, as far as they can be read."""
    object_name = None if has_control_characters(name.strip()) else name.strip() or None
    try:
        return parse_catalog_number(norad_id), object_name
    except ValueError:
        return None, object_name


def check_unit(name: str, unit: str) -> None:
    """RecordError where a number says another unit than the standard's; '' says none."""
    if unit.strip() and unit.strip().upper() != UNITS[name].upper():
        detail = f"{name} is in {unit.strip()!r}, not in {UNITS[name] or 'units of 1'}"
        raise RecordError(RejectRule.BAD_NUMBER, detail)


def _check_none_repeated(values: Sequence[tuple[str, str]]) -> None:
    counts = Counter(name for name, _ in values)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise RecordError(RejectRule.MALFORMED, f"{', '.join(twice)} occurs twice in one record")


def _check_conventions(conventions: Sequence[str]) -> None:
    for (name, usable, rule), text in zip(CONVENTIONS, conventions, strict=True):
        if text and text not in usable and _NOT_IN_WORDS.sub("", text.upper()) not in usable:
            raise RecordError(rule, f"{name} {text.strip()!r} is not {usable[1]}: sgp4 would propagate it wrongly")


def _read_numbers(texts: Sequence[str]) -> list[float]:
    if "" not in texts and _PLAIN_NUMBERS.fullmatch("".join(texts)):
        try:
            return [float(text) for text in texts]
        except ValueError:
            pass  # the careful way finds which one, and says so
    return [_number(name, text) for name, text in zip(NUMERIC, texts, strict=True)]


def _number(name: str, text: str) -> float:
    if name in _POWERS and (power := _TLE_POWER.fullmatch(text.strip())):
        return float(f"{power[1]}.{power[2]}e{power[3]}")
    if text.strip():
        return number(name, text)
    if name in REQUIRED:
        raise RecordError(RejectRule.MISSING_FIELD, f"{name} is empty")
    return 0.0


def _catalog_number(text: str) -> int:
    if not text.strip():
        raise RecordError(RejectRule.MISSING_FIELD, "NORAD_CAT_ID is empty")
    try:
        return parse_catalog_number(text)
    except ValueError as error:
        if value := whole_decimal(text.strip()):
            return value
        raise RecordError(RejectRule.BAD_CATALOG_NUMBER, f"NORAD_CAT_ID: {error}") from None


def parse_epoch(text: str) -> int:
    """Microseconds of a UTC epoch, by calendar day or day of year, with or without a fraction (a finer one is
    rounded to the nearest microsecond) and Z; RecordError otherwise."""
    text = text.strip()
    if not text:
        raise RecordError(RejectRule.MISSING_FIELD, "EPOCH is empty")
    match = _EPOCH.fullmatch(text)
    if match is None:
        if _WEEK_DATE.match(text):
            raise RecordError(RejectRule.BAD_EPOCH, f"EPOCH {text!r} is a week date, which element sets do not have")
        detail = f"EPOCH {text!r} is not a UTC time like 2024-11-01T12:34:56.789012"
        raise RecordError(RejectRule.BAD_EPOCH, detail)
    year, month, day, day_of_year, hour, minute, second, fraction = match.groups()
    if day_of_year is None:
        start = day_us(int(year), int(month), int(day))
    else:
        start = day_of_year_us(int(year), int(day_of_year))
    seconds = (int(hour) * 60 + int(minute)) * 60 + int(second)
    return start + seconds * 1_000_000 + _fraction_us(fraction or "0")


def _epoch_us(epoch: str, microseconds: str) -> int:
    """Of an EPOCH in whole seconds with EPOCH_MICROSECONDS beside it."""
    whole_us, more_us = parse_epoch(epoch), whole_number("EPOCH_MICROSECONDS", microseconds)
    if more_us > 999_999:
        raise RecordError(RejectRule.BAD_EPOCH, f"EPOCH_MICROSECONDS {microseconds!r} is a second and more")
    fraction_us = whole_us % 1_000_000
    if fraction_us and more_us and fraction_us != more_us:
        detail = f"EPOCH {epoch!r} and EPOCH_MICROSECONDS {microseconds!r} say different fractions of a second"
        raise RecordError(RejectRule.BAD_EPOCH, detail)
    return whole_us - fraction_us + (more_us or fraction_us)


def _fraction_us(digits: str) -> int:
    if len(digits) <= 6:
        return int(digits.ljust(6, "0"))
    scale: int = 10 ** len(digits)
    return (2_000_000 * int(digits) // scale + 1) // 2
