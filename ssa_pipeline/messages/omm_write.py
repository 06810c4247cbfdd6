"""Element sets as OMM: CSV and JSON as CelesTrak spells them, XML and KVN as CCSDS 502.0-B-3 does. Nothing is rounded:
every number is the shortest decimal that reads back to the same bits."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.sax.saxutils import escape

from ssa_pipeline.core.outside_text import for_csv
from ssa_pipeline.core.time import from_us
from ssa_pipeline.messages.assembly import Fields
from ssa_pipeline.messages.tle_write import UnrepresentableError

# Keyword of each field; in CelesTrak's order.
KEYWORDS = {
    "OBJECT_NAME": "object_name",
    "OBJECT_ID": "object_id",
    "EPOCH": "epoch_us",
    "MEAN_MOTION": "mean_motion_rev_per_day",
    "ECCENTRICITY": "eccentricity",
    "INCLINATION": "inclination_deg",
    "RA_OF_ASC_NODE": "raan_deg",
    "ARG_OF_PERICENTER": "arg_perigee_deg",
    "MEAN_ANOMALY": "mean_anomaly_deg",
    "EPHEMERIS_TYPE": "",
    "CLASSIFICATION_TYPE": "classification",
    "NORAD_CAT_ID": "norad_id",
    "ELEMENT_SET_NO": "element_set_no",
    "REV_AT_EPOCH": "rev_at_epoch",
    "BSTAR": "bstar",
    "MEAN_MOTION_DOT": "mean_motion_dot",
    "MEAN_MOTION_DDOT": "mean_motion_ddot",
}
_CONVENTIONS = {"CENTER_NAME": "EARTH", "REF_FRAME": "TEME", "TIME_SYSTEM": "UTC", "MEAN_ELEMENT_THEORY": "SGP4"}
_METADATA = ("OBJECT_NAME", "OBJECT_ID", *_CONVENTIONS)
_ELEMENTS = tuple(KEYWORDS)[2:9]
_TLE_PARAMETERS = tuple(KEYWORDS)[9:]
_SCHEMA = "https://sanaregistry.org/r/ndmxml_unqualified/ndmxml-3.0.0-master-3.0.xsd"
XML_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ndm xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    f'xsi:noNamespaceSchemaLocation="{_SCHEMA}">\n'
)
XML_FOOT = "</ndm>\n"
CSV_HEAD = ",".join(KEYWORDS) + "\r\n"
ORIGINATOR = "SSA-PIPELINE"
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0, section 2.2


def csv_row(record: Fields) -> str:
    line = io.StringIO()
    values = [for_csv(value) if isinstance(value, str) else value for value in _values(record).values()]
    csv.writer(line, lineterminator="\r\n").writerow(values)
    return line.getvalue()


def json_object(record: Fields) -> str:
    return json.dumps(_values(record), separators=(",", ":"), ensure_ascii=False)


def xml_message(record: Fields, created: str) -> str:
    """One ``<omm>``; ``created`` is CREATION_DATE. UnrepresentableError where a text holds what XML cannot."""
    values = dict(_CONVENTIONS)
    values.update((name, str(value)) for name, value in _values(record).items())
    if wrong := next((text for text in values.values() if _NO_XML.search(text)), None):
        raise UnrepresentableError(f"{wrong!r} holds a character that XML cannot")
    metadata, elements, parameters = (
        "".join(f"<{name}>{escape(values[name])}</{name}>" for name in names)
        for names in (_METADATA, _ELEMENTS, _TLE_PARAMETERS)
    )
    return (
        f'<omm id="CCSDS_OMM_VERS" version="3.0">\n<header><CREATION_DATE>{created}</CREATION_DATE>'
        f"<ORIGINATOR>{ORIGINATOR}</ORIGINATOR></header><body><segment><metadata>{metadata}</metadata>"
        f"<data><meanElements>{elements}</meanElements><tleParameters>{parameters}</tleParameters></data>"
        "</segment></body></omm>\n"
    )


def kvn_message(record: Fields, created: str) -> str:
    """One message and a blank line; ``created`` is CREATION_DATE."""
    values = {"CCSDS_OMM_VERS": "3.0", "CREATION_DATE": created, "ORIGINATOR": ORIGINATOR}
    body = _values(record) | _CONVENTIONS
    values |= {name: str(body[name]) for name in (*_METADATA, *_ELEMENTS, *_TLE_PARAMETERS)}
    return "".join(f"{name:<19} = {value}".rstrip() + "\n" for name, value in values.items()) + "\n"


def _values(record: Fields) -> dict[str, object]:
    """Keyword → value in KEYWORDS' order: floats and ints as such, texts otherwise."""
    values: dict[str, object] = {name: getattr(record, field, 0) for name, field in KEYWORDS.items()}
    moment = from_us(record.epoch_us).replace(tzinfo=None)
    return values | {"EPOCH": moment.isoformat(timespec="microseconds"), "EPHEMERIS_TYPE": 0}
