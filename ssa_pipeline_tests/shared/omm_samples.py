"""Element sets as the sources spell them, written here by hand and by nothing of the package: a row is keyword → text,
as in CelesTrak's CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from ssa_pipeline_tests.shared.places import DATA

CELESTRAK_CSV = (DATA / "celestrak_omm_20241101.csv").read_bytes()
ROWS: list[dict[str, str]] = list(csv.DictReader(io.StringIO(CELESTRAK_CSV.decode())))
COLUMNS = list(ROWS[0])

METADATA = ("OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM", "MEAN_ELEMENT_THEORY")
ELEMENTS = (
    "EPOCH",
    "MEAN_MOTION",
    "ECCENTRICITY",
    "INCLINATION",
    "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER",
    "MEAN_ANOMALY",
)
TLE_PARAMETERS = (
    "EPHEMERIS_TYPE",
    "CLASSIFICATION_TYPE",
    "NORAD_CAT_ID",
    "ELEMENT_SET_NO",
    "REV_AT_EPOCH",
    "BSTAR",
    "MEAN_MOTION_DOT",
    "MEAN_MOTION_DDOT",
)
CONVENTIONS = {"CENTER_NAME": "EARTH", "REF_FRAME": "TEME", "TIME_SYSTEM": "UTC", "MEAN_ELEMENT_THEORY": "SGP4"}
TEXTS = ("OBJECT_NAME", "OBJECT_ID", "EPOCH", "CLASSIFICATION_TYPE")
# The columns of Space-Track's class gp, in its order (space-track.org/basicspacedata/modeldef/class/gp).
SPACE_TRACK = """
    CCSDS_OMM_VERS COMMENT CREATION_DATE ORIGINATOR OBJECT_NAME OBJECT_ID CENTER_NAME REF_FRAME TIME_SYSTEM
    MEAN_ELEMENT_THEORY EPOCH MEAN_MOTION ECCENTRICITY INCLINATION RA_OF_ASC_NODE ARG_OF_PERICENTER MEAN_ANOMALY
    EPHEMERIS_TYPE CLASSIFICATION_TYPE NORAD_CAT_ID ELEMENT_SET_NO REV_AT_EPOCH BSTAR MEAN_MOTION_DOT
    MEAN_MOTION_DDOT SEMIMAJOR_AXIS PERIOD APOAPSIS PERIAPSIS OBJECT_TYPE RCS_SIZE COUNTRY_CODE LAUNCH_DATE SITE
    DECAY_DATE FILE GP_ID TLE_LINE0 TLE_LINE1 TLE_LINE2
""".split()  # noqa: SIM905
_EXTRA = {
    "CCSDS_OMM_VERS": "3.0",
    "COMMENT": "GENERATED VIA SPACE-TRACK.ORG API",
    "CREATION_DATE": "2024-11-01T06:46:10",
    "ORIGINATOR": "18 SPCS",
    **CONVENTIONS,
    "OBJECT_TYPE": "PAYLOAD",
    "RCS_SIZE": "MEDIUM",
    "DECAY_DATE": None,
    "GP_ID": "271828182",
}


def space_track_json(rows: Sequence[dict[str, str]]) -> bytes:
    """Everything a string, absent values null, one line for the whole file."""
    records = [{name: (_EXTRA | row).get(name) for name in SPACE_TRACK} for row in rows]
    return json.dumps(records, separators=(",", ":"), ensure_ascii=False).encode()


def celestrak_json(rows: Sequence[dict[str, str]], indent: int | None = None) -> bytes:
    """Numbers as numbers, as FORMAT=JSON and, with an indent, FORMAT=JSON-PRETTY."""
    records = [{name: _number_or_text(name, text) for name, text in row.items()} for row in rows]
    return json.dumps(records, indent=indent, ensure_ascii=False).encode()


def _number_or_text(name: str, text: str) -> Any:
    if name in TEXTS:
        return text
    return int(text) if text.isdecimal() else float(text)


def xml(rows: Sequence[dict[str, str]], line_end: str = "\n") -> bytes:
    """Two lines a message, as CelesTrak writes it; with line_end "" one for the whole file, as Space-Track."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<ndm xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    return (line_end.join([head, *(xml_message(row, line_end) for row in rows), "</ndm>"]) + "\n").encode()


def xml_message(row: dict[str, str], line_end: str = "\n") -> str:
    metadata, elements, parameters = (_tags(row, names) for names in (METADATA, ELEMENTS, TLE_PARAMETERS))
    return (
        f'<omm id="CCSDS_OMM_VERS" version="2.0">{line_end}<header><CREATION_DATE/><ORIGINATOR/></header>'
        f"<body><segment><metadata>{metadata}</metadata><data><meanElements>{elements}</meanElements>"
        f"<tleParameters>{parameters}</tleParameters></data></segment></body></omm>"
    )


def _tags(row: dict[str, str], names: Sequence[str]) -> str:
    values = CONVENTIONS | row
    return "".join(f"<{name}>{escape(values[name])}</{name}>" for name in names if name in values)


def kvn(rows: Sequence[dict[str, str]]) -> bytes:
    return "".join(kvn_message(row) for row in rows).encode()


def kvn_message(row: dict[str, str]) -> str:
    values = CONVENTIONS | row
    lines = [f"{name:<20}= {values[name]}" for name in (*METADATA, *ELEMENTS, *TLE_PARAMETERS) if name in values]
    return "\n".join(["CCSDS_OMM_VERS      = 2.0", "CREATION_DATE       =", "ORIGINATOR          =", *lines, "", ""])
